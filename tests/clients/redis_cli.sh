#!/usr/bin/env bash
# Sessions of redis-cli, and redis-benchmark, against a server program.
# Usage: tests/clients/redis_cli.sh [PROGRAM]
# Any program that takes redis-server's arguments will do, so the expectations can be checked
# against redis-server itself.
set -euo pipefail

program=${1:-target/release/redouble}
work=$(mktemp -d)
server=

stop() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap stop EXIT

fail() {
    echo "FAILED: $*" >&2
    echo '--- the server said:' >&2
    tail -n 20 "$work/log" >&2
    exit 1
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

port=$(free_port)
"$program" --port "$port" --bind 127.0.0.1 --save '' --dir "$work" >"$work/log" 2>&1 &
server=$!
for ((try = 0; ; try++)); do
    [ "$(redis-cli -p "$port" ping 2>/dev/null)" != PONG ] || break
    kill -0 "$server" 2>/dev/null || fail "$program ended at once"
    [ "$try" -lt 200 ] || fail "$program does not answer"
    sleep 0.05
done

# session NAME OPTIONS...: sends file descriptor 3 line by line over one connection and compares
# what redis-cli prints with file descriptor 4.
session() {
    local name=$1
    shift
    redis-cli -p "$port" "$@" <&3 >"$work/printed" 2>&1 || fail "$name: redis-cli ended with $?"
    diff -u --label expected --label printed - "$work/printed" <&4 || fail "$name"
    echo "ok: $name"
}

commands() {
    cat <<'COMMANDS'
PING
PING hello
ECHO "two words"
SET greeting "hello \x41"
GET greeting
STRLEN greeting
GET missing
INCR counter
INCRBY counter 41
DECR counter
APPEND greeting !
INCR greeting
GETRANGE greeting 0 4
MSET a 1 b 2
MGET a b c
EXISTS a b c
DEL a b c
EXPIRE counter 100
PERSIST counter
TTL counter
TTL missing
TYPE counter
OBJECT ENCODING counter
SET counter x NX
SET counter 1 GET
INCRBYFLOAT float 0.1
INCRBYFLOAT float 0.2
GET
NOSUCHCOMMAND x
SELECT 1
DBSIZE
SELECT 0
DBSIZE
CONFIG GET databases
FLUSHALL
DBSIZE
COMMANDS
}
session 'a basic session' 3< <(commands) 4<<'EXPECTED'
PONG
hello
two words
OK
hello A
7

1
42
41
8
ERR value is not an integer or out of range

hello
OK
1
2

2
2
1
1
-1
-2
string
int

41
0.1
0.3
ERR wrong number of arguments for 'get' command

ERR unknown command 'NOSUCHCOMMAND', with args beginning with: 'x' 

OK
0
OK
3
databases
16
OK
0
EXPECTED

transactions() {
    cat <<'COMMANDS'
SET balance 10
MULTI
INCRBY balance 5
GET balance
EXEC
MULTI
INCR balance
DISCARD
GET balance
EXEC
DISCARD
MULTI
MULTI
WATCH balance
SET balance 1
GET
EXEC
GET balance
WATCH balance
SET balance 20
MULTI
SET balance 30
EXEC
GET balance
WATCH balance
UNWATCH
SET balance 40
MULTI
SET word text
INCR word
INCR balance
EXEC
FLUSHALL
COMMANDS
}
transactions_expected() {
    cat <<'EXPECTED'
OK
OK
QUEUED
QUEUED
15
15
OK
QUEUED
OK
15
ERR EXEC without MULTI

ERR DISCARD without MULTI

OK
ERR MULTI calls can not be nested

ERR WATCH inside MULTI is not allowed

QUEUED
ERR wrong number of arguments for 'get' command

EXECABORT Transaction discarded because of previous errors.

15
OK
OK
OK
QUEUED

20
OK
OK
OK
OK
QUEUED
QUEUED
QUEUED
OK
ERR value is not an integer or out of range

41
OK
EXPECTED
}
for protocol in -2 -3; do
    session "a session with MULTI ($protocol)" "$protocol" 3< <(transactions) 4< <(transactions_expected)
done

# Ten thousand transactions of ten commands each are sent without waiting for a reply.
pipe_commands() {
    awk 'BEGIN {
        for (i = 0; i < 100000; i++) {
            if (i % 10 == 0) printf "MULTI\r\n"
            else if (i % 10 == 9) printf "EXEC\r\n"
            else if (i % 10 == 8) printf "INCR total\r\n"
            else printf "SET key:%d value:%d\r\n", i, i
        }
    }'
}
pipe_commands | redis-cli -p "$port" --pipe >"$work/printed" 2>&1 || fail "--pipe: $(cat "$work/printed")"
grep -qx 'errors: 0, replies: 100000' "$work/printed" || fail "--pipe: $(cat "$work/printed")"
[ "$(redis-cli -p "$port" dbsize)" = 70001 ] || fail '--pipe: the number of keys'
[ "$(redis-cli -p "$port" get total)" = 10000 ] || fail '--pipe: the counter'
[ "$(redis-cli -p "$port" get key:99997)" = value:99997 ] || fail '--pipe: the last value'
echo 'ok: --pipe with 100,000 commands'

for pipeline in 1 16; do
    redis-benchmark -p "$port" -t ping,set,get,incr,mset -n 20000 -q -P "$pipeline" \
        >"$work/printed" 2>&1 || fail "redis-benchmark -P $pipeline: $(cat "$work/printed")"
    tr '\r' '\n' <"$work/printed" >"$work/lines"
    if grep -iE 'error|warning|could not' "$work/lines"; then
        fail "redis-benchmark -P $pipeline"
    fi
    grep 'requests per second' "$work/lines" >"$work/results" || true
    [ "$(wc -l <"$work/results")" -eq 6 ] ||
        fail "redis-benchmark -P $pipeline: not six results: $(cat "$work/lines")"
    sed "s/^/-P $pipeline  /" "$work/results"
done
echo 'ok: redis-benchmark'

redis-cli -p "$port" shutdown nosave >/dev/null 2>&1 || true
for ((try = 0; ; try++)); do
    kill -0 "$server" 2>/dev/null || break
    [ "$try" -lt 200 ] || fail 'SHUTDOWN does not end the server'
    sleep 0.05
done
status=0
wait "$server" || status=$?
server=
[ "$status" -eq 0 ] || fail "the server ended with status $status"
echo 'ok: SHUTDOWN'
