#!/usr/bin/env bash
# The console in Chromium on the real binary, with a real container and no model: command mode answers.
#
#   JARVIS_BIN=… tests/browser/run.sh     (./check browser sets it, and has run `npm ci` and built the program)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${JARVIS_BIN:?is the path of the jarvis binary}"
scripts/docker-for-tests.sh
# What this machine's owner has set for their own Jarvis is none of the tests' business.
unset JARVIS_LISTEN JARVIS_DATA JARVIS_CONFIG JARVIS_KEY OPENAI_API_KEY OLLAMA_HOST

work=$(mktemp -d)
container=jarvis-test-browser-$$
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  wait
  docker rm -f "$container" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT

docker run -d --network none --name "$container" --label jarvis-test=browser --stop-timeout 1 jarvis-test/tiny \
  sh -c 'trap "exit 0" TERM; while true; do sleep 0.1; done' >/dev/null
"$JARVIS_BIN" serve --listen 127.0.0.1:0 --data "$work/data" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 300); do
  JARVIS_BASE=$(grep -F "listens on" "$work/log" | grep -oE -m 1 'http://127\.0\.0\.1:[0-9]+') && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.1
done
if [ -z "$JARVIS_BASE" ]; then
  echo "jarvis did not start:"
  cat "$work/log"
  exit 1
fi
export JARVIS_BASE

status=0
node web/ui/browser/run.mjs || status=1
# A scenario with a card stops the container, or is denied to; each of them finds it running.
for scenario in "keyboard alone: say something and approve, at 1280" "keyboard alone: say something and approve, at 360" \
  "two pages: one decides, the other sees it" "an act that was denied is asked for again"; do
  docker start "$container" >/dev/null
  JARVIS_ASK="stop $container" node web/ui/browser/run.mjs "$scenario" || status=1
done
if [ "$(docker inspect -f '{{.State.Status}}' "$container")" != running ]; then
  echo "the last card was denied, and yet the container was stopped"
  status=1
fi
[ "$status" = 0 ] || tail -n 40 "$work/log"
exit "$status"
