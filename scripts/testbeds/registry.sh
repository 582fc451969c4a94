#!/usr/bin/env bash
# registry.sh start|stop|status|url|wipe   A schema registry that speaks Confluent's API (Apicurio Registry on H2) from Maven Central.
#   stop keeps port and schemas; wipe stops and deletes them.  REGISTRY_PORT optional, REGISTRY_HEAP 384m, REGISTRY_JAVA.
#   The URL has a path, which clients must keep.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
REGISTRY_VERSION="${REGISTRY_VERSION:-3.3.3}"
NAME=registry; RUN="$TESTBED_RUN/$NAME"; DIST="$TESTBED_CACHE/apicurio-$REGISTRY_VERSION"; HEAP="${REGISTRY_HEAP:-384m}"

install_dist() {
  [ -f "$DIST/.done" ] && return 0
  local tmp; tmp="$(mktemp -d "$TESTBED_CACHE/.unpack.XXXX")"
  mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="io.apicurio:apicurio-registry-app:$REGISTRY_VERSION:tar.gz:all" -DoutputDirectory="$tmp" >&2
  rm -rf "$DIST"; mkdir -p "$DIST"
  tar xzf "$tmp"/*.tar.gz -C "$DIST"; rm -rf "$tmp"
  touch "$DIST/.done"
}

start() {
  is_running "$NAME" && return 0
  install_dist; mkdir -p "$RUN"
  local java port cds=(); java="${REGISTRY_JAVA:-$(find_jdk 21 99)/bin/java}"
  # The port chosen first stays, so that clients find the registry again.
  if [ -n "${REGISTRY_PORT:-}" ] || [ ! -f "$RUN/port" ]; then echo "${REGISTRY_PORT:-$(free_port)}" >"$RUN/port"; fi
  port="$(cat "$RUN/port")"
  if "$java" -XX:+AutoCreateSharedArchive -XX:SharedArchiveFile=/nonexistent -version >/dev/null 2>&1; then
    cds=(-XX:+AutoCreateSharedArchive "-XX:SharedArchiveFile=$DIST/cds.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off)
  fi
  cd "$DIST"
  # The management port would else listen on every address.
  nohup setsid "$java" -Xms64m "-Xmx$HEAP" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 "${cds[@]}" -Djava.net.preferIPv4Stack=true \
    -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" \
    -Dquarkus.management.host=127.0.0.1 -Dquarkus.management.port="$(free_port)" \
    -Dquarkus.log.level=WARN -Dquarkus.http.access-log.enabled=false \
    -Dapicurio.datasource.url="jdbc:h2:file:$RUN/db" \
    -jar quarkus-run.jar >"$TESTBED_RUN/$NAME.log" 2>&1 </dev/null &
  save_pid "$NAME" $!
  echo "http://127.0.0.1:$port/apis/ccompat/v7" >"$RUN/url"
  wait_for "$NAME" 80 curl -sf -o /dev/null "$(cat "$RUN/url")/subjects"
}

case "${1:-}" in
start) start; cat "$RUN/url" ;;
stop) stop_by_pid "$NAME" ;;
status) is_running "$NAME" && echo running || { echo stopped; exit 3; } ;;
url) cat "$RUN/url" ;;
wipe) stop_by_pid "$NAME"; rm -rf "$RUN" ;;
*) echo "usage: $0 start|stop|status|url|wipe" >&2; exit 2 ;;
esac
