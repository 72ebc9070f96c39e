#!/usr/bin/env bash
# OpenAI's, Ollama's and MCP's own clients and MCP's reference server, from PyPI and npm, against the real binary, with the stand-in as both model servers.
#
#   JARVIS_BIN=… STAND_IN_BIN=… tests/clients/run.sh     (./check clients sets them)
#
# test_schemas.py holds every kind of answer against OpenAI's own API document.
#
# Two servers run: one without keys, where this machine is the owner, and one that has a key and so asks for it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
: "${JARVIS_BIN:?is the path of the jarvis binary}" "${STAND_IN_BIN:?is the path of the stand-in binary}"
cache=${JARVIS_CHECK_CACHE:-../../target/check}

venv=$cache/clients-$(sha256sum requirements.txt | cut -c1-12)
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q -r requirements.txt
  touch "$venv/complete"
fi
npm ci

# What this machine's owner has set for their own Jarvis is none of the tests' business.
unset JARVIS_LISTEN JARVIS_DATA JARVIS_CONFIG OPENAI_API_KEY OLLAMA_HOST

work=$(mktemp -d)
started=()
finish() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# Starts a server, waits for the line that contains PATTERN, and puts the address of that line into $address.
start() { # start NAME PATTERN COMMAND...
  local name=$1 log=$work/$1.log pattern=$2
  shift 2
  "$@" >"$log" 2>&1 &
  started+=($!)
  for _ in $(seq 300); do
    address=$(grep -F "$pattern" "$log" | grep -oE -m 1 'http://127\.0\.0\.1:[0-9]+') && return 0
    kill -0 "$!" 2>/dev/null || break
    sleep 0.1
  done
  echo "$name did not start:"
  cat "$log"
  return 1
}

start stand-in "listening on" "$STAND_IN_BIN" --listen 127.0.0.1:0
export STAND_IN_URL=$address CLIENT_TEST_CREDENTIAL=sk-of-the-stand-in
start everything "listening on" node everything_http.mjs
sed "s|STAND_IN|$STAND_IN_URL|; s|CLIENTS|$PWD|; s|EVERYTHING|$address|" jarvis.toml >"$work/jarvis.toml"
python3 chains.py "$STAND_IN_URL" >>"$work/jarvis.toml"
serve=("$JARVIS_BIN" serve --listen 127.0.0.1:0 --config "$work/jarvis.toml")

start open "listens on" "${serve[@]}" --data "$work/open"
export JARVIS_URL=$address

key() { "$JARVIS_BIN" key new "$1" --scope "$2" --data "$work/keyed" | head -n 1; }
JARVIS_KEY=$(key client-tests chat)
JARVIS_MCP_KEY=$(key asks-by-mcp mcp)
JARVIS_MCP_OPS_KEY=$(key acts-by-mcp mcp,ops)
export JARVIS_KEY JARVIS_MCP_KEY JARVIS_MCP_OPS_KEY
start keyed "listens on" "${serve[@]}" --data "$work/keyed"
export JARVIS_KEYED_URL=$address

status=0
"$venv/bin/python" -m unittest -v test_python test_jobs test_ollama test_schemas test_responses test_mcp || status=1
node --test --test-reporter=spec javascript.test.mjs jobs.test.mjs ollama.test.mjs responses.test.mjs || status=1
if [ "$status" != 0 ]; then
  echo "the end of the server's log:"
  tail -n 40 "$work/open.log"
fi
exit "$status"
