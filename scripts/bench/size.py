#!/usr/bin/env python3
"""Measures commands that work on whole tables: 300,000 people, a million sessions, a million events.

    cargo build --release
    python3 scripts/bench/size.py [--people 300000] [--sessions 1000000] [--events 1000000]

Makes a throwaway Postgres (`initdb` must be in PATH or below /usr/lib/postgresql), fills it by SQL, and prints for each
command its time, the CPU of the command and of Postgres, and the memory of the command at its peak.
"""
import argparse
import base64
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICK = os.sysconf("SC_CLK_TCK")

PEOPLE = """
INSERT INTO organizations (id, name) SELECT 'org' || n, 'Organization ' || n FROM generate_series(1, 1000) n;
INSERT INTO users (id, organization_id, email, email_canonical, email_verified, name)
    SELECT 'p' || n, 'org' || (1 + n % 1000), 'p' || n || '@example.test', 'p' || n || '@example.test', true,
        'Person ' || n FROM generate_series(1, {people}) n;
INSERT INTO user_roles (user_id, role) SELECT 'p' || n, 'support' FROM generate_series(1, {people}, 10) n;
"""
# Live sessions, their codes, used refresh tokens; a tenth of the sessions has ended.
SESSIONS = """
ALTER TABLE sessions DISABLE TRIGGER USER;
INSERT INTO sessions (id, token_hash, user_id, authenticated_at, last_seen_at, expires_at)
    SELECT 's' || n, sha256(('s' || n)::bytea), 'p' || (1 + n % {people}), now(), now(),
        CASE WHEN n % 10 = 0 THEN now() - interval '40 days' ELSE now() + interval '10 days' END
    FROM generate_series(1, {sessions}) n;
ALTER TABLE sessions ENABLE TRIGGER USER;
INSERT INTO authorization_codes (id, code_hash, client_id, user_id, session_id, redirect_uri, scope, authenticated_at,
        expires_at)
    SELECT 'c' || n, sha256(('c' || n)::bytea), 'app', 'p' || (1 + n % {people}), 's' || n, 'https://x.test/', 'openid',
        now(), now() - interval '1 day' + n * interval '10 milliseconds' FROM generate_series(1, {sessions}) n;
INSERT INTO refresh_tokens (token_hash, grant_id, client_id, user_id, session_id, scope, expires_at, ends_at, used_at)
    SELECT sha256(('r' || n)::bytea), 'c' || n, 'app', 'p' || (1 + n % {people}), 's' || n, 'openid',
        now() - interval '1 day' + n * interval '10 milliseconds', now() + interval '30 days', now() - interval '2 days'
    FROM generate_series(1, {sessions}) n;
INSERT INTO vetoes (id, kind, since) SELECT 'v' || n, 'user_not_before', now() - interval '3 days'
    FROM generate_series(1, {sessions}) n;
"""
EVENTS = """
INSERT INTO audit_events (type, actor, subject, client_id, ip, detail)
    SELECT 'login.succeeded', 'p' || (1 + n % {people}), 'p' || (1 + n % {people}), 'app', '192.0.2.1', '{{"n": 1}}'
    FROM generate_series(1, 50000) n;
"""


def postgres_bin():
    found = shutil.which("initdb")
    if found:
        return Path(os.path.realpath(found)).parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not versions:
        sys.exit("no initdb: install a Postgres server")
    return versions[-1].parent


class Cluster:
    def __init__(self, folder):
        self.bin, self.data, self.folder = postgres_bin(), folder / "data", folder
        self.user = None
        if os.geteuid() == 0:
            self.user = "postgres"
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-sync")
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o",
                 f"-k {folder} -c listen_addresses= -c shared_buffers=512MB -c max_wal_size=4GB", "start")
        self.url = f"postgres://postgres@/bench?host={folder}"
        self.sql("CREATE DATABASE bench", "postgres")

    def run(self, program, *arguments):
        command = [str(self.bin / program), *map(str, arguments)]
        subprocess.run(command, check=True, user=self.user, stdout=subprocess.DEVNULL, cwd="/")

    def sql(self, text, database="bench"):
        command = [str(self.bin / "psql"), "-qAtX", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U", "postgres",
                   "-d", database, "-c", text]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def cpu(self):
        """CPU seconds of the server and of all its ended children."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        total = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            pid, parent = int(stat.parent.name), int(fields[1])
            if pid == first:
                total += sum(map(int, fields[11:15]))
            elif parent == first:
                total += sum(map(int, fields[11:13]))
        return total / TICK

    def stop(self):
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")


def measure(cluster, name, command, environment, expected=0):
    began, postgres = time.time(), cluster.cpu()
    log = cluster.folder / "time"
    with open(cluster.folder / "out", "w") as out, open(cluster.folder / "err", "w") as err:
        done = subprocess.run([sys.executable, "-c", WAIT, str(log), *command], env=environment, stdout=out,
                              stderr=err)
    took = time.time() - began
    if done.returncode != expected:
        sys.exit(f"{name}: exit {done.returncode}\n" + (cluster.folder / "err").read_text()[-2000:])
    own, peak = map(float, log.read_text().split())
    print(f"| {name} | {took:.1f} s | {own:.1f} + {cluster.cpu() - postgres:.1f} | {peak / 1024:.0f} MiB |", flush=True)


# Runs the command, and writes its CPU seconds and its peak in KiB.
WAIT = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
open(sys.argv[1], "w").write(f"{used.ru_utime + used.ru_stime} {used.ru_maxrss}")
sys.exit(done.returncode)
"""


def directory(people, more=""):
    lines = ["version: 1", "organizations: [{id: big, name: Big}]", "users:"]
    for n in range(people):
        lines.append(f"  - {{id: new{n}, email: new{n}@big.test, name: New Person {n}, organization: big, "
                     f"roles: [support]{more}}}")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=300_000)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--program", default=ROOT / "target/release/understudy")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="size-"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        run(asked, cluster, folder)
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def run(asked, cluster, folder):
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": cluster.url,
        "UNDERSTUDY_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        "UNDERSTUDY_PUBLIC_URL": "https://sso.example.test",
        "UNDERSTUDY_LOG": "warn",
    }
    program = str(asked.program)
    subprocess.run([program, "migrate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    numbers = {"people": asked.people, "sessions": asked.sessions}
    began = time.time()
    cluster.sql(PEOPLE.format(**numbers))
    cluster.sql(SESSIONS.format(**numbers))
    for _ in range(max(1, asked.events // 50_000)):
        cluster.sql(EVENTS.format(**numbers))
    cluster.sql("VACUUM ANALYZE")
    print(f"{asked.people:,} people, {asked.sessions:,} sessions, codes and refresh tokens, {asked.events:,} events "
          f"made in {time.time() - began:.0f} s\n")
    print("| command | time | CPU s of the command + of Postgres | its memory at the peak |")
    print("| --- | --- | --- | --- |")
    one, many = folder / "one.yaml", folder / "many.yaml"
    one.write_text("version: 1\nusers: [{email: p77@example.test, name: Seventy-seven}]\n")
    many.write_text(directory(100_000))
    measure(cluster, "`apply --dry-run`, one person", [program, "apply", "-f", str(one), "--dry-run"], environment)
    measure(cluster, "`apply`, one person", [program, "apply", "-f", str(one)], environment)
    measure(cluster, "`apply`, 100,000 new people", [program, "apply", "-f", str(many)], environment)
    measure(cluster, "`apply` of the same again", [program, "apply", "-f", str(many)], environment)
    many.write_text(directory(100_000, ", nickname: N"))
    measure(cluster, "`apply`, 100,000 changed people", [program, "apply", "-f", str(many)], environment)
    measure(cluster, f"`export` of {asked.people + 100_000:,} people", [program, "export"], environment)
    seal(program, cluster, environment)
    measure(cluster, "`audit verify`", [program, "audit", "verify"], environment)
    clean(program, cluster, environment)


def seal(program, cluster, environment):
    """A server seals 20 stretches of 5,000 events every five seconds."""
    server = start(program, environment)
    waiting = "SELECT count(*) FROM audit_events WHERE seq > (SELECT audit_sealed_up_to())"
    while cluster.sql(waiting) != "0":
        time.sleep(1)
    stop(server)


def start(program, environment):
    return subprocess.Popen([program, "serve", "--listen", "127.0.0.1:18095"], env=environment,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stop(server):
    server.terminate()
    server.wait()


def clean(program, cluster, environment):
    """Cleans the ended sessions, one batch a second, while nothing else is removed."""
    over = "SELECT count(*) FROM sessions WHERE expires_at < now() - interval '31 days'"
    left, began, postgres = int(cluster.sql(over)), time.time(), cluster.cpu()
    server = start(program, environment)
    while time.time() - began < 30 and int(cluster.sql(over)) > 0:
        time.sleep(1)
    took, used = time.time() - began, cluster.cpu() - postgres
    stop(server)
    gone = left - int(cluster.sql(over))
    print(f"| cleaning, {gone:,} sessions removed with what hangs on them | {took:.1f} s | – + {used:.1f} | – |")


main()
