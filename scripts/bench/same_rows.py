"""same_rows.py TABLE TABLE: whether two tables have the same rows, as DuckDB's Delta reader sees them; fails where they have not."""
import json, sys
import duckdb
from duckdb_extensions import import_extension

import_extension("delta")
connection = duckdb.connect()
connection.execute("LOAD delta; SET threads=2; SET TimeZone='UTC'")
found = [connection.execute(f"SELECT count(*), bit_xor(hash(t)), sum(hash(t)) FROM delta_scan('{table}') AS t").fetchone() for table in sys.argv[1:3]]
print(json.dumps({"rows": found[0][0], "same": found[0] == found[1]}))
sys.exit(0 if found[0] == found[1] else 1)
