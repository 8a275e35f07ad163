"""A private Postgres for one run, and the CPU time and memory of processes."""

import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")


def server_binaries():
    """The folder with initdb and postgres, where distributions put it."""
    candidates = []
    if shutil.which("pg_config"):
        candidates.append(subprocess.check_output(["pg_config", "--bindir"], text=True).strip())
    candidates += [os.path.dirname(path) for path in [shutil.which("initdb")] if path]
    candidates += sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
    for folder in candidates:
        if all(os.access(f"{folder}/{name}", os.X_OK) for name in ("initdb", "postgres")):
            return pathlib.Path(folder)
    raise SystemExit("No Postgres server here: run scripts/install-postgres.sh.")


def unprivileged():
    """Postgres refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise SystemExit("Postgres does not run as root, and there is neither `postgres` nor `nobody`.")


class Cluster:
    """Default settings except for the socket, so `synchronous_commit` and `fsync` are on."""

    def __init__(self, folder):
        binaries, who = server_binaries(), unprivileged()
        self.folder = pathlib.Path(folder) / "postgres"
        self.folder.mkdir(mode=0o700)
        if who:
            os.chown(self.folder, who["user"], who["group"])
        common = {"cwd": "/", "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **who}
        data = self.folder / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "understudy", "-A", "trust", "-E", "UTF8"],
            check=True, stdout=subprocess.DEVNULL, **common)
        self.log = open(pathlib.Path(folder) / "postgres.log", "wb")
        self.process = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-c", "listen_addresses=",
             "-c", f"unix_socket_directories={self.folder}"],
            stdout=self.log, stderr=self.log, start_new_session=True, **common)
        self.wait(data / "postmaster.pid")
        self.url = f"postgres:///postgres?host={self.folder}&user=understudy"

    def wait(self, lock):
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit(f"Postgres did not start; see {self.log.name}")
            if lock.exists() and "ready" in lock.read_text():
                return
            time.sleep(0.05)
        raise SystemExit("Postgres did not become ready within 30 s.")

    def cpu(self):
        """User and system seconds of the postmaster, its children, and those that have ended."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        total = sum(times(self.process.pid, range(11, 15)))
        for child in children.read_text().split():
            try:
                total += sum(times(child, range(11, 13)))
            except FileNotFoundError:
                pass
        return total

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)


def times(pid, fields):
    """Seconds out of /proc/PID/stat; the name in brackets may contain spaces, so fields are counted after it."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    parts = text.rsplit(")", 1)[1].split()
    return [int(parts[field]) / TICK for field in fields]


def cpu(pid):
    """All threads of the process, ended ones too."""
    return sum(times(pid, range(11, 13)))


def memory(pid):
    """Resident memory, current and maximum, in MiB."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines if line.startswith(("VmRSS", "VmHWM")))
    return tuple(int(found[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM"))


def forget_peak(pid):
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
