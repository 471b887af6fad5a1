"""One command for one machine: embedded services, migrations, then web, worker and beat, stopped together."""

import contextlib
import dataclasses
import hashlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ores_cloud.embedded import EmbeddedError, StateLock, embedded_services
from ores_cloud.local import CLOCK_FILE, ROOT, secret_key, state_folder

RESTART_PAUSE_S = 1.0
STOP_LIMIT_S = 15.0


class SupervisorError(Exception):
    """The platform could not be started; the text says why and what to do."""


@dataclasses.dataclass
class Child:
    """A process of the platform, restarted when it dies."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0


def free_port(wanted: int | None, *, first: int = 8000) -> int:
    """Return `wanted` if it is free, else an error; without a wish, the first free one from `first` on."""
    if wanted is not None and not 0 <= wanted < 65536:
        raise SupervisorError(f"there is no port {wanted}; choose one from 1 to 65535")
    for port in [wanted] if wanted else range(first, first + 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SupervisorError(
        f"port {wanted or first} is taken; stop what listens there, or choose another: PORT=8123 make run"
    )


def wished_port() -> int | None:
    """Return what PORT asks for, if it is set."""
    text = os.environ.get("PORT", "").strip()
    if text and not (text.isascii() and text.isdecimal()):
        raise SupervisorError(f"PORT={text} is not a port; choose a number, e.g. PORT=8123 make run")
    return int(text) if text else None


class Platform:
    """The platform's processes in one environment."""

    def __init__(self, *, state: Path, environment: dict[str, str], port: int) -> None:
        self.state = state
        self.environment = {**os.environ, **environment}
        self.port = port
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "--workdir", str(ROOT), "-A"]
        self.children = [
            Child("web", [*python, *web_command(port, self.environment.get("BIND", "127.0.0.1"))]),
            Child("worker", [*celery, *worker_arguments(self.environment.get("WORKER_THREADS", "4"))]),
            Child("beat", [*celery, *beat_arguments(state / "beat-schedule")]),
            *openadr_children(self.environment),
            *mdns_children(self.environment, port),
        ]

    def start(self) -> None:
        """Start the web door, and the rest when it answers: whoever waits for a page waits least."""
        (self.state / CLOCK_FILE).write_text(self.environment.get("ORES_CLOCK", ""))
        self._spawn(self.children[0])
        self.wait_ready()
        for child in self.children[1:]:
            self._spawn(child)

    def tend(self) -> None:
        """Restart what has died."""
        for child in self.children:
            if child.process is not None and child.process.poll() is not None:
                if time.monotonic() - child.started < RESTART_PAUSE_S * 3:
                    time.sleep(RESTART_PAUSE_S)
                print(
                    f"{child.name} ended with {child.process.returncode}, starting it again",
                    file=sys.stderr,
                    flush=True,
                )
                self._spawn(child)

    def stop(self) -> None:
        """End all processes, the youngest first."""
        running = [
            child.process
            for child in reversed(self.children)
            if child.process and child.process.poll() is None
        ]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT_S
        for process in running:
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def wait_ready(self, limit_s: float = 60.0) -> None:
        """Return when the web door answers."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            web = self.children[0].process
            if web is not None and web.poll() is not None:
                break
            time.sleep(0.02)
        raise SupervisorError(f"the web process did not start; its messages are in {self.state}/web.log")

    def _spawn(self, child: Child) -> None:
        with (self.state / f"{child.name}.log").open("ab") as log:
            child.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *child.command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        child.started = time.monotonic()


def openadr_children(environment: Mapping[str, str]) -> list[Child]:
    """Return the processes of OpenADR that are asked for; none costs anything otherwise."""
    manage = [sys.executable, str(ROOT / "manage.py")]
    children = []
    if options := environment.get("OPENADR2B_VTN", "").strip():
        children.append(Child("openadr2b-vtn", [*manage, "openadr2b_vtn", *shlex.split(options)]))
    if _is_wanted(environment.get("OPENADR2B_VEN", "")):
        children.append(Child("openadr2b-ven", [*manage, "openadr2b_ven"]))
    if _is_wanted(environment.get("OPENADR3_VEN", "")):
        children.append(Child("openadr3-ven", [*manage, "openadr3_ven"]))
    return children


def mdns_children(environment: Mapping[str, str], port: int) -> list[Child]:
    """Return the process that tells the local network of the OpenADR server, where it is asked for and can be reached."""
    address = environment.get("OPENADR_MDNS_ADDRESS", "").strip() or environment.get("BIND", "127.0.0.1")
    if not _is_wanted(environment.get("OPENADR_MDNS", "")):
        return []
    if address in {"127.0.0.1", "localhost", "0.0.0.0"}:  # noqa: S104
        print("OPENADR_MDNS: set OPENADR_MDNS_ADDRESS to this machine's address", file=sys.stderr, flush=True)
        return []
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "openadr_mdns",
        "--address",
        address,
        "--port",
        str(port),
    ]
    return [Child("openadr-mdns", command)]


def _is_wanted(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on"}


def worker_arguments(threads: str) -> list[str]:
    """Return celery's arguments for the one worker of a machine: threads, for the heavy work frees the lock."""
    return [
        *("ores_cloud", "worker", "--pool", "threads", "--concurrency", threads, "--loglevel", "WARNING"),
        *(
            "--queues",
            "default,ingest,dispatch,shards,market,openadr",
            "--without-gossip",
            "--without-mingle",
        ),
        *("--hostname", f"ores-{os.getpid()}@%h"),
    ]


def beat_arguments(schedule: Path) -> list[str]:
    """Return celery's arguments for beat."""
    return ["ores_cloud.beat", "beat", "--loglevel", "WARNING", "--schedule", str(schedule), "--pidfile", ""]


def web_command(port: int, host: str) -> list[str]:
    """Return uvicorn's arguments (after `python -m`) for the one-process web door."""
    return [
        *("uvicorn", "ores_cloud.asgi:application", "--host", host, "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", "--ws-max-size", "1048576"),
        *(
            "--ws-per-message-deflate",
            "false",
            "--no-access-log",
            "--log-level",
            "warning",
            "--timeout-graceful-shutdown",
            "3",
        ),
    ]


@contextlib.contextmanager
def platform(
    *,
    name: str,
    port: int | None,
    environment: Callable[[], dict[str, str]] = dict,
    database: str | None = None,
) -> Iterator[Platform]:
    """Run the platform as the local run `name` until the block ends.

    With `database`, its data lives in a fresh database of that name on the same server (one of the same
    name is dropped first). `environment` is asked for more settings when everything else is ready.
    """
    state = state_folder(name)
    lock = StateLock(state)
    lock.acquire()
    try:
        chosen = free_port(port)
        with embedded_services(state) as urls:
            settings = {
                "DJANGO_SETTINGS_MODULE": "ores_cloud.settings.base",
                "SECRET_KEY": os.environ.get("SECRET_KEY") or secret_key(state),
                "SITE_URL": os.environ.get("SITE_URL") or f"http://127.0.0.1:{chosen}",
                "PYTHONUNBUFFERED": "1",
                **urls,
            }
            url = settings.get("DATABASE_URL") or os.environ["DATABASE_URL"]
            settings["DATABASE_URL"] = (
                fresh_database(state, url, name=database, settings=settings) if database else url
            )
            if not database:
                prepare_database(state, {**os.environ, **settings})
            running = Platform(state=state, environment={**settings, **environment()}, port=chosen)
            try:
                running.start()
                yield running
            finally:
                running.stop()
    finally:
        lock.release()


def fresh_database(state: Path, url: str, *, name: str, settings: dict[str, str]) -> str:
    """Make an empty, migrated database `name` beside the one of `url`; return its URL.

    Migrations run once into a template, which is copied, so that the next run starts in a moment.
    """
    import psycopg
    from psycopg import sql

    template = f"{name}_template"
    prepare_database(state, {**os.environ, **settings, "DATABASE_URL": with_database(url, template)})
    with psycopg.connect(maintenance_url(url), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return with_database(url, name)


def with_database(url: str, name: str) -> str:
    """Return `url` with another database."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/{name}{query}"


def prepare_database(state: Path, environment: dict[str, str]) -> None:
    """Create the database if it is missing and migrate it if the migrations changed."""
    url = environment["DATABASE_URL"]
    fresh = create_database(url)
    stamp = state / "migrated"
    digest = hashlib.sha256(url.encode())
    for path in sorted([*ROOT.glob("apps/*/migrations/*.py"), ROOT / "requirements" / "cloud.txt"]):
        digest.update(path.name.encode() + path.read_bytes())
    if not fresh and stamp.exists() and stamp.read_text() == digest.hexdigest() and "host=" in url:
        return
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SupervisorError(f"the database could not be migrated:\n{done.stderr.strip()[-1500:]}")
    stamp.write_text(digest.hexdigest())


def create_database(url: str) -> bool:
    """Create the database that `url` names; return whether it was missing."""
    import psycopg
    from psycopg import sql

    name = unquote(urlsplit(url).path.lstrip("/")) or "ores"
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        if "does not exist" not in str(error):
            raise SupervisorError(f"the database of DATABASE_URL does not answer: {error}") from error
    else:
        return False
    try:
        with psycopg.connect(maintenance_url(url), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise SupervisorError(
            f"the database {name!r} is missing and could not be created: {error}"
        ) from error
    return True


def maintenance_url(url: str) -> str:
    """Return the URL of a database of the same server that is always there."""
    return with_database(url, "postgres")


def run() -> int:
    """`make run`: serve until interrupted."""
    stopping = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        with platform(name="run", port=wished_port()) as running:
            print(
                f"ORES Cloud answers at http://127.0.0.1:{running.port} (logs: {running.state}; Ctrl-C stops it)",
                flush=True,
            )
            while not stopping:
                time.sleep(0.2)
                running.tend()
    except (SupervisorError, EmbeddedError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    return 0
