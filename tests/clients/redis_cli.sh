#!/usr/bin/env bash
# Sessions of redis-cli, and redis-benchmark, against a server program.
# Usage: tests/clients/redis_cli.sh [PROGRAM]
# Any program that takes redis-server's arguments will do, so the expectations can be checked
# against redis-server itself.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=${1:-$here/../../target/release/redouble}
work=$(mktemp -d)
server=

listener=

stop() {
    for pid in $listener $server; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
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

arguments=(--enable-debug-command yes)
case $("$program" --version) in
    *redouble*) arguments+=(--threads 2) ;;
esac
port=$(free_port)
"$program" --port "$port" --bind 127.0.0.1 --save '' --dir "$work" "${arguments[@]}" \
    >"$work/log" 2>&1 &
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

commands() {
    cat <<'COMMANDS'
HSET user:1 name Ann funds 100
HINCRBY user:1 funds -35
HGETALL user:1
SADD inventory:1 sword
SADD inventory:1 sword
SISMEMBER inventory:1 sword
ZADD market 35 sword.1 1.5 bread.2 inf crown.3
ZRANGE market 0 -1 WITHSCORES
ZRANGEBYSCORE market (1.5 +inf LIMIT 0 1
ZPOPMIN market
ZRANK market crown.3
BZPOPMAX market none 1
BZPOPMIN none 0.01
HEXPIRE user:1 100 FIELDS 1 name
HTTL user:1 FIELDS 2 name funds
SINTERCARD 2 inventory:1 inventory:1 LIMIT 5
ZADD inventory:1 1 x
ZADD market x y
OBJECT ENCODING user:1
FLUSHALL
COMMANDS
}
session 'a session with collections' 3< <(commands) 4<<'EXPECTED'
2
65
name
Ann
funds
65
1
0
1
3
bread.2
1.5
sword.1
35
crown.3
inf
sword.1
bread.2
1.5
1
market
crown.3
inf

1
100
-1
1
WRONGTYPE Operation against a key holding the wrong kind of value

ERR value is not a valid float

listpackex
OK
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

# prints NAME EXPECTED OPTIONS...: compares what one call of redis-cli prints, also on standard
# error, with a text.
prints() {
    local name=$1 expected=$2
    shift 2
    redis-cli -p "$port" "$@" >"$work/printed" 2>&1 </dev/null || true
    diff -u --label expected --label printed <(printf '%s\n' "$expected") "$work/printed" || fail "$name"
    echo "ok: $name"
}

# contains NAME LINE: a line that the last call must have printed.
contains() {
    grep -qxF -- "$2" "$work/printed" || fail "$1: no line \"$2\" in: $(cat "$work/printed")"
}

redis-cli -p "$port" --scan --pattern 'key:*7' >"$work/printed" || fail '--scan'
[ "$(sort -u "$work/printed" | wc -l)" -eq 10000 ] || fail '--scan: the number of keys'
! grep -qvx 'key:[0-9]*7' "$work/printed" || fail '--scan: a key that the pattern does not match'
echo 'ok: --scan'

prints 'FLUSHALL' OK flushall
prints '-r and -i' $'1\n2\n3\n4\n5' -r 5 -i 0.01 incr repeated
prints 'MSET' OK mset one 1 two 22 longest 333333
prints '-n' OK -n 5 set elsewhere 5
prints '-x, with nothing to read' OK -x set empty
prints '--no-raw' $'1) "1"\n2) (nil)\n3) "22"' --no-raw mget one missing two
prints '--csv' '"1",NULL,"22"' --csv mget one missing two
prints '--json, RESP3' '["1",null,"22"]' -3 --json mget one missing two
prints '--no-raw, RESP3' '1# "databases" => "16"' -3 --no-raw config get databases

redis-cli -p "$port" --bigkeys >"$work/printed" 2>&1 || fail "--bigkeys: $(cat "$work/printed")"
contains '--bigkeys' 'Sampled 5 keys in the keyspace!'
grep -qE '^Biggest string found .*longest.* has 6 bytes$' "$work/printed" ||
    fail "--bigkeys: $(cat "$work/printed")"
contains '--bigkeys' '5 strings with 10 bytes (100.00% of keys, avg size 2.00)'
echo 'ok: --bigkeys'
redis-cli -p "$port" --memkeys >"$work/printed" 2>&1 || fail "--memkeys: $(cat "$work/printed")"
contains '--memkeys' 'Sampled 5 keys in the keyspace!'
grep -qE '^5 strings with [0-9]+ bytes \(100\.00% of keys' "$work/printed" ||
    fail "--memkeys: $(cat "$work/printed")"
echo 'ok: --memkeys'
redis-cli -p "$port" >/dev/null <<'COMMANDS' || fail 'a key of each type'
RPUSH list a b c
HSET hash a 1 b 2
SADD set a b c d
ZADD zset 1 a
XADD stream 1-1 a 1
COMMANDS
redis-cli -p "$port" --bigkeys >"$work/printed" 2>&1 || fail "--bigkeys: $(cat "$work/printed")"
for line in '1 lists with 3 items' '1 hashs with 2 fields' '1 sets with 4 members' '1 zsets with 1 members' \
    '1 streams with 1 entries'; do
    contains '--bigkeys' "$line (10.00% of keys, avg size $(cut -d' ' -f4 <<<"$line").00)"
done
redis-cli -p "$port" --memkeys >"$work/printed" 2>&1 || fail "--memkeys: $(cat "$work/printed")"
for type in list hash set zset stream; do
    grep -qE "^1 ${type}s with [0-9]+ bytes \\(10\\.00% of keys" "$work/printed" ||
        fail "--memkeys: $(cat "$work/printed")"
done
redis-cli -p "$port" del list hash set zset stream >/dev/null
echo 'ok: --bigkeys and --memkeys with every type'
prints 'a policy that counts' OK config set maxmemory-policy allkeys-lfu
redis-cli -p "$port" --hotkeys >"$work/printed" 2>&1 || fail "--hotkeys: $(cat "$work/printed")"
contains '--hotkeys' 'Sampled 5 keys in the keyspace!'
prints 'no policy again' OK config set maxmemory-policy noeviction
redis-cli -p "$port" --raw --latency -i 0.1 >"$work/printed" 2>&1 || fail "--latency: $(cat "$work/printed")"
grep -qxE '[0-9]+ [0-9]+ [0-9]+\.[0-9]{2} [0-9]+' "$work/printed" || fail "--latency: $(cat "$work/printed")"
echo 'ok: --latency'

# What goes on until it is ended: its lines come at once, also where they are not for a terminal.
# listens COMMAND...: starts such a one; hears NAME LINE: what it must print within ten seconds.
listens() {
    redis-cli -p "$port" "$@" >"$work/heard" 2>&1 </dev/null &
    listener=$!
}
hears() {
    for ((try = 0; try < 200; try++)); do
        ! grep -qxE -- "$2" "$work/heard" || return 0
        sleep 0.05
    done
    fail "$1: nothing like \"$2\" in: $(cat "$work/heard")"
}
falls_silent() {
    kill "$listener"
    wait "$listener" 2>/dev/null || true
    listener=
    echo "ok: $1"
}
listens subscribe news
hears SUBSCRIBE 1
[ "$(redis-cli -p "$port" publish news 'two words')" = 1 ] || fail 'PUBLISH: the receivers'
hears SUBSCRIBE 'two words'
falls_silent 'SUBSCRIBE'
listens -3 psubscribe 'n*'
hears PSUBSCRIBE 1
[ "$(redis-cli -p "$port" publish news again)" = 1 ] || fail 'PUBLISH: the receivers'
hears PSUBSCRIBE again
falls_silent 'PSUBSCRIBE, RESP3'
listens monitor
hears MONITOR OK
redis-cli -p "$port" get one >/dev/null
hears MONITOR '[0-9]+\.[0-9]{6} \[0 127\.0\.0\.1:[0-9]+\] "get" "one"'
falls_silent 'MONITOR'

# What waits, and is served by another connection. The last line is without an end, as redis-cli leaves it.
# waits NAME COMMAND...: starts such a one, and returns when it waits; gets NAME LINES: what it then prints.
waits() {
    local name=$1
    shift
    redis-cli -p "$port" "$@" >"$work/heard" 2>&1 </dev/null &
    listener=$!
    for ((try = 0; ; try++)); do
        [ "$(redis-cli -p "$port" info clients | tr -d '\r' | grep '^blocked_clients:')" != blocked_clients:1 ] || break
        [ "$try" -lt 200 ] || fail "$name does not wait"
        sleep 0.05
    done
}
gets() {
    wait "$listener" || fail "$1 ends with $?"
    listener=
    diff -u --label expected --label printed <(echo "$2") "$work/heard" || fail "$1"
    echo "ok: $1"
}
waits 'BLPOP' blpop none queue 20
redis-cli -p "$port" rpush queue first >/dev/null
gets 'BLPOP' $'queue\nfirst'
waits 'BLMOVE' blmove queue done left right 20
redis-cli -p "$port" rpush queue second >/dev/null
gets 'BLMOVE' second
waits 'XREAD' --no-raw xread block 20000 streams stream '$'
redis-cli -p "$port" xadd stream 1-1 a 1 >/dev/null
gets 'XREAD BLOCK' $'1) 1) "stream"\n   2) 1) 1) "1-1"\n         2) 1) "a"\n            2) "1"'
prints 'BLPOP in vain' '(nil)' --no-raw blpop queue 0.05

status=0
redis-cli -p "$port" -e exists one >/dev/null 2>&1 || status=$?
[ "$status" -eq 0 ] || fail "-e: a good command ends with $status"
redis-cli -p "$port" -e set one >/dev/null 2>&1 && fail '-e: a bad command ends with 0'
echo 'ok: -e'

unasked='AUTH failed: ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?'
prints 'a password that nobody asked for' "$unasked"$'\nPONG' -a bad --no-auth-warning ping
prints 'setting a password' OK config set requirepass secret
noauth=$'NOAUTH Authentication required.\n'
prints 'no password' "$noauth" ping
wrongpass='AUTH failed: WRONGPASS invalid username-password pair or user is disabled.'
prints 'a bad password' "$wrongpass"$'\n'"$noauth" -a bad --no-auth-warning ping
prints 'a bad user' "$wrongpass"$'\n'"$noauth" --user nobody -a secret --no-auth-warning ping
prints 'the password' PONG -a secret --no-auth-warning ping
prints 'user and password, RESP3' PONG -3 --user default -a secret --no-auth-warning ping
REDISCLI_AUTH=secret prints 'the password in the environment' PONG ping
REDISCLI_AUTH=secret prints 'a URL' 5 -u "redis://default:secret@127.0.0.1:$port/5" --no-auth-warning get elsewhere
prints 'no password again' OK -a secret --no-auth-warning config set requirepass ''

python3 "$here/terminal.py" "$port" || fail 'a session at a terminal'

for pipeline in 1 16; do
    redis-benchmark -p "$port" -n 20000 \
        -t ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset -q -P "$pipeline" \
        >"$work/printed" 2>&1 || fail "redis-benchmark -P $pipeline: $(cat "$work/printed")"
    tr '\r' '\n' <"$work/printed" >"$work/lines"
    if grep -iE 'error|warning|could not' "$work/lines"; then
        fail "redis-benchmark -P $pipeline"
    fi
    grep 'requests per second' "$work/lines" >"$work/results" || true
    [ "$(wc -l <"$work/results")" -eq 17 ] ||
        fail "redis-benchmark -P $pipeline: not seventeen results: $(cat "$work/lines")"
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
