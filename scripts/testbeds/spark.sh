#!/usr/bin/env bash
# spark.sh [APP ARGS…]   Spark with Delta Lake. Installs once: PySpark from PyPI, Delta's jars from Maven Central by coordinates (handed to
# Spark by path, so that nothing is resolved at start). Without arguments only installs; else runs APP on local[2].
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
SPARK_VERSION="${SPARK_VERSION:-4.2.0}"      # the newest that delta-spark admits
DELTA_VERSION="${DELTA_VERSION:-4.4.0}"      # the newest whose jars are on Maven Central
SCALA="${SCALA:-2.13}"; LINE="${SPARK_VERSION%.*}"
VENV="$TESTBED_CACHE/spark-$SPARK_VERSION-delta-$DELTA_VERSION"; JARS="$VENV/delta-jars"
JAVA_HOME="$(find_jdk 17 21)"; export JAVA_HOME
if [ ! -f "$VENV/.ok" ]; then
  rm -rf "$VENV"; python3 -m venv "$VENV"
  "$VENV/bin/pip" -q install "pyspark==$SPARK_VERSION" "delta-spark==$DELTA_VERSION" pyarrow 'pandas<3' >&2
  mkdir -p "$JARS"; pom="$(mktemp -d)"
  cat >"$pom/pom.xml" <<POM
<project><modelVersion>4.0.0</modelVersion><groupId>testbed</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>io.delta</groupId><artifactId>delta-spark_${LINE}_${SCALA}</artifactId><version>${DELTA_VERSION}</version>
<exclusions><exclusion><groupId>org.apache.spark</groupId><artifactId>*</artifactId></exclusion>
<exclusion><groupId>org.apache.hadoop</groupId><artifactId>*</artifactId></exclusion>
<exclusion><groupId>org.scala-lang</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency></dependencies></project>
POM
  (cd "$pom" && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$JARS") >&2
  rm -rf "$pom"
  # what Spark itself ships must not be doubled
  own="$("$VENV/bin/python" -c 'import pyspark,os;print(os.path.join(os.path.dirname(pyspark.__file__),"jars"))')"
  for jar in "$JARS"/*.jar; do
    base="$(basename "$jar")"; artifact="${base%-[0-9]*.jar}"
    if compgen -G "$own/$artifact-[0-9]*.jar" >/dev/null; then rm -f "$jar"; fi
  done
  touch "$VENV/.ok"
fi
[ $# -gt 0 ] || exit 0
WORK="${SPARK_WORK:-$TESTBED_RUN/spark}"; mkdir -p "$WORK"
export PYSPARK_PYTHON="$VENV/bin/python" SPARK_LOCAL_IP=127.0.0.1
# Python starts the JVM, not the other way round: so the program keeps its standard input.
export PYSPARK_SUBMIT_ARGS="--master local[2] --driver-memory ${SPARK_MEM:-4g} --jars $(ls "$JARS"/*.jar | paste -sd,) \
  --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension \
  --conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog \
  --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=4 --conf spark.sql.session.timeZone=UTC \
  --conf spark.driver.host=127.0.0.1 --conf spark.local.dir=$WORK/local --conf spark.sql.warehouse.dir=$WORK/warehouse \
  --conf spark.driver.extraJavaOptions=-Dderby.system.home=$WORK/derby pyspark-shell"
exec "$VENV/bin/python" "$@"
