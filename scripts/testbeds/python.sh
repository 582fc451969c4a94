#!/usr/bin/env bash
# python.sh   The engines that come as Python packages: delta-rs, DuckDB with its Delta reader, pyarrow. Installs once, prints the python.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
DELTALAKE_VERSION="${DELTALAKE_VERSION:-1.6.6}"; DUCKDB_VERSION="${DUCKDB_VERSION:-1.5.5}"; PYARROW_VERSION="${PYARROW_VERSION:-26.0.1}"
VENV="$TESTBED_CACHE/engines-$DELTALAKE_VERSION-$DUCKDB_VERSION-$PYARROW_VERSION"
if [ ! -f "$VENV/.ok" ]; then
  rm -rf "$VENV"; python3 -m venv "$VENV"
  "$VENV/bin/pip" -q install "deltalake==$DELTALAKE_VERSION" "duckdb==$DUCKDB_VERSION" duckdb-extensions \
    "duckdb-extension-delta==$DUCKDB_VERSION" "pyarrow==$PYARROW_VERSION" numpy pytz >&2
  touch "$VENV/.ok"
fi
echo "$VENV/bin/python"
