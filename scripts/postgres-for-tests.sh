#!/bin/sh
# Makes a PostgreSQL answer for the tests and prints its address. Safe to run again at any time, and by several at once.
#
# A server of its own, on a socket alone, in a folder that only this user reads; what it is told is not kept safe from a power
# cut, so it is fast and of no use for anything else. It is left running, so that the next run finds it.
#
#   postgres-for-tests.sh           starts it when it does not run
#   postgres-for-tests.sh stop      stops it at once, as a restart does
#   postgres-for-tests.sh remove    stops it and takes its folder away
#
#   JARVIS_TEST_POSTGRES       the folder of the server (default /tmp/jarvis-test-postgres-UID)
#   JARVIS_TEST_POSTGRES_BIN   the folder of initdb and pg_ctl (default: Debian's, the newest one)
set -eu

folder=${JARVIS_TEST_POSTGRES:-/tmp/jarvis-test-postgres-$(id -u)}

fail() { echo "postgres-for-tests: $*" >&2; exit 1; }

programs=${JARVIS_TEST_POSTGRES_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -t/ -k5 -n | tail -n 1)}
[ -n "$programs" ] && [ -x "$programs/initdb" ] || fail "PostgreSQL is missing: apt-get install -y postgresql"
command -v flock >/dev/null || fail "flock is missing: apt-get install -y util-linux"

# PostgreSQL does not run as root. Debian's package makes this user.
as_user() {
    if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; else "$@"; fi
}

# -p: where others may write, a folder that is not ours must not be taken for ours.
mkdir -p -m 700 "$folder"
[ -O "$folder" ] || { [ "$(id -u)" = 0 ] && [ "$(stat -c %U "$folder")" = postgres ]; } || fail "$folder belongs to somebody else"
[ "$(id -u)" != 0 ] || chown postgres:postgres "$folder"

exec 9>"$folder/lock"
flock 9

if [ "${1:-start}" != start ]; then
    as_user "$programs/pg_ctl" -D "$folder/data" -w -t 60 -m fast stop >/dev/null 2>&1 || true
    [ "$1" != remove ] || rm -rf "$folder"
    exit 0
fi
if ! as_user "$programs/pg_ctl" -D "$folder/data" status >/dev/null 2>&1; then
    # One that was made by another version, or only in part, holds nothing that is needed.
    [ -f "$folder/made-by-$(basename "$(dirname "$programs")")" ] || rm -rf "$folder/data" "$folder"/made-by-*
    if [ ! -d "$folder/data" ]; then
        as_user "$programs/initdb" -D "$folder/data" -U jarvis -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 \
            || { cat "$folder/initdb.log" >&2; fail "initdb failed"; }
        touch "$folder/made-by-$(basename "$(dirname "$programs")")"
    fi
    as_user "$programs/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -o "-c listen_addresses='' \
        -c unix_socket_directories='$folder' -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
        -c max_connections=300 -c max_wal_size=256MB" start >/dev/null 9>&- \
        || { tail -n 20 "$folder/log" >&2; fail "the server does not start, its last lines are above"; }
fi
echo "postgres://jarvis@localhost/postgres?host=$folder"
