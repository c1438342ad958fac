# Sourced by the runners of this directory: servers on free ports, and the running of one client's
# program, which may ask for a restart of its server. Needs bash and python3.
#
# A program is called as PROGRAM... PORT GUARDED_PORT PASSWORD PROTOCOL. The server at GUARDED_PORT
# wants PASSWORD. PROTOCOL is default, 2 or 3. The command in the environment's RESTART restarts the
# server at PORT, and succeeds as soon as that is ready again. A program prints one line for each check:
#     ok: NAME
#     FAILED: NAME: what was seen
#     none: NAME: why this client cannot do that
# and ends with a status other than 0 if one failed. Every check that the file $checks lists must be there.

checks=${checks-$(dirname "${BASH_SOURCE[0]}")/checks}
work=$(mktemp -d)
declare -A pids=() ports=()
password='pass-w0rd'
passed=0
failed=0

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# launch NAME PORT: starts the server NAME, plain or guarded, and waits until it is ready.
launch() {
    local name=$1 log=$work/$1.log options=()
    ports[$name]=$2
    # Emptied here, so that what it says of an earlier start is not taken for this one.
    : >"$log"
    [ "$name" = plain ] || options=(--requirepass "$password")
    case $("$server" --version) in
        *redouble*) options+=(--threads 2) ;;
    esac
    "$server" --port "$2" --bind 127.0.0.1 --save '' --dir "$work" "${options[@]}" >"$log" 2>&1 3>&- 4>&- &
    pids[$name]=$!
    for ((try = 0; try < 400; try++)); do
        ! grep -q 'Ready to accept connections' "$log" || return 0
        kill -0 "${pids[$name]}" 2>/dev/null || break
        sleep 0.05
    done
    echo "FAILED: $server does not start:" >&2
    cat "$log" >&2
    return 1
}

# end NAME: ends a server that launch started, if it runs.
end() {
    local pid=${pids[$1]-}
    [ -n "$pid" ] || return 0
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    pids[$1]=
}

finish() {
    end plain
    end guarded
    rm -rf "$work"
}
trap finish EXIT

# What a program calls. The server is restarted by the runner, so that it stays the runner's child.
mkfifo "$work/asked" "$work/answered"
cat >"$work/restart" <<RESTART
#!/bin/sh
echo restart >'$work/asked'
read -r answer <'$work/answered'
[ "\$answer" = ready ]
RESTART
chmod +x "$work/restart"
export RESTART=$work/restart

# client NAME PROTOCOL PROGRAM...: runs a program beside fresh servers, and counts its checks.
client() {
    local name=$1 protocol=$2 began=$SECONDS word status=
    shift 2
    echo "$name ($protocol)"
    launch plain "$(free_port)"
    launch guarded "$(free_port)"
    exec 3<>"$work/asked" 4<>"$work/answered"
    {
        status=0
        timeout 120 "$@" "${ports[plain]}" "${ports[guarded]}" "$password" "$protocol" \
            >"$work/printed" 2>&1 3>&- 4>&- || status=$?
        echo "ended $status" >&3
    } &
    while read -r -u 3 word status && [ "$word" = restart ]; do
        end plain
        launch plain "${ports[plain]}" && word=ready || word=failed
        echo "$word" >&4
    done
    exec 3>&- 4>&-
    sed 's/^/    /' "$work/printed"
    passed=$((passed + $(grep -c '^ok: ' "$work/printed" || true)))
    failed=$((failed + $(grep -c '^FAILED: ' "$work/printed" || true)))
    while read -r word; do
        grep -qE "^(ok|FAILED|none): $word(: |$)" "$work/printed" || {
            failed=$((failed + 1))
            echo "FAILED: $name ($protocol) does not check: $word"
        }
    done <"$checks"
    if [ "$status" -ne 0 ]; then
        grep -q '^FAILED: ' "$work/printed" || failed=$((failed + 1))
        echo "FAILED: $name ($protocol) ended with status $status"
    fi
    for word in plain guarded; do
        kill -0 "${pids[$word]}" 2>/dev/null || {
            failed=$((failed + 1))
            echo "FAILED: the $word server is gone; its last lines:"
            tail -n 20 "$work/$word.log"
        }
        end "$word"
    done
    echo "--- $name ($protocol): $((SECONDS - began)) s"
}

# Prints the line that sums up; its status says whether all went well.
sum_up() {
    echo "${matrix:-client matrix}: $passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
