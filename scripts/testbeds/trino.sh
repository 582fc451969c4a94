#!/usr/bin/env bash
# trino.sh start|stop|status|url   Trino on loopback; catalogs hive + delta over moto's Glue and S3 (start moto.sh first).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
TRINO_VERSION="${TRINO_VERSION:-476}"          # needs JDK >= 24
TRINO_HEAP="${TRINO_HEAP:-1536m}"
TRINO_CPUS="${TRINO_CPUS:-2}"
NAME=trino; RUN="$TESTBED_RUN/$NAME"
case "${1:-}" in
start)
  is_running $NAME && { cat "$RUN/url"; exit 0; }
  GLUE_ENDPOINT="${AWS_ENDPOINT_URL_GLUE:-${AWS_ENDPOINT_URL:-$(cat "$TESTBED_RUN/moto/url" 2>/dev/null || true)}}"
  ENDPOINT="${AWS_ENDPOINT_URL_S3:-$GLUE_ENDPOINT}"       # AWS_ENDPOINT_URL_S3=$(s3.sh url): S3 elsewhere, Glue on moto
  [ -n "$GLUE_ENDPOINT" ] || { echo "start moto.sh first (or set AWS_ENDPOINT_URL)" >&2; exit 1; }
  JH="$(find_jdk 24 99)"
  HOME_DIR="$(maven_tarball io.trino trino-server "$TRINO_VERSION")"
  PORT="${TRINO_PORT:-$(free_port)}"
  rm -rf "$RUN"; mkdir -p "$RUN/etc/catalog" "$RUN/data" "$RUN/plugin" "$RUN/local"
  for p in hive delta-lake tpch memory; do ln -s "$HOME_DIR/plugin/$p" "$RUN/plugin/$p"; done   # 4 plugins, not 50: start-up and memory
  cat >"$RUN/etc/node.properties" <<C
node.environment=testbed
node.id=testbed
node.data-dir=$RUN/data
node.internal-address=127.0.0.1
node.bind-ip=127.0.0.1
C
  cat >"$RUN/etc/config.properties" <<C
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port=$PORT
discovery.uri=http://127.0.0.1:$PORT
plugin.dir=$RUN/plugin
catalog.config-dir=$RUN/etc/catalog
query.max-memory=512MB
query.max-memory-per-node=384MB
memory.heap-headroom-per-node=256MB
task.concurrency=2
task.max-worker-threads=4
C
  echo "io.trino=WARN
io.trino.execution=INFO
io.trino.server=INFO" >"$RUN/etc/log.properties"
  common="fs.native-s3.enabled=true
fs.native-local.enabled=true
local.location=$RUN/local
s3.endpoint=$ENDPOINT
s3.region=$TESTBED_REGION
s3.path-style-access=true
s3.aws-access-key=test
s3.aws-secret-key=testtest
hive.metastore=glue
hive.metastore.glue.region=$TESTBED_REGION
hive.metastore.glue.endpoint-url=$GLUE_ENDPOINT
hive.metastore.glue.aws-access-key=test
hive.metastore.glue.aws-secret-key=testtest
hive.metastore.glue.default-warehouse-dir=s3://$TESTBED_BUCKET/
hive.metastore.glue.partitions-segments=1
"
  cat >"$RUN/etc/catalog/hive.properties" <<C
connector.name=hive
$common
hive.non-managed-table-writes-enabled=true
hive.max-partitions-per-writers=100
C
  cat >"$RUN/etc/catalog/delta.properties" <<C
connector.name=delta_lake
$common
delta.register-table-procedure.enabled=true
delta.metadata.cache-ttl=0s
delta.metadata.live-files.cache-ttl=0s
C
  echo "connector.name=tpch" >"$RUN/etc/catalog/tpch.properties"
  # started without bin/launcher: its defaults (jvm.config) are made for servers, and we keep the pid ourselves
  cd "$RUN"
  nohup "$JH/bin/java" -cp "$HOME_DIR/lib/*" \
    -Xmx"$TRINO_HEAP" -XX:+UseSerialGC -XX:TieredStopAtLevel="${TRINO_TIERED:-4}" -XX:ActiveProcessorCount="$TRINO_CPUS" \
    -XX:+ExitOnOutOfMemoryError -XX:-OmitStackTraceInFastThrow -XX:ReservedCodeCacheSize=256M \
    -Djdk.attach.allowAttachSelf=true -Djdk.nio.maxCachedBufferSize=2000000 -Dfile.encoding=UTF-8 \
    -XX:+EnableDynamicAgentLoading --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
    -Dnode.environment=testbed -Dnode.id=testbed -Dnode.data-dir="$RUN/data" -Dnode.internal-address=127.0.0.1 -Dnode.bind-ip=127.0.0.1 \
    -Dlog.levels-file="$RUN/etc/log.properties" -Dconfig="$RUN/etc/config.properties" \
    io.trino.server.TrinoServer >"$TESTBED_RUN/$NAME.log" 2>&1 </dev/null &
  save_pid $NAME $!
  echo "http://127.0.0.1:$PORT" >"$RUN/url"
  # /v1/info says starting:false only when catalogs are loaded
  wait_for $NAME "${TRINO_WAIT:-240}" sh -c "curl -fsS http://127.0.0.1:$PORT/v1/info | grep -q '\"starting\":false'"
  wait_for $NAME 90 sql_ready "http://127.0.0.1:$PORT" Trino "select count(*) from tpch.tiny.nation"
  wait_for $NAME 90 sql_ready "http://127.0.0.1:$PORT" Trino "show schemas from hive"
  wait_for $NAME 90 sql_ready "http://127.0.0.1:$PORT" Trino "show schemas from delta"
  cat "$RUN/url" ;;
stop) stop_by_pid $NAME ;;
status) is_running $NAME && echo running || { echo stopped; exit 3; } ;;
url) cat "$RUN/url" ;;
*) echo "usage: $0 start|stop|status|url" >&2; exit 2 ;;
esac
