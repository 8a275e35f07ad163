#!/usr/bin/env python3
"""make bench: how long the console takes to find one user among a million.

A release build and a private Postgres, as in bench.py. A member of staff types names, addresses and ids letter by
letter, as the page asks while they type; now and then they choose a filter, go to the next page, or look for
somebody who is not there. Each answer is a whole page of HTML over HTTP, one after the other.
"""

import argparse
import concurrent.futures
import pathlib
import random
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.parse

import cluster
from bench import Server
from browser import Browser

HERE = pathlib.Path(__file__).resolve().parent
GOAL = 300
STAFF = ("staff@bench.test", "bench-password-of-staff")
FILE = f"""version: 1
users:
  - {{id: staff, email: {STAFF[0]}, name: Staff, roles: [support], password: {STAFF[1]}}}
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", required=True, type=pathlib.Path)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--searches", type=int, default=60)
    parser.add_argument("--check", action="store_true", help="fail when the goal is missed")
    return parser.parse_args()


def psql(postgres, *words):
    program = shutil.which("psql") or cluster.server_binaries() / "psql"
    common = [program, "-h", postgres.folder, "-U", "understudy", "-d", "postgres", "-qAtX",
              "-v", "ON_ERROR_STOP=1"]
    return subprocess.run([*common, *words], check=True, capture_output=True, text=True).stdout


def fill(postgres, people):
    """One processor makes the index of the search, another the rest."""
    began = time.perf_counter()
    psql(postgres, "-v", f"people={people}", "-f", HERE / "directory.sql")
    with concurrent.futures.ThreadPoolExecutor() as both:
        jobs = [both.submit(psql, postgres, "-f", HERE / name)
                for name in ("directory_search.sql", "directory_indexes.sql")]
        for job in jobs:
            job.result()
    psql(postgres, "-c", "VACUUM ANALYZE users, user_roles, organizations")
    print(f"made in {time.perf_counter() - began:.0f} s", flush=True)


def typed(people, chance):
    """The queries of an agent who types a name while the customer is on the telephone."""
    for name, email, key in people:
        family = name.rsplit(" ", 1)[-1]
        words = chance.choice([family.lower(), name, email, key])
        start = 1 if words == name or words == family.lower() else 3
        for length in range(start, min(len(words), 14) + 1):
            yield {"q": words[:length]}
        yield {"q": words}
        yield {"q": f"{family} {name.split(' ')[0]}"}
        yield {"q": family, "status": "active"}
        yield {"q": family, "role": "support"}
        yield {"q": name[:4], "organization": f"bench_org_{chance.randint(1, 200)}"}
        yield {"q": "".join(chance.choices("bcdfghjklmnpqrstvwxz", k=chance.randint(3, 9)))}
    for literal in ("%", "_", "\\", "%%", "(", "***", "a--", "100%", "a_b", "'; --", "@", ".test", "customer-17.test"):
        yield {"q": literal}
    yield {}
    yield {"organization": "bench_org_7"}
    yield {"role": "support"}
    yield {"after": people[0][2]}
    yield {"q": "chen", "after": people[0][2]}


def measure(base, queries):
    browser = Browser(base)
    browser.sign_in("/console/users", *STAFF)
    times = []
    for query in queries:
        path = "/console/users?" + urllib.parse.urlencode(query)
        began = time.perf_counter()
        status, _, text = browser.send("GET", path, headers={"Accept": "text/html"})
        times.append(((time.perf_counter() - began) * 1000, path))
        if status != 200 or "id=\"found\"" not in text:
            raise SystemExit(f"{path}: {status}: {text[:300]}")
    return sorted(times)


def main():
    args = arguments()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="understudy-bench-"))
    folder.chmod(0o755)
    postgres = server = None
    try:
        postgres = cluster.Cluster(folder)
        server = Server(args.binary, folder, postgres.url)
        server.command("migrate")
        (folder / "staff.yaml").write_text(FILE)
        server.command("apply", "-f", str(folder / "staff.yaml"))
        print(f"\nmaking a directory of {args.people:,} people …", flush=True)
        fill(postgres, args.people)
        sample = ("SELECT name, email, id FROM users WHERE id LIKE 'bench\\_%' "
                  f"ORDER BY md5(id || 'seed') LIMIT {args.searches}")
        rows = psql(postgres, "-F", "\t", "-c", sample).splitlines()
        people = [row.split("\t") for row in rows]
        server.start()
        times = measure(server.base, typed(people, random.Random(7)))
        values = [value for value, _ in times]
        p95 = statistics.quantiles(values, n=100)[94]
        print(f"search among {args.people:,} people, {len(values)} pages: p50 "
              f"{statistics.median(values):.0f} ms, p95 {p95:.0f} ms (goal {GOAL}), most "
              f"{values[-1]:.0f} ms for {times[-1][1]}")
        return 1 if args.check and p95 > GOAL else 0
    finally:
        if server:
            server.stop()
        if postgres:
            postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    raise SystemExit(main())
