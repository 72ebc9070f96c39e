#!/usr/bin/env bash
# Makes docs/images/console.png anew: the real program, real containers, no model.
#
#   JARVIS_BIN=target/release/jarvis tests/browser/picture.sh      (after `npm ci` in web/ui)
#
# It runs containers with plain names (web, database, backup) and stops when one of them exists already.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${JARVIS_BIN:?is the path of the jarvis binary}"
scripts/docker-for-tests.sh
unset JARVIS_LISTEN JARVIS_DATA JARVIS_CONFIG JARVIS_KEY OPENAI_API_KEY OLLAMA_HOST

work=$(mktemp -d)
made=()
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  wait
  [ "${#made[@]}" = 0 ] || docker rm -f "${made[@]}" >/dev/null
  rm -rf "$work"
}
trap finish EXIT

container() { # container NAME SCRIPT
  docker run -d --network none --name "$1" --label jarvis-test=picture --stop-timeout 1 jarvis-test/tiny sh -c "$2" >/dev/null
  made+=("$1")
}
runs='trap "exit 0" TERM; while true; do sleep 0.1; done'
container web "$runs"
container database "$runs"
container backup 'echo "copying 48 files to /mnt/nas"; echo "write /mnt/nas/photos.tar: No space left on device" >&2; exit 28'

"$JARVIS_BIN" serve --listen 127.0.0.1:0 --data "$work/data" >"$work/log" 2>&1 &
server=$!
until base=$(grep -F "listens on" "$work/log" | grep -oE -m 1 'http://127\.0\.0\.1:[0-9]+'); do
  kill -0 "$server" || { cat "$work/log"; exit 1; }
  sleep 0.1
done
mkdir -p docs/images
node tests/browser/picture.mjs "$base" docs/images/console.png
