"""Two replicas over one PostgreSQL and one Redis, under load, while parts of it fail. Then everything is counted.

    python3 tests/replicas/chaos.py [--seconds 75] [--talks 24]

Needs the debug binaries (cargo build -p jarvis -p stand-in --bins; JARVIS_BIN and STAND_IN_BIN name others), and
apt-get install -y postgresql redis-server gcc libc6-dev. It ends what it started and takes its folder away; --keep leaves that.

What must hold, and is counted in the database and in what the acts wrote:
- each message that was taken has one answer, or one word that there is none;
- each act was done at most once, and exactly once when its card says that it was done;
- nothing is left open, and the audit is one chain.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
JARVIS = os.environ.get("JARVIS_BIN", str(TARGET / "debug/jarvis"))
STAND_IN = os.environ.get("STAND_IN_BIN", str(TARGET / "debug/stand-in"))


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Stage:
    """Everything that runs, in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.acts = folder / "acts"
        self.acts.touch()
        self.started = []
        self.pg_environment = {**os.environ, "JARVIS_TEST_POSTGRES": str(folder / "postgres")}
        self.redis_port = free_port()
        self.redis = None
        self.replicas = {}
        self.ports = {}

    def spawn(self, arguments, **more):
        process = subprocess.Popen(arguments, **more)
        self.started.append(process)
        return process

    def postgres(self, what="start"):
        done = subprocess.run(
            [str(ROOT / "scripts/postgres-for-tests.sh"), what],
            env=self.pg_environment, check=True, capture_output=True, text=True,
        )
        return done.stdout.strip()

    def sql(self, text):
        done = subprocess.run(
            ["psql", "-h", str(self.folder / "postgres"), "-U", "jarvis", "-d", "chaos", "-AtqF", "\t", "-c", text],
            check=True, capture_output=True, text=True,
        )
        return [line.split("\t") for line in done.stdout.splitlines()]

    def start_redis(self):
        self.redis = self.spawn(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.redis_port), "--save", "", "--appendonly", "no",
             "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
        )

    def start_models(self):
        process = self.spawn([STAND_IN, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        self.models = process.stdout.readline().split()[-1]
        threading.Thread(target=process.stdout.read, daemon=True).start()

    def configuration(self):
        address = f"postgres://jarvis@localhost/chaos?host={self.folder / 'postgres'}"
        return f"""
[database]
url = "{address}"
[redis]
url = "redis://127.0.0.1:{self.redis_port}"
[backends.gpu]
kind = "ollama"
base_url = "{self.models}"
[aliases.jarvis-chat]
targets = [{{ backend = "gpu", model = "tools" }}]
[mcp.servers.counter]
command = "{sys.executable}"
args = ["{ROOT / 'tests/replicas/counter.py'}"]
env = ["COUNTER_FILE"]
"""

    def start_replica(self, name, hours=0):
        data = self.folder / name
        data.mkdir(exist_ok=True)
        (data / "jarvis.toml").write_text(self.configuration())
        self.ports.setdefault(name, free_port())
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(data), "JARVIS_DATA": str(data), "OLLAMA_HOST": "127.0.0.1:9",
            "JARVIS_LISTEN": f"127.0.0.1:{self.ports[name]}", "COUNTER_FILE": str(self.acts),
        }
        if hours:
            library = self.folder / "clock.so"
            source = ROOT / "tests/replicas/clock.c"
            subprocess.run(["cc", "-shared", "-fPIC", f"-DHOURS={hours}", "-o", library, source], check=True)
            environment["LD_PRELOAD"] = str(library)
        log = open(self.folder / f"{name}.log", "a", encoding="utf-8")
        self.replicas[name] = self.spawn([JARVIS, "serve"], env=environment, stdout=log, stderr=log, cwd=data)

    def wait_ready(self, name, patience=60):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                if self.ask(name, "GET", "/readyz", raw=True)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"{name} does not get ready; see {self.folder / name}.log")

    def ask(self, name, method, path, body=None, raw=False):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[name]}{path}", method=method)
        if body is not None:
            request.add_header("content-type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                text = answer.read()
                return answer.status, text if raw else json.loads(text)
        except urllib.error.HTTPError as error:
            return error.code, error.read() if raw else {}

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
        for process in self.started:
            process.wait()
        self.postgres("remove")


class Load:
    """People who talk: each says something, waits for its end, and says the next thing, to whichever replica."""

    def __init__(self, stage, talks):
        self.stage = stage
        self.stop = threading.Event()
        self.said = collections.Counter()
        self.lost = []
        self.slowest = 0.0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.talk, args=(number,)) for number in range(talks)]

    def anyone(self, method, path, body=None, good=(200, 201, 202)):
        """Asks replicas until one takes it. The id of a message makes that safe."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            name = random.choice(list(self.stage.ports))
            try:
                status, answer = self.stage.ask(name, method, path, body)
                if status in good:
                    return answer
            except (OSError, ValueError):
                pass
            time.sleep(0.05)
        return None

    def talk(self, number):
        conversation = self.anyone("POST", "/v1/jarvis/conversations", {})["id"]
        path = f"/v1/jarvis/conversations/{conversation}/messages"
        turn = 0
        while not self.stop.is_set():
            turn += 1
            name = f"{number}-{turn}"
            acts = turn % 4 == 0
            text = f'do it\ncall mcp_counter_add {{"n": "{name}"}}' if acts else f"question {name}\ncall list_jobs {{}}"
            began = time.monotonic()
            taken = self.anyone("POST", path, {"text": text, "id": name})
            if taken is None:
                self.lost.append(f"{name} was not taken")
                return
            ends = self.ends_of(path, taken["message"]["run_id"])
            with self.lock:
                self.said["act" if acts else "question"] += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
            if not ends:
                self.lost.append(f"{name} has no end")
                return
            if acts:
                self.approve(conversation)

    def ends_of(self, path, run_id):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            answer = self.anyone("GET", f"{path}?limit=20")
            messages = answer["messages"] if answer else []
            ends = [message for message in messages if message.get("run_id") == run_id and message["role"] != "user"]
            if ends:
                return ends
            time.sleep(0.1)
        return []

    def approve(self, conversation):
        cards = self.anyone("GET", "/v1/jarvis/approvals?status=pending&limit=200")
        for card in (cards or {}).get("approvals", []):
            if card["conversation_id"] == conversation:
                # Twice, to whichever replica: it is decided once.
                for _ in range(2):
                    self.anyone("POST", f"/v1/jarvis/approvals/{card['id']}", {"yes": True}, good=(200, 202, 409, 410, 404))


def faults(stage, seconds):
    """What happens, and when, as parts of the whole time."""
    a, b = "one", "two"

    def step(part, words):
        time.sleep(max(0.0, began + part * seconds - time.monotonic()))
        print(f"{time.monotonic() - began:5.1f} s  {words}", flush=True)

    began = time.monotonic()
    step(0.10, "Redis is killed")
    stage.redis.kill()
    step(0.20, "PostgreSQL is restarted")
    stage.postgres("stop")
    time.sleep(2)
    stage.postgres()
    step(0.32, "Redis is there again, empty")
    stage.start_redis()
    step(0.40, f"replica {a} is killed")
    stage.replicas[a].kill()
    step(0.62, f"replica {a} starts again")
    stage.start_replica(a)
    step(0.72, f"replica {b} stands still for 15 s")
    stage.replicas[b].send_signal(signal.SIGSTOP)
    time.sleep(15)
    stage.replicas[b].send_signal(signal.SIGCONT)
    step(1.0, "the load ends")


def judged(stage, load):
    """Every line is a fault."""
    yield from load.lost
    yield from (f"left open: {row}" for row in stage.sql(
        "SELECT 'run', id FROM runs WHERE status = 'running' UNION ALL SELECT 'call', tool FROM tool_calls WHERE outcome = 'started'"
        " UNION ALL SELECT 'card', id || ' ' || status FROM approvals WHERE status IN ('approved', 'executing') OR untold = 1"))
    yield from (f"message {text!r} has {count} ends" for text, count in stage.sql(
        "SELECT m.external_id, COUNT(e.id) FROM messages m JOIN runs r ON r.id = m.run_id"
        " LEFT JOIN messages e ON e.run_id = r.id AND (e.role = 'assistant' OR e.detail LIKE '%\"restarted\"%')"
        " WHERE m.role = 'user' AND COALESCE(r.stop_reason, '') <> 'joined' GROUP BY m.id, m.external_id HAVING COUNT(e.id) <> 1"))
    stored = int(stage.sql("SELECT COUNT(*) FROM messages WHERE role = 'user'")[0][0])
    if stored != sum(load.said.values()):
        yield f"{sum(load.said.values())} messages were said and {stored} are stored"
    done = collections.Counter(stage.acts.read_text().split())
    yield from (f"act {name} was done {times} times" for name, times in done.items() if times != 1)
    cards = stage.sql("SELECT arguments, status FROM approvals WHERE tool = 'mcp_counter_add'")
    for arguments, status in cards:
        name = re.search(r'"n" *: *"([^"]*)"', arguments)[1]
        if status == "done" and done[name] != 1 or status in ("pending", "denied", "expired", "stale") and done[name]:
            yield f"card of act {name} is {status}, and it was done {done[name]} times"
    audit = subprocess.run(
        [JARVIS, "audit", "--limit", "1", "--data", str(stage.folder / "one")], capture_output=True, text=True, check=False)
    if "the chain is intact" not in audit.stdout:
        yield f"the audit: {audit.stdout[-200:]} {audit.stderr[-200:]}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=75)
    options.add_argument("--talks", type=int, default=24)
    options.add_argument("--hours", type=int, default=1, help="how far the clock of the second replica is off")
    options.add_argument("--keep", action="store_true")
    options = options.parse_args()
    for program in ("psql", "redis-server", "cc"):
        if not shutil.which(program):
            raise SystemExit(f"{program} is missing: apt-get install -y postgresql redis-server gcc libc6-dev")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="jarvis-replicas-"))
    folder.chmod(0o755)
    stage = Stage(folder)
    try:
        stage.postgres()
        subprocess.run(["createdb", "-h", str(folder / "postgres"), "-U", "jarvis", "chaos"], check=True)
        stage.start_redis()
        stage.start_models()
        stage.start_replica("one")
        stage.start_replica("two", hours=options.hours)
        for name in ("one", "two"):
            stage.wait_ready(name)
        time.sleep(3)
        load = Load(stage, options.talks)
        for thread in load.threads:
            thread.start()
        faults(stage, options.seconds)
        load.stop.set()
        for thread in load.threads:
            thread.join()
        # What was approved last is still to be done, and told.
        time.sleep(15)
        found = list(judged(stage, load))
        cards = dict(stage.sql("SELECT status, COUNT(*) FROM approvals GROUP BY status"))
        ends = dict(stage.sql("SELECT status || ' ' || stop_reason, COUNT(*) FROM runs GROUP BY 1"))
        print(f"said: {dict(load.said)}; runs: {ends}; cards: {cards}; acts: {len(stage.acts.read_text().split())};"
              f" slowest end: {load.slowest:.1f} s")
        for line in found:
            print("  WRONG", line)
        print("1 passed, 0 failed" if not found else f"0 passed, {len(found)} failed")
        return 1 if found else 0
    finally:
        stage.end()
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
