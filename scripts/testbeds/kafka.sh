#!/usr/bin/env bash
# kafka.sh start|stop|restart|status|url|env|wipe   A single-node Apache Kafka (KRaft: broker and controller in one JVM) from Maven Central.
#   restart keeps ports and data; wipe stops and deletes them.  KAFKA_PORT optional, KAFKA_HEAP 512m, KAFKA_JAVA.
# url prints the plain listener. env prints more, for auth tests: KAFKA_BROKERS (plain), KAFKA_SASL_BROKERS (SASL_PLAINTEXT: PLAIN,
# SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER with unsecured tokens), KAFKA_TLS_BROKERS (SASL_SSL, the same), KAFKA_TLS_CA (a PEM file). User test / testtest.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
KAFKA_VERSION="${KAFKA_VERSION:-4.4.0}"; SCALA=2.13; LOG4J="${LOG4J_VERSION:-2.25.5}"
NAME=kafka; RUN="$TESTBED_RUN/$NAME"; DIST="$TESTBED_CACHE/kafka-$KAFKA_VERSION"; HEAP="${KAFKA_HEAP:-512m}"

install_jars() {
  [ -f "$DIST/libs/.done" ] && return 0
  mkdir -p "$DIST/libs"
  cat >"$DIST/pom.xml" <<X
<project><modelVersion>4.0.0</modelVersion>
<groupId>testbed</groupId><artifactId>kafka-dist</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_$SCALA</artifactId><version>$KAFKA_VERSION</version></dependency>
<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>$LOG4J</version></dependency>
</dependencies></project>
X
  mvn -q -B -f "$DIST/pom.xml" dependency:copy-dependencies -DoutputDirectory="$DIST/libs" -DincludeScope=runtime >&2
  [ -f "$DIST/libs/kafka_$SCALA-$KAFKA_VERSION.jar" ]; touch "$DIST/libs/.done"
}

java_bin() { if [ -n "${KAFKA_JAVA:-}" ]; then echo "$KAFKA_JAVA"; else echo "$(find_jdk 25 99 2>/dev/null || find_jdk 17 99)/bin/java"; fi; }

# once_port FILE: the port chosen first stays, so that clients find the broker again after a restart.
once_port() { [ -f "$RUN/$1" ] || free_port >"$RUN/$1"; cat "$RUN/$1"; }

make_certificate() {
  [ -f "$RUN/broker.pem" ] && return 0
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
    -keyout "$RUN/key.pem" -out "$RUN/ca.pem" 2>/dev/null
  cat "$RUN/key.pem" "$RUN/ca.pem" >"$RUN/broker.pem"
}

configure() {
  local port sasl tls control jaas listener
  [ -n "${KAFKA_PORT:-}" ] && echo "$KAFKA_PORT" >"$RUN/port"
  port="$(once_port port)"; sasl="$(once_port port.sasl)"; tls="$(once_port port.tls)"; control="$(once_port port.control)"
  {
    cat <<X
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$control
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,AUTH://127.0.0.1:$sasl,TLS://127.0.0.1:$tls,CONTROLLER://127.0.0.1:$control
advertised.listeners=PLAINTEXT://127.0.0.1:$port,AUTH://127.0.0.1:$sasl,TLS://localhost:$tls
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,AUTH:SASL_PLAINTEXT,TLS:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location=$RUN/broker.pem
log.dirs=$RUN/data
num.partitions=3
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=500
log.segment.bytes=134217728
message.max.bytes=10485760
# Records stay whatever times a test gives them: the default deletes those of a week ago minutes after they are written.
log.retention.ms=-1
log.message.timestamp.after.max.ms=9223372036854775807
X
    for listener in auth tls; do
      jaas="listener.name.$listener"
      echo "$jaas.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_test=\"testtest\";"
      echo "$jaas.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
      echo "$jaas.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
      echo "$jaas.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"test\";"
    done
  } >"$RUN/server.properties"
  cat >"$RUN/log4j2.yaml" <<X
Configuration:
  Appenders: { Console: { name: OUT, PatternLayout: { pattern: "%d %p %c{1} - %m%n" } } }
  Loggers: { Root: { level: ${KAFKA_LOG_LEVEL:-WARN}, AppenderRef: { ref: OUT } } }
X
  printf 'KAFKA_BROKERS=127.0.0.1:%s\nKAFKA_SASL_BROKERS=127.0.0.1:%s\nKAFKA_TLS_BROKERS=localhost:%s\nKAFKA_TLS_CA=%s\n' \
    "$port" "$sasl" "$tls" "$RUN/ca.pem" >"$RUN/env"
  echo "127.0.0.1:$port" >"$RUN/url"
}

# ready: answers an ApiVersions request (key 18, version 0)
answers() {
  python3 - "$(cat "$RUN/port")" <<'P'
import socket, struct, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1); s.settimeout(2)
b = struct.pack(">hhih", 18, 0, 7, 2) + b"hc"; s.sendall(struct.pack(">i", len(b)) + b)
n = struct.unpack(">i", s.recv(4))[0]; r = s.recv(n); assert struct.unpack(">ih", r[:6]) == (7, 0)
P
}

start() {
  is_running "$NAME" && return 0
  install_jars; mkdir -p "$RUN"; make_certificate; configure
  local java opts cds=(); java="$(java_bin)"
  launch() {
    stop_by_pid "$NAME"
    nohup setsid "$java" "${opts[@]}" "${cds[@]}" kafka.Kafka "$RUN/server.properties" >>"$TESTBED_RUN/$NAME.log" 2>&1 </dev/null &
    save_pid "$NAME" $!
  }
  opts=(-Xms64m "-Xmx$HEAP" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.net.preferIPv4Stack=true
        -Dlog4j2.configurationFile="file:$RUN/log4j2.yaml" -cp "$DIST/libs/*")
  # A class-data sharing archive, made by the first run, about halves the time to start.
  if "$java" -XX:+AutoCreateSharedArchive -XX:SharedArchiveFile=/nonexistent -version >/dev/null 2>&1; then
    cds=(-XX:+AutoCreateSharedArchive "-XX:SharedArchiveFile=$DIST/cds.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off)
  fi
  if [ ! -f "$RUN/data/meta.properties" ]; then
    # An id that begins with "-" would be taken for an option.
    "$java" "${opts[@]}" kafka.tools.StorageTool format \
      -t "$(python3 -c 'import base64,uuid;print(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A"))')" \
      -S 'SCRAM-SHA-256=[name=test,password=testtest]' -S 'SCRAM-SHA-512=[name=test,password=testtest]' \
      -c "$RUN/server.properties" >"$RUN/format.log" 2>&1 || { cat "$RUN/format.log" >&2; exit 1; }
  fi
  # On a busy machine a broker may be asked before its parts are there, and die of it (a null raftManager): another one lives.
  for _ in 1 2; do
    launch
    (wait_for "$NAME" 60 answers) && return 0
  done
  launch
  wait_for "$NAME" 60 answers
}

case "${1:-}" in
start) start; cat "$RUN/url" ;;
stop) stop_by_pid "$NAME" ;;
restart) stop_by_pid "$NAME"; start; cat "$RUN/url" ;;
status) is_running "$NAME" && echo running || { echo stopped; exit 3; } ;;
url) cat "$RUN/url" ;;
env) cat "$RUN/env" ;;
wipe) stop_by_pid "$NAME"; rm -rf "$RUN" ;;
*) echo "usage: $0 start|stop|restart|status|url|env|wipe" >&2; exit 2 ;;
esac
