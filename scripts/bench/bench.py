#!/usr/bin/env python3
"""make bench: CPU seconds of the server and of Postgres for 1,000 correct answers, compared with the goals.

The method is PERFORMANCE.md's: a release build, a private Postgres on the same machine with synchronous_commit
on, 8 keep-alive connections from wrk (64 where a row says so), a warm-up, then three runs of ten seconds of which the median counts. The
server runs with its ordinary settings, request log included; only the rate limits are off.
"""

import argparse
import base64
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import assertions
import cluster
from browser import Browser
from operations import PASSWORD, Operations

HERE = pathlib.Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--only", action="append", default=[], metavar="NAME",
                        help="this operation only; may be repeated")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--check", action="store_true", help="fail when a goal is missed")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures here, too")
    return parser.parse_args()


class Server:
    def __init__(self, binary, folder, database_url, box_key=""):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.binary, self.folder = binary.resolve(), folder
        self.base = f"http://127.0.0.1:{port}"
        self.env = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url,
            "UNDERSTUDY_PUBLIC_URL": self.base,
            "UNDERSTUDY_LISTEN": f"127.0.0.1:{port}",
            "UNDERSTUDY_MASTER_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "UNDERSTUDY_RATE_LIMITS": "off",
            "BENCH_BOX_KEY": box_key,
        }
        self.process, self.log = None, None

    def command(self, *words):
        done = subprocess.run([self.binary, *words], env=self.env, cwd=self.folder,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"`understudy {' '.join(words)}` failed:\n{done.stdout}{done.stderr}")

    def start(self):
        """Seconds until /health/ready answers 200."""
        self.log = open(self.folder / "server.log", "ab")
        began = time.monotonic()
        self.process = subprocess.Popen([self.binary, "serve"], env=self.env, cwd=self.folder,
                                        stdout=self.log, stderr=self.log)
        browser = Browser(self.base)
        while time.monotonic() - began < 60:
            if self.process.poll() is not None:
                break
            try:
                if browser.send("GET", "/health/ready")[0] == 200:
                    return time.monotonic() - began
            except OSError:
                pass
            time.sleep(0.005)
        tail = (self.folder / "server.log").read_text(errors="replace")[-2000:]
        self.stop()
        raise SystemExit(f"The server did not become ready:\n{tail}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def lua(value):
    """A Python value as Lua source."""
    if isinstance(value, dict):
        return "{" + ",".join(f"[{lua(key)}]={lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ",".join(map(lua, value)) + "}"
    if value is None:
        return "nil"
    return json.dumps(value, ensure_ascii=True).replace("\\/", "/")


class Load:
    """One wrk run after another against one server."""

    def __init__(self, server, postgres, folder):
        self.server, self.postgres, self.folder = server, postgres, folder

    def wrk(self, script, settings, seconds, connections=8):
        run = self.folder / "run.lua"
        run.write_text("return " + lua(settings))
        env = {"PATH": os.environ["PATH"], "BENCH_RUN": str(run), "BENCH_DIR": str(HERE)}
        before = cluster.cpu(self.server.process.pid), self.postgres.cpu()
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "5s", "--latency",
             "-s", HERE / script, self.server.base],
            env=env, capture_output=True, text=True, check=False)
        after = cluster.cpu(self.server.process.pid), self.postgres.cpu()
        found = dict(line.split("=", 1) for line in done.stderr.splitlines() if "=" in line)
        if done.returncode or "good" not in found:
            raise SystemExit(f"wrk failed:\n{done.stdout}{done.stderr}")
        good, bad, lost = (int(found[name]) for name in ("good", "bad", "lost"))
        if bad or lost or not good:
            raise SystemExit(f"{script}: {good} right answers, {bad} wrong ones, {lost} lost; "
                             f"the first wrong one: {found['shown']}")
        return {"rate": good / float(found["seconds"]),
                "p50": float(found["p50"]), "p99": float(found["p99"]),
                "server": (after[0] - before[0]) / good * 1000,
                "postgres": (after[1] - before[1]) / good * 1000}

    def measure(self, operation, runs, seconds):
        operation.run(self, min(2, seconds))
        results = [operation.run(self, seconds) for _ in range(runs)]
        return {key: statistics.median(result[key] for result in results) for key in results[0]}


def verdict(figures, operation):
    over = [name for name in ("server", "postgres")
            if operation.goal(name) is not None and figures[name] > operation.goal(name) * 1.005]
    return "over: " + ", ".join(over) if over else "ok"


HEAD = f"{'operation':32} {'req/s':>8} {'p50 ms':>7} {'p99 ms':>7}  {'server + Postgres':>17}  " \
       f"{'ours at most':>14}"


def row(name, figures, operation):
    goal = f"{operation.server:.3g}"
    if operation.postgres is not None:
        goal += f" + {operation.postgres:.3g}"
    cost = f"{figures['server']:.3f} + {figures['postgres']:.3f}"
    return (f"{name:32} {figures['rate']:8.0f} {figures['p50']:7.2f} {figures['p99']:7.2f}  "
            f"{cost:>17}  {goal:>14}  {verdict(figures, operation)}")


def measure_all(args, server, postgres, folder, key):
    operations = Operations(server.base, folder, key)
    # Exclude the one password hash of the sign-in before the load.
    cluster.forget_peak(server.process.pid)
    chosen = {name: operation for name, operation in operations.all().items()
              if not args.only or name in args.only}
    if not chosen:
        raise SystemExit("Nothing to measure. There are: " + ", ".join(operations.all()))
    load, table = Load(server, postgres, folder), {}
    print("CPU seconds for 1,000 right answers; latency is that of one request.\n")
    print(HEAD, flush=True)
    peak = None
    for name, operation in chosen.items():
        if name == PASSWORD:
            peak = cluster.memory(server.process.pid)[1]
        table[name] = load.measure(operation, args.runs, args.seconds)
        print(row(name, table[name], operation), flush=True)
    missed = [name for name in chosen if verdict(table[name], chosen[name]) != "ok"]
    return table, missed, peak or cluster.memory(server.process.pid)[1]


def main():
    args = arguments()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="understudy-bench-"))
    folder.chmod(0o755)
    postgres = server = None
    try:
        postgres = cluster.Cluster(folder)
        key = assertions.Key(folder)
        server = Server(args.binary, folder, postgres.url, key.public)
        server.command("migrate")
        server.command("apply", "-f", str(HERE / "bench.yaml"))
        server.start()
        server.stop()
        first = server.start()
        idle = cluster.memory(server.process.pid)[0]
        table, missed, peak = measure_all(args, server, postgres, folder, key)
        print(f"\nmemory: idle {idle:.0f} MiB (goal 20), peak {peak:.0f} MiB (goal 50); "
              f"ready {first:.2f} s after the start (goal 0.15)")
        if args.json:
            args.json.write_text(json.dumps(table, indent=2))
        if missed:
            print("over the goal: " + ", ".join(missed))
        return 1 if missed and args.check else 0
    finally:
        if server:
            server.stop()
        if postgres:
            postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
