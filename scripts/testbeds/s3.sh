#!/usr/bin/env bash
# s3.sh start|stop|status|url   An S3 server that is not moto (versitygw, in Go; S3 only). Built once with `go install`. Keys: test / testtest.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
VERSITYGW_VERSION="${VERSITYGW_VERSION:-v1.8.0}"
NAME=s3-versitygw; RUN="$TESTBED_RUN/$NAME"; BIN="$TESTBED_CACHE/go/versitygw-$VERSITYGW_VERSION"
case "${1:-}" in
start)
  is_running "$NAME" && { cat "$RUN/url"; exit 0; }
  if [ ! -x "$BIN/versitygw" ]; then
    tmp="$(mktemp -d "$TESTBED_CACHE/.gobin.XXXX")"
    GOPATH="${TESTBED_GOPATH:-$tmp/go}" GOBIN="$tmp" GOFLAGS="-p=2 -modcacherw" go install "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW_VERSION" >&2
    mkdir -p "$BIN"; mv "$tmp/versitygw" "$BIN/"; rm -rf "$tmp"
  fi
  PORT="${S3_PORT:-$(free_port)}"; rm -rf "$RUN"; mkdir -p "$RUN/data"
  # the file system must keep extended attributes (ext4, xfs, tmpfs: yes)
  ROOT_ACCESS_KEY=test ROOT_SECRET_KEY=testtest nohup "$BIN/versitygw" --port "127.0.0.1:$PORT" --quiet posix "$RUN/data" >"$TESTBED_RUN/$NAME.log" 2>&1 </dev/null &
  save_pid "$NAME" $!
  wait_for "$NAME" 30 curl -sS -o /dev/null "http://127.0.0.1:$PORT/"
  echo "http://127.0.0.1:$PORT" >"$RUN/url"; cat "$RUN/url"   # the bucket is the caller's to create
  ;;
stop) stop_by_pid "$NAME" ;;
status) is_running "$NAME" && echo running || { echo stopped; exit 3; } ;;
url) cat "$RUN/url" ;;
*) echo "usage: $0 start|stop|status|url" >&2; exit 2 ;;
esac
