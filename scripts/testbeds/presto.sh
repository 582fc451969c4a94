#!/usr/bin/env bash
# presto.sh start|stop|status|url   Presto on loopback; catalogs hive + delta over moto's Glue and S3 (start moto.sh first).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
PRESTO_VERSION="${PRESTO_VERSION:-0.287}"      # a 2 GB download
ASM_VERSION="${ASM_VERSION:-9.1}"
PRESTO_HEAP="${PRESTO_HEAP:-1536m}"
PRESTO_CPUS="${PRESTO_CPUS:-2}"
NAME=presto; RUN="$TESTBED_RUN/$NAME"
case "${1:-}" in
start)
  is_running $NAME && { cat "$RUN/url"; exit 0; }
  GLUE_ENDPOINT="${AWS_ENDPOINT_URL_GLUE:-${AWS_ENDPOINT_URL:-$(cat "$TESTBED_RUN/moto/url" 2>/dev/null || true)}}"
  ENDPOINT="${AWS_ENDPOINT_URL_S3:-$GLUE_ENDPOINT}"       # AWS_ENDPOINT_URL_S3=$(s3.sh url): S3 elsewhere, Glue on moto
  [ -n "$GLUE_ENDPOINT" ] || { echo "start moto.sh first (or set AWS_ENDPOINT_URL)" >&2; exit 1; }
  JH="$(find_jdk 11 17)"                        # its Hadoop client breaks on JDK >= 24
  HOME_DIR="$(maven_tarball com.facebook.presto presto-server "$PRESTO_VERSION")"
  PORT="${PRESTO_PORT:-$(free_port)}"
  rm -rf "$RUN"; mkdir -p "$RUN/etc/catalog" "$RUN/data" "$RUN/plugin"
  # 0.287 bundles ASM 9.0, which cannot read JDK 17's own class files ("Unsupported class file major version 61"):
  # link every jar except asm-9.0, and put ASM 9.1 (same API, knows JDK 17) beside them.
  ASM="$TESTBED_CACHE/asm-$ASM_VERSION"
  if [ ! -d "$ASM" ]; then
    tmp="$(mktemp -d "$TESTBED_CACHE/.asm.XXXX")"
    for a in asm asm-analysis asm-tree asm-util; do
      mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy -Dartifact="org.ow2.asm:$a:$ASM_VERSION" -DoutputDirectory="$tmp" >&2
    done
    mv "$tmp" "$ASM"
  fi
  link_jars() { mkdir -p "$2"; for j in "$1"/*; do case "${j##*/}" in asm-9.0.jar|asm-*-9.0.jar) ;; *) ln -s "$j" "$2/" ;; esac; done; if ls "$1"/asm-9.0.jar >/dev/null 2>&1; then ln -s "$ASM"/*.jar "$2/"; fi; }
  link_jars "$HOME_DIR/lib" "$RUN/lib"
  for p in hive-hadoop2 delta tpch memory; do link_jars "$HOME_DIR/plugin/$p" "$RUN/plugin/$p"; done
  cat >"$RUN/etc/config.properties" <<C
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port=$PORT
discovery-server.enabled=true
discovery.uri=http://127.0.0.1:$PORT
plugin.dir=$RUN/plugin
catalog.config-dir=$RUN/etc/catalog
query.max-memory=512MB
query.max-memory-per-node=256MB
query.max-total-memory-per-node=384MB
memory.heap-headroom-per-node=256MB
task.concurrency=2
task.max-worker-threads=4
C
  echo "com.facebook.presto=WARN
com.facebook.presto.server=INFO" >"$RUN/etc/log.properties"
  common="hive.metastore=glue
hive.metastore.glue.region=$TESTBED_REGION
hive.metastore.glue.endpoint-url=$GLUE_ENDPOINT
hive.metastore.glue.aws-access-key=test
hive.metastore.glue.aws-secret-key=testtest
hive.metastore.glue.default-warehouse-dir=s3://$TESTBED_BUCKET/
hive.metastore.glue.partitions-segments=1
hive.s3.endpoint=$ENDPOINT
hive.s3.path-style-access=true
hive.s3.ssl.enabled=false
hive.s3.aws-access-key=test
hive.s3.aws-secret-key=testtest
"
  # The hive connector lists a symlink manifest's TARGET files with Hadoop's FileInputFormat and a default Configuration
  # ("No FileSystem for scheme: s3"); hive.config.resources does not reach it, a core-site.xml on the plugin's class path does.
  cat >"$RUN/etc/core-site.xml" <<C
<configuration>
  <property><name>fs.s3.impl</name><value>com.facebook.presto.hive.s3.PrestoS3FileSystem</value></property>
  <property><name>fs.s3a.impl</name><value>com.facebook.presto.hive.s3.PrestoS3FileSystem</value></property>
  <property><name>presto.s3.endpoint</name><value>$ENDPOINT</value></property>
  <property><name>presto.s3.path-style-access</name><value>true</value></property>
  <property><name>presto.s3.ssl.enabled</name><value>false</value></property>
  <property><name>presto.s3.access-key</name><value>test</value></property>
  <property><name>presto.s3.secret-key</name><value>testtest</value></property>
</configuration>
C
  (cd "$RUN/etc" && python3 -m zipfile -c "$RUN/plugin/hive-hadoop2/core-site.jar" core-site.xml)
  printf 'connector.name=hive-hadoop2\n%s\n' "$common" >"$RUN/etc/catalog/hive.properties"
  printf 'connector.name=delta\n%s\n' "$common" >"$RUN/etc/catalog/delta.properties"
  echo "connector.name=tpch" >"$RUN/etc/catalog/tpch.properties"
  opens=""; for p in java.io java.lang java.lang.ref java.lang.reflect java.net java.nio java.security javax.security.auth javax.security.auth.login java.text java.util java.util.concurrent java.util.concurrent.atomic java.util.regex jdk.internal.loader sun.security.action sun.nio.ch; do opens="$opens --add-opens=java.base/$p=ALL-UNNAMED"; done
  cd "$RUN"
  # shellcheck disable=SC2086
  nohup "$JH/bin/java" -cp "$RUN/lib/*" \
    -Xmx"$PRESTO_HEAP" -XX:+UseSerialGC -XX:ActiveProcessorCount="$PRESTO_CPUS" -XX:+ExitOnOutOfMemoryError -XX:ReservedCodeCacheSize=256M \
    -Djdk.attach.allowAttachSelf=true -Dfile.encoding=UTF-8 $opens --add-opens=java.security.jgss/sun.security.krb5=ALL-UNNAMED \
    -Dnode.environment=testbed -Dnode.id=testbed -Dnode.data-dir="$RUN/data" -Dnode.internal-address=127.0.0.1 -Dnode.bind-ip=127.0.0.1 \
    -Dlog.levels-file="$RUN/etc/log.properties" -Dconfig="$RUN/etc/config.properties" \
    com.facebook.presto.server.PrestoServer >"$TESTBED_RUN/$NAME.log" 2>&1 </dev/null &
  save_pid $NAME $!
  echo "http://127.0.0.1:$PORT" >"$RUN/url"
  wait_for $NAME "${PRESTO_WAIT:-300}" sh -c "curl -fsS http://127.0.0.1:$PORT/v1/info | grep -q '\"starting\":false'"
  wait_for $NAME 90 sql_ready "http://127.0.0.1:$PORT" Presto "select count(*) from tpch.tiny.nation"
  wait_for $NAME 90 sql_ready "http://127.0.0.1:$PORT" Presto "show schemas from hive"
  wait_for $NAME 90 sql_ready "http://127.0.0.1:$PORT" Presto "show schemas from delta"
  cat "$RUN/url" ;;
stop) stop_by_pid $NAME ;;
status) is_running $NAME && echo running || { echo stopped; exit 3; } ;;
url) cat "$RUN/url" ;;
*) echo "usage: $0 start|stop|status|url" >&2; exit 2 ;;
esac
