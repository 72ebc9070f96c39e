#!/usr/bin/env python3
"""Measures the gateway beside nginx and beside no gateway at all, in one run, and prints a table.

    bench/run.py [--quick] [--binaries FOLDER]

Builds the release binaries when they are missing or old. Everything is on loopback: the server under test on
processor 0, the load and the server that plays the model on processor 1. Takes about three minutes; needs wrk and
nginx (apt-get install -y wrk nginx-light).
"""

import argparse
import json
import os
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
CONNECTIONS, PACE, STREAMS, PIECES = 32, 200, 200, 100

NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream model {{ server {upstream}; keepalive 256; keepalive_requests 1000000; }}
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

[aliases.jarvis-chat]
targets = [{{ backend = "model", model = "{model}" }}]

[aliases.{alias}]
targets = [{{ backend = "model", model = "{model}" }}]

[aliases.{stream_alias}]
targets = [{{ backend = "model", model = "{stream_model}" }}]
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


def memory(process):
    """Resident memory of a process in MiB, now and at its highest."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    rows = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return tuple(round(int(rows[key].split()[0]) / 1024, 1) for key in ("VmRSS", "VmHWM"))


def processor_seconds(process):
    """User and system time of a process and of the children that it has now."""
    total = 0.0
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in [process.pid, *children]:
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


def wrk(address, model, seconds):
    command = ["taskset", "-c", LOAD, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", ROOT / "bench/chat.lua"]
    result = subprocess.run(
        [*map(str, command), f"http://{address}/v1/chat/completions"],
        env={**os.environ, "BENCH_MODEL": model}, check=True, capture_output=True, text=True, timeout=seconds + 30,
    )  # fmt: skip
    return json.loads(result.stdout.splitlines()[-1])


def load(binaries, address, model, *what):
    command = ["taskset", "-c", LOAD, binaries / "examples/load", "--url", f"http://{address}/v1/chat/completions"]
    result = subprocess.run(
        [*map(str, command), "--model", model, *map(str, what)], check=True, capture_output=True, text=True, timeout=120
    )
    return json.loads(result.stdout)


def measure_load(servers, ways, rounds, seconds):
    """Each way in turn, several times over, so that a busy moment of the machine does not fall on one of them alone."""
    rows = {name: {"full": [], "pace": [], "streams": [], "micros": []} for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            before = processor_seconds(way["process"])
            full = wrk(way["address"], way["model"], seconds)
            spent = processor_seconds(way["process"]) - before
            rows[name]["full"].append(full)
            rows[name]["micros"].append(spent / max(full["requests"], 1) * 1e6)
            pace = load(servers.binaries, way["address"], way["model"], "pace", "--per-second", PACE, "--seconds", seconds)
            rows[name]["pace"].append(pace)
            rows[name]["streams"].append(
                load(servers.binaries, way["address"], way["stream"], "streams", "--count", STREAMS)
            )
    return rows


def middle(results, key):
    return statistics.median(result[key] for result in results)


def table(rows):
    """The load figures as a Markdown table; latencies are what is added to asking the model's stand-in directly."""
    direct = rows["direct"]
    print("| | requests/s at 32 | share of nginx | processor µs per request | added median / p99 ms at 32 |", end="")
    print(" added median / p99 ms at 200/s | added median / p99 ms to first token, 200 streams | streams complete |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    nginx_rate = statistics.median(r["requests"] / r["seconds"] for r in rows["nginx"]["full"])
    for name, row in rows.items():
        rate = statistics.median(r["requests"] / r["seconds"] for r in row["full"])

        def added(kind, *keys, row=row):
            differences = (middle(row[kind], key) - middle(direct[kind], key) for key in keys)
            return " / ".join(f"{difference / 1000:.2f}" for difference in differences)

        complete = f"{sum(r['complete'] for r in row['streams'])} of {sum(r['streams'] for r in row['streams'])}"
        cells = [f"{rate:,.0f}", f"{rate / nginx_rate:.2f}"]
        if name == "direct":
            cells += ["", "", "", ""]
        else:
            cells += [f"{statistics.median(row['micros']):.0f}", added("full", "median_us", "p99_us")]
            cells += [added("pace", "median_us", "p99_us"), added("streams", "first_median_us", "first_p99_us")]
        print(f"| {name} | {' | '.join([*cells, complete])} |")


def failures(rows):
    """What went wrong, as lines; a figure from a run with failures is no figure."""
    for name, row in rows.items():
        for kind in ("full", "pace", "streams"):
            for result in row[kind]:
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
    _, upstream = servers.start(LOAD, servers.binaries / "stand-in", "--listen", "127.0.0.1:0", ready="listening on")
    names = {"alias": ALIAS, "model": MODEL, "stream_alias": STREAM_ALIAS, "stream_model": STREAM_MODEL}
    (folder / "jarvis.toml").write_text(CONFIG.format(upstream=upstream, **names))
    first, later = measure_start(servers, 3 if quick else 20)
    jarvis, address = servers.jarvis()
    time.sleep(5)
    idle, _ = memory(jarvis)
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, upstream=upstream, port=port))
    nginx_program = shutil.which("nginx", path="/usr/sbin:" + os.environ["PATH"])
    nginx = servers.start(SERVER, nginx_program, "-p", folder, "-e", folder / "nginx.log", "-c", folder / "nginx.conf")
    wait_for_port(port)
    ways = {
        "direct": {"process": servers.running[0], "address": upstream, "model": MODEL, "stream": STREAM_MODEL},
        "nginx": {"process": nginx, "address": f"127.0.0.1:{port}", "model": MODEL, "stream": STREAM_MODEL},
        "jarvis": {"process": jarvis, "address": address, "model": ALIAS, "stream": STREAM_ALIAS},
    }
    rows = measure_load(servers, ways, rounds=1 if quick else 3, seconds=2 if quick else 8)
    _, highest = memory(jarvis)
    size = (servers.binaries / "jarvis").stat().st_size / 2**20
    print(f"binary {size:.1f} MiB; first start {first:.0f} ms, later starts {later:.0f} ms (median of {3 if quick else 20})")
    print(f"memory {idle} MiB after 5 s idle, {highest} MiB at its highest under this load\n")
    table(rows)
    faults = list(failures(rows))
    print(*faults, sep="\n", file=sys.stderr)
    return bool(faults)


if __name__ == "__main__":
    main()
