#!/usr/bin/env bash
# spark.sh [--with-s3] [APP ARGS…]   Spark with Delta Lake, Kafka and Avro. Installs once: PySpark from PyPI, their jars from Maven Central by coordinates
# (handed to Spark by path, so that nothing is resolved at start). Without arguments only installs; else runs APP on local[2].
# --with-s3 before them takes S3A and Delta's log store for DynamoDB along; SPARK_ARGS: further arguments of spark-submit.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
SPARK_VERSION="${SPARK_VERSION:-4.2.0}"      # the newest that delta-spark admits
DELTA_VERSION="${DELTA_VERSION:-4.4.0}"      # the newest whose jars are on Maven Central
AVRO_VERSION="${SPARK_AVRO_VERSION:-4.1.1}"  # the newest of from_avro on Maven Central; it runs in Spark 4.2
SCALA="${SCALA:-2.13}"; LINE="${SPARK_VERSION%.*}"
VENV="$TESTBED_CACHE/spark-$SPARK_VERSION-delta-$DELTA_VERSION"
JAVA_HOME="$(find_jdk 17 21)"; export JAVA_HOME
# maven_jars DIR GROUP:ARTIFACT:VERSION…   The jars and what they need, without what Spark itself ships: that must not be doubled.
maven_jars() {
  local dir="$1" pom own jar base artifact group name version; shift
  [ -f "$dir/.ok" ] && return 0
  rm -rf "$dir"; mkdir -p "$dir"; pom="$(mktemp -d)"
  {
    echo '<project><modelVersion>4.0.0</modelVersion><groupId>testbed</groupId><artifactId>jars</artifactId><version>1</version>'
    echo '<packaging>pom</packaging><dependencies>'
    while IFS=: read -r group name version; do
      echo "<dependency><groupId>$group</groupId><artifactId>$name</artifactId><version>$version</version><exclusions>"
      for base in org.apache.spark:* org.apache.hadoop:* org.scala-lang:* software.amazon.awssdk:bundle; do
        echo "<exclusion><groupId>${base%:*}</groupId><artifactId>${base#*:}</artifactId></exclusion>"
      done
      echo '</exclusions></dependency>'
    done < <(printf '%s\n' "$@")
    echo '</dependencies></project>'
  } >"$pom/pom.xml"
  (cd "$pom" && mvn -q -B dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir") >&2
  rm -rf "$pom"
  own="$("$VENV/bin/python" -c 'import pyspark,os;print(os.path.join(os.path.dirname(pyspark.__file__),"jars"))')"
  for jar in "$dir"/*.jar; do
    base="$(basename "$jar")"; artifact="${base%-[0-9]*.jar}"
    if compgen -G "$own/$artifact-[0-9]*.jar" >/dev/null; then rm -f "$jar"; fi
  done
  touch "$dir/.ok"
}

if [ ! -f "$VENV/.ok" ]; then
  rm -rf "$VENV"; python3 -m venv "$VENV"
  "$VENV/bin/pip" -q install "pyspark==$SPARK_VERSION" "delta-spark==$DELTA_VERSION" pyarrow 'pandas<3' >&2
  touch "$VENV/.ok"
fi
maven_jars "$VENV/delta-jars" "io.delta:delta-spark_${LINE}_${SCALA}:$DELTA_VERSION"
maven_jars "$VENV/stream-jars" "org.apache.spark:spark-sql-kafka-0-10_$SCALA:$SPARK_VERSION" \
  "org.apache.spark:spark-token-provider-kafka-0-10_$SCALA:$SPARK_VERSION" "org.apache.spark:spark-avro_$SCALA:$AVRO_VERSION"
JARS=("$VENV"/delta-jars/*.jar "$VENV"/stream-jars/*.jar)
if [ "${1:-}" = --with-s3 ]; then
  shift
  # S3A asks for all of the AWS SDK in one jar of 600 MB; these are the parts that it uses. Where Maven lacks one, SPARK_S3_JARS is a folder with all.
  if [ -z "${SPARK_S3_JARS:-}" ]; then
    SPARK_S3_JARS="$VENV/s3-jars"; AWS="software.amazon.awssdk"; AWS_VERSION="${AWS_SDK_VERSION:-2.35.4}"
    HADOOP_JAR="$(ls "$VENV"/lib/python3*/site-packages/pyspark/jars/hadoop-client-api-*.jar)"
    HADOOP_VERSION="$(basename "${HADOOP_JAR##*-}" .jar)"
    maven_jars "$SPARK_S3_JARS" "org.apache.hadoop:hadoop-aws:$HADOOP_VERSION" "io.delta:delta-storage-s3-dynamodb:$DELTA_VERSION" \
      com.amazonaws:aws-java-sdk-dynamodb:1.12.262 "$AWS:s3:$AWS_VERSION" "$AWS:s3-transfer-manager:$AWS_VERSION" "$AWS:sts:$AWS_VERSION"
  fi
  JARS+=("$SPARK_S3_JARS"/*.jar)
fi
[ $# -gt 0 ] || exit 0
WORK="${SPARK_WORK:-$TESTBED_RUN/spark}"; mkdir -p "$WORK"
export PYSPARK_PYTHON="$VENV/bin/python" SPARK_LOCAL_IP=127.0.0.1
# Python starts the JVM, not the other way round: so the program keeps its standard input.
export PYSPARK_SUBMIT_ARGS="--master local[2] --driver-memory ${SPARK_MEM:-4g} --jars $(IFS=,; echo "${JARS[*]}") \
  --conf spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension \
  --conf spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog \
  --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=4 --conf spark.databricks.delta.snapshotPartitions=2 --conf spark.sql.session.timeZone=UTC \
  --conf spark.driver.host=127.0.0.1 --conf spark.local.dir=$WORK/local --conf spark.sql.warehouse.dir=$WORK/warehouse \
  --conf spark.driver.extraJavaOptions=-Dderby.system.home=$WORK/derby ${SPARK_ARGS:-} pyspark-shell"
exec "$VENV/bin/python" "$@"
