#!/usr/bin/env bash
# A server as CI systems and container helpers start one and wait for it: until redis-cli says that it is
# healthy, until its log says that it is ready, by way of the image's entrypoint.
# Usage: service.sh SERVER. Prints one line for each check; ends with 1 if one failed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
server=$(realpath -s "$1")
entrypoint=$here/../../../docker-entrypoint.sh
ours=false
case $("$server" --version) in
    *redouble=*) ours=true ;;
esac

# Under the names that the image has.
work=$(mktemp -d)
mkdir "$work/bin" "$work/data"
ln -s "$server" "$work/bin/redis-server"
export PATH=$work/bin:$PATH
cd "$work/data"

pid=
ended=0
# Ends the server, if there is one; $ended is its status.
stop() {
    [ -n "$pid" ] || return 0
    ended=0
    kill "$pid" 2>/dev/null || true
    wait "$pid" || ended=$?
    pid=
}
finish() {
    stop
    rm -rf "$work"
}
trap finish EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# launch COMMAND...: starts a server, and does not wait for it. Its log is "$work/log".
launch() {
    stop
    "$@" >"$work/log" 2>&1 </dev/null &
    pid=$!
}

failed=0
# check WHAT COMMAND...: one line that says whether the command succeeds.
check() {
    local what=$1 status=0
    shift
    # In a condition `set -e` would be off in the command.
    set +e
    (
        trap - EXIT
        set -e
        "$@"
    ) >"$work/printed" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        echo "ok      service: $what"
    else
        failed=1
        echo "FAILED  service: $what"
        sed 's/^/    /' "$work/printed" "$work/log"
    fi
}

# healthy COMMAND...: asks again and again, as a health check does, until the answer is PONG.
healthy() {
    for ((try = 0; try < 200; try++)); do
        [ "$("$@" 2>/dev/null)" != PONG ] || return 0
        sleep 0.05
    done
    echo "never healthy: $*"
    return 1
}

# says PATTERN COMMAND...: whether the command's output has a line of this pattern.
says() {
    local pattern=$1 said
    shift
    said=$("$@" 2>&1 || true)
    echo "$said"
    grep -Eq -- "$pattern" <<<"$said"
}

port=$(free_port)
launch redis-server --port "$port" --bind 127.0.0.1 --save ''
check 'redis-cli ping until healthy' healthy redis-cli -p "$port" ping
stop
check 'ends with status 0' [ "$ended" -eq 0 ]

port=$(free_port)
launch redis-server --port "$port" --bind 127.0.0.1 '--requirepass se cret' --save
wait "$pid" || true
check 'two words after a name in one element are an error' says 'wrong number of arguments' cat "$work/log"
stop
check 'that ends the start with status 1' [ "$ended" -eq 1 ]

launch redis-server --port "$port" --bind 127.0.0.1 '--requirepass secret' --save
check 'healthy with REDISCLI_AUTH' healthy env REDISCLI_AUTH=secret redis-cli -p "$port" ping
check 'healthy with -a' healthy redis-cli -p "$port" -a secret --no-auth-warning ping
check 'healthy with a URL' healthy redis-cli -u "redis://default:secret@127.0.0.1:$port" ping
check 'NOAUTH without a password' says '^NOAUTH ' redis-cli -p "$port" ping
check 'WRONGPASS with another' says 'WRONGPASS' redis-cli -p "$port" -a wrong ping
check 'incr over redis-cli' says '^2$' env REDISCLI_AUTH=secret redis-cli -p "$port" -r 2 incr visits
stop

launch redis-server --port 0 --unixsocket "$work/socket" --unixsocketperm 700 --save ''
check 'healthy by its socket' healthy redis-cli -s "$work/socket" ping
stop

# As container helpers wait: for the line, and then no more.
ready() {
    local line
    for ((round = 0; round < 10; round++)); do
        port=$(free_port)
        coproc log { exec redis-server --port "$port" --bind 127.0.0.1 --save ''; }
        # shellcheck disable=SC2154 # set by coproc
        while IFS= read -r line <&"${log[0]}"; do
            [[ $line != *'* Ready to accept connections'* ]] || break
        done
        [ "$(redis-cli -p "$port" ping)" = PONG ]
        grep -Eq "^$log_PID:M [0-9]{2} [A-Z][a-z]{2} [0-9]{4} ([0-9]{2}:){2}[0-9]{2}\.[0-9]{3} \* Ready to accept connections( tcp)?$" <<<"$line"
        kill "$log_PID"
        wait "$log_PID"
    done
}
: >"$work/log"
check 'ready when the log says so, ten times' ready

port=$(free_port)
launch redis-server --port "$port" --bind 127.0.0.1 --save ''
healthy redis-cli -p "$port" ping
check 'a port in use is said and ends the start' says 'Address already in use' \
    redis-server --port "$port" --bind 127.0.0.1
stop

# The image's entrypoint, where the binary goes by the name of redis-server.
port=$(free_port)
launch "$entrypoint" --port "$port" --bind 127.0.0.1 --save ''
check 'entrypoint: options are for the server' healthy redis-cli -p "$port" ping
stop
printf 'port %s\nbind 127.0.0.1\nsave ""\n' "$port" >"$work/own.conf"
launch "$entrypoint" "$work/own.conf" --requirepass secret
check 'entrypoint: a file is for the server' healthy redis-cli -p "$port" -a secret ping
stop
launch "$entrypoint" redis-server "$work/own.conf"
check 'entrypoint: the server by its name' healthy redis-cli -p "$port" ping
stop
# Clients come from outside the container: no protected mode, unless somebody says so.
mode() { redis-cli -p "$port" config get protected-mode | tail -n 1; }
is_mode() { [ "$(healthy redis-cli -p "$port" ping && mode)" = "$1" ]; }
if $ours; then
    launch "$entrypoint" redis-server "$work/own.conf"
    check 'entrypoint: no protected mode' is_mode no
    launch "$entrypoint" redis-server "$work/own.conf" --protected-mode yes
    check 'entrypoint: protected mode by an argument' is_mode yes
    launch env REDOUBLE_PROTECTED_MODE=yes "$entrypoint" --port "$port" --bind 127.0.0.1
    check 'entrypoint: protected mode by the environment' is_mode yes
    echo 'protected-mode yes' >>"$work/own.conf"
    launch "$entrypoint" "$work/own.conf"
    check 'entrypoint: protected mode by the file' is_mode yes
    stop
fi
from_input() { exec "$entrypoint" - <<<"port $port"$'\n''bind 127.0.0.1'; }
launch from_input
check 'entrypoint: standard input is for the server' healthy redis-cli -p "$port" ping
stop
check 'entrypoint: any other program' says '^hello world$' "$entrypoint" echo 'hello world'
check 'entrypoint: --version' says '^Redis server v=[0-9.]+ ' "$entrypoint" --version

# Service containers can pass no arguments.
if $ours; then
    launch env REDIS_PASSWORD=secret REDIS_ARGS="--port $port --bind 127.0.0.1" REDOUBLE_SAVE='' "$entrypoint"
    check 'healthy with settings from the environment' healthy env REDISCLI_AUTH=secret redis-cli -p "$port" ping
    check 'NOAUTH without the password of the environment' says '^NOAUTH ' redis-cli -p "$port" ping
    stop
fi

exit "$failed"
