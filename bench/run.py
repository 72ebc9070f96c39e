#!/usr/bin/env python3
"""Measures the gateway beside nginx and beside no gateway at all, in one run, and prints tables.

    bench/run.py [--quick] [--binaries FOLDER]

Builds the release binaries when they are missing or old. Everything is on loopback: the server under test on
processor 0, the load and the server that plays the model on processor 1. Takes about eight minutes; needs wrk and
nginx (apt-get install -y wrk nginx-light).
"""

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVER, LOAD = "0", "1"
ALIAS, MODEL, STREAM_ALIAS, STREAM_MODEL = "bench", "ok", "bench-stream", "paced"
# Streams are opened at an even pace within the first seconds, so that what is measured is many streams and not one crowd.
CONNECTIONS, PACE, STREAMS, PIECES, OPENED_WITHIN_MS = (32, 256), 200, 1000, 100, 4000
# What a question weighs, in bytes, and how many of the long ones are asked per second.
SHORT, LONG, LONG_PACE = 1024, 100 * 1024, 50
# Aliases whose first target refuses connections. Each is asked once, because its breaker remembers.
REFUSED = 60

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
worker_rlimit_nofile 16384; events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  client_body_buffer_size 256k; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream model {{ server {upstream}; keepalive 1024; keepalive_requests 1000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""

CONFIG = """
[backends.model]
kind = "openai"
base_url = "http://{upstream}/v1"
class = "cloud"

[backends.ollama]
kind = "ollama"
base_url = "http://{upstream}"
class = "gpu"

[aliases.jarvis-chat]
targets = [{{ backend = "model", model = "{model}" }}]

[aliases.{alias}]
targets = [{{ backend = "model", model = "{model}" }}]

[aliases.{alias}-ollama]
targets = [{{ backend = "ollama", model = "{model}" }}]

[aliases.{stream_alias}]
targets = [{{ backend = "model", model = "{stream_model}" }}]
"""

REFUSING = """
[backends.refusing-{n}]
kind = "openai"
base_url = "http://127.0.0.1:{port}/v1"
class = "cloud"

[aliases.refused-{n}]
targets = [{{ backend = "refusing-{n}", model = "{model}" }}, {{ backend = "model", model = "{model}" }}]
"""


class Servers:
    """The processes of one run; all of them end with it."""

    def __init__(self, folder, binaries):
        self.folder, self.binaries, self.running, self.started = folder, binaries, [], 0

    def start(self, processor, *command, ready=None):
        """Starts a server on one processor. With `ready`, waits for a line with an address and returns it too."""
        self.started += 1
        log = self.folder / f"log-{self.started}"
        with log.open("w") as output:
            command = ["taskset", "-c", processor, *map(str, command)]
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        self.running.append(process)
        deadline = time.monotonic() + 30
        while ready:
            for line in log.read_text().splitlines(keepends=True):
                if ready in line and line.endswith("\n"):
                    return process, line.split("http://", 1)[1].split()[0].rstrip("/")
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{command[3]} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.001)
        return process

    def key(self):
        """A key made by hand, as a user makes one."""
        command = [self.binaries / "jarvis", "key", "new", "bench", "--data", self.folder / "data"]
        made = subprocess.run(
            [*map(str, command), "--config", str(self.folder / "jarvis.toml")], check=True, capture_output=True, text=True
        )
        return made.stdout.splitlines()[0].strip()

    def jarvis(self, data="data"):
        return self.start(
            SERVER, self.binaries / "jarvis", "serve", "--listen", "127.0.0.1:0", "--data", self.folder / data,
            "--config", self.folder / "jarvis.toml", ready="listens on",
        )  # fmt: skip

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process in self.running:
            self.running.remove(process)

    def stop_all(self):
        for process in reversed(self.running[:]):
            self.stop(process)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except OSError:
        return False


def wait_for_port(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit(f"nothing listens on port {port}")


def with_children(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [process.pid, *children]


def memory(process):
    """Resident memory of a process and of the children that it has now, in MiB."""
    total = 0
    for pid in with_children(process):
        status = Path(f"/proc/{pid}/status").read_text()
        rows = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        total += int(rows["VmRSS"].split()[0])
    return total / 1024


def processor_seconds(process):
    """User and system time of a process and of the children that it has now."""
    total = 0.0
    for pid in with_children(process):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def measure_start(servers, times):
    """Milliseconds from exec to the first 200 of /healthz: on an empty data folder, and the median of later starts."""

    def once(data):
        begun = time.monotonic()
        process, address = servers.jarvis(data)
        while not answers(f"http://{address}/healthz"):
            if time.monotonic() - begun > 10:
                sys.exit("/healthz never answered 200")
            time.sleep(0.001)
        took = (time.monotonic() - begun) * 1000
        servers.stop(process)
        return took

    first = once("start")
    return first, statistics.median(once("start") for _ in range(times))


def wrk(way, connections, seconds, stream=False, model=None):
    command = ["taskset", "-c", LOAD, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", ROOT / "bench/chat.lua"]
    said = {"BENCH_MODEL": model or way["model"], "BENCH_KEY": way["key"], "BENCH_STREAM": "true" if stream else "false"}
    before = processor_seconds(way["process"])
    result = subprocess.run(
        [*map(str, command), f"http://{way['address']}/v1/chat/completions"],
        env={**os.environ, **said}, check=True, capture_output=True, text=True, timeout=seconds + 30,
    )  # fmt: skip
    result = json.loads(result.stdout.splitlines()[-1])
    spent = processor_seconds(way["process"]) - before
    return {**result, "rate": result["requests"] / result["seconds"], "micros": spent / max(result["requests"], 1) * 1e6}


def load(binaries, way, model, *what, question=36):
    """Runs the load generator; adds the processor time and the most memory that the server took meanwhile."""
    command = ["taskset", "-c", LOAD, binaries / "examples/load", "--url", f"http://{way['address']}/v1/chat/completions"]
    command += ["--model", model, "--key", way["key"], "--question", question, *what]
    before, most = processor_seconds(way["process"]), 0
    running = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while running.poll() is None:
        most = max(most, memory(way["process"]))
        if time.monotonic() > deadline:
            running.kill()
            sys.exit(f"{' '.join(map(str, what))} took more than two minutes")
        time.sleep(0.1)
    if running.returncode:
        sys.exit(f"the load generator failed with {running.returncode}")
    spent = processor_seconds(way["process"]) - before
    return {**json.loads(running.stdout.read()), "spent": spent, "most": most}


def measure(servers, ways, rounds, seconds):
    """Each way in turn, several times over, so that a busy moment of the machine does not fall on one of them alone."""
    names = ["streams", "pace", "short", "long", *(f"full{connections}" for connections in CONNECTIONS)]
    rows = {name: {kind: [] for kind in names} for name in ways}

    def ask(way, model, *what, **more):
        return load(servers.binaries, way, model, *what, **more)

    for _ in range(rounds):
        for name, way in ways.items():
            row = rows[name]
            streams = ("streams", "--count", STREAMS, "--within-ms", OPENED_WITHIN_MS)
            row["streams"].append(ask(way, way["stream"], *streams))
            row["pace"].append(ask(way, way["model"], "pace", "--per-second", PACE, "--seconds", seconds))
            for size, kind in ((SHORT, "short"), (LONG, "long")):
                slow = ("pace", "--per-second", LONG_PACE, "--seconds", seconds)
                row[kind].append(ask(way, way["model"], *slow, question=size))
            for connections in CONNECTIONS:
                row[f"full{connections}"].append(wrk(way, connections, 2 * seconds))
    return rows


def measure_translation(way, rounds, seconds):
    """Streams per second from an Ollama and from a server of the caller's own protocol, through Jarvis."""
    own, translated = [], []
    for _ in range(rounds):
        own.append(wrk(way, CONNECTIONS[0], seconds, stream=True))
        translated.append(wrk(way, CONNECTIONS[0], seconds, stream=True, model=f"{way['model']}-ollama"))
    return own, translated


def measure_fallback(servers, way):
    """First words when the first target refuses the connection, and when there is no such target."""
    straight = load(servers.binaries, way, way["model"], "each", "--count", REFUSED)
    return straight, load(servers.binaries, way, "refused-{n}", "each", "--count", REFUSED)


def middle(results, key):
    return statistics.median(result[key] for result in results)


def per_token(results):
    return statistics.median(result["spent"] / max(result["pieces"], 1) * 1e6 for result in results)


def added(rows, name, kind, *keys):
    """What a way adds to asking the model's stand-in directly, in milliseconds."""
    return [(middle(rows[name][kind], key) - middle(rows["direct"][kind], key)) / 1000 for key in keys]


def table(rows, idle):
    """One column per way, one line per measure; the last column is Jarvis in terms of nginx."""
    ways, lines = [name for name in rows if name != "direct"], []

    def line(what, values, shown, relative=True):
        times = f"{values['jarvis'] / values['nginx']:.2f}" if relative and values["nginx"] > 0 else ""
        lines.append(f"| {what} | {' | '.join(shown(values[name]) for name in ways)} | {times} |")

    def of(measure):
        return {name: measure(name) for name in ways}

    for connections in CONNECTIONS:
        kind = f"full{connections}"
        line(f"requests/s, {connections} connections", of(lambda name: middle(rows[name][kind], "rate")), "{:,.0f}".format)
        micros = of(lambda name: middle(rows[name][kind], "micros"))
        line(f"processor µs per request, {connections} connections", micros, "{:.0f}".format)
    for what, key in (("median", "median_us"), ("p99", "p99_us")):
        line(f"added {what}, ms, {PACE} requests/s", of(lambda name: added(rows, name, "pace", key)[0]), "{:.2f}".format)
    line(f"{STREAMS} streams: complete", of(lambda name: sum(r["complete"] for r in rows[name]["streams"])), "{:,}".format, False)
    line("processor µs per streamed token", of(lambda name: per_token(rows[name]["streams"])), "{:.1f}".format)
    for what, key in (("median", "first_median_us"), ("p99", "first_p99_us")):
        values = of(lambda name: added(rows, name, "streams", key)[0])
        line(f"added {what} to first token, ms, {STREAMS} streams", values, "{:.2f}".format)
    prompt = of(lambda name: added(rows, name, "long", "p99_us")[0] - added(rows, name, "short", "p99_us")[0])
    line("100 KB prompt: added p99 over 1 KB, ms", prompt, "{:.2f}".format)
    line("memory idle, MiB", idle, "{:.0f}".format)
    line(f"memory at {STREAMS} streams, MiB", of(lambda name: max(r["most"] for r in rows[name]["streams"])), "{:.0f}".format)
    print(f"| | {' | '.join(ways)} | share or multiple of nginx |")
    print(f"|---|{'--:|' * len(ways)}--:|")
    print(*lines, sep="\n")
    print(f"\ndirect: {middle(rows['direct']['full32'], 'rate'):,.0f} requests/s at {CONNECTIONS[0]} connections")


def failures(rows):
    """What went wrong, as lines; a figure from a run with failures is no figure."""
    for name, row in rows.items():
        for kind, results in row.items():
            for result in results:
                if result["failures"]:
                    yield f"{name}, {kind}: {result['failures']} failures: {result.get('first_failure')}"
                if kind == "streams" and result["pieces"] != STREAMS * PIECES:
                    yield f"{name}: {result['pieces']} pieces arrived, not {STREAMS * PIECES}"


def build():
    cargo = ["cargo", "build", "--locked", "--release"]
    subprocess.run([*cargo, "-p", "jarvis", "-p", "stand-in", "--bins"], cwd=ROOT, check=True)
    subprocess.run([*cargo, "-p", "stand-in", "--example", "load"], cwd=ROOT, check=True)
    return (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")) / "release"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--quick", action="store_true", help="one short round: shows that it works, measures nothing")
    arguments.add_argument("--binaries", type=Path, help="a folder with the programs, instead of building them")
    arguments = arguments.parse_args()
    missing = [program for program in ("wrk", "nginx", "taskset") if not shutil.which(program, path="/usr/sbin:" + os.environ["PATH"])]
    if missing:
        sys.exit(f"{', '.join(missing)} missing: apt-get install -y wrk nginx-light util-linux")
    binaries = arguments.binaries or build()
    with tempfile.TemporaryDirectory(prefix="jarvis-bench-") as name:
        folder = Path(name)
        servers = Servers(folder, binaries)
        try:
            sys.exit(run(servers, folder, arguments.quick))
        finally:
            servers.stop_all()


def run(servers, folder, quick):
    # A thousand streams are two thousand sockets.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384) if most > 0 else 16384, most))
    rounds, seconds = (1, 2) if quick else (5, 3)
    _, upstream = servers.start(LOAD, servers.binaries / "stand-in", "--listen", "127.0.0.1:0", ready="listening on")
    names = {"alias": ALIAS, "model": MODEL, "stream_alias": STREAM_ALIAS, "stream_model": STREAM_MODEL}
    closed = free_port()
    refusing = [REFUSING.format(n=n, port=closed, model=MODEL) for n in range(REFUSED)]
    (folder / "jarvis.toml").write_text(CONFIG.format(upstream=upstream, **names) + "".join(refusing))
    first, later = measure_start(servers, 3 if quick else 20)
    key = servers.key()
    jarvis, address = servers.jarvis()
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, upstream=upstream, port=port))
    nginx_program = shutil.which("nginx", path="/usr/sbin:" + os.environ["PATH"])
    nginx = servers.start(SERVER, nginx_program, "-p", folder, "-e", folder / "nginx.log", "-c", folder / "nginx.conf")
    wait_for_port(port)
    time.sleep(5)
    through = {"model": MODEL, "stream": STREAM_MODEL, "key": key}
    ways = {
        "direct": {"process": servers.running[0], "address": upstream, **through},
        "nginx": {"process": nginx, "address": f"127.0.0.1:{port}", **through},
        "jarvis": {"process": jarvis, "address": address, "model": ALIAS, "stream": STREAM_ALIAS, "key": key},
    }
    idle = {name: memory(way["process"]) for name, way in ways.items()}
    rows = measure(servers, ways, rounds, seconds)
    own, translated = measure_translation(ways["jarvis"], rounds, 2 * seconds)
    straight, refused = measure_fallback(servers, ways["jarvis"])
    size = (servers.binaries / "jarvis").stat().st_size / 2**20
    print(f"binary {size:.1f} MiB; first start {first:.0f} ms, later starts {later:.0f} ms (median of {3 if quick else 20})\n")
    table(rows, idle)
    share = middle(translated, "rate") / middle(own, "rate")
    print(f"Ollama to OpenAI: {middle(translated, 'rate'):,.0f} streams/s, {share:.2f} of the pass-through's", end="")
    print(f" ({middle(own, 'micros'):.0f} and {middle(translated, 'micros'):.0f} µs of the processor each)")
    late = [(refused[key] - straight[key]) / 1000 for key in ("first_median_us", "first_worst_us")]
    print(f"refused first target: the next one's first words {late[0]:.2f} ms later (median), {late[1]:.2f} ms (worst)")
    more = {"streams through Jarvis": {"own": own, "Ollama": translated}, "fallback": {"each": [straight, refused]}}
    faults = [*failures(rows), *failures(more)]
    print(*faults, sep="\n", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    main()
