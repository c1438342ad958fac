#!/bin/sh
# Runs the server when the first argument is one of its options or a configuration file, and any
# other program as it is given.
set -e

case "${1-}" in
    "" | -* | *.conf) set -- redis-server "$@" ;;
esac

# Files that the server makes are for its own user alone, unless the container says otherwise.
if [ "$(umask)" = '0022' ]; then
    umask 0077
fi

exec "$@"
