#!/bin/sh
# Runs the server when the first argument is one of its options or a configuration file, and any
# other program as it is given.
set -e

case "${1-}" in
    "" | -* | *.conf) set -- redis-server "$@" ;;
esac

# Clients of a container come from other addresses than its own. As in Redis's image they are let in
# without a password, unless an argument, the environment or the configuration file says otherwise.
case "$1" in
    redis-server | valkey-server | redouble)
        case "${2-}" in
            "" | -*) file=/dev/null ;;
            *) file=$2 ;;
        esac
        if [ -z "${REDOUBLE_PROTECTED_MODE-}" ] \
            && ! grep -Eqis '^[[:space:]]*protected-mode[[:space:]]' "$file"; then
            export REDOUBLE_PROTECTED_MODE=no
        fi
        ;;
esac

# Files that the server makes are for its own user alone, unless the container says otherwise.
if [ "$(umask)" = '0022' ]; then
    umask 0077
fi

exec "$@"
