"""The embedded servers: they start, they answer, and they never outlive their parent."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from kombu.connection import Connection

from ores_cloud import embedded, local
from ores_cloud.embedded import EmbeddedError, Postgres, Redis, StateLock, embedded_services
from ores_cloud.queues import broker_url
from ores_cloud.settings.database import database_from_url

FAST = {"fsync": "off", "shared_buffers": "8MB"}
KEEPER = """
import sys, time
from pathlib import Path
from ores_cloud.embedded import StateLock, embedded_services
state = Path(sys.argv[1])
StateLock(state).acquire()
with embedded_services(state, postgres_settings={"fsync": "off", "shared_buffers": "8MB"}):
    print((state / "pg" / "postmaster.pid").read_text().split()[0], flush=True)
    time.sleep(60)
"""


def until(condition: Callable[[], object], timeout_s: float = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def running(text: str) -> list[int]:
    """Return the processes whose command line holds `text`."""
    others = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [
        pid
        for pid in others
        if pid != os.getpid() and any(text in part for part in embedded._command_line(pid))
    ]


@pytest.fixture
def no_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the addresses that the test run itself uses."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder as initdb makes it, once for all tests."""
    state = tmp_path_factory.mktemp("prepared")
    postgres = Postgres(state, settings=FAST)
    postgres.sockets.mkdir(mode=0o700)
    postgres.start()
    postgres.stop()
    return state


@pytest.fixture
def state(prepared: Path) -> Iterator[Path]:
    """A state folder of one's own; its path is short enough for sockets in it, whatever pytest's own folder is."""
    tmp_path = Path(tempfile.mkdtemp(prefix="ores-"))
    shutil.copytree(prepared, tmp_path / "s", symlinks=True)
    yield tmp_path / "s"
    for pid in running(str(tmp_path)):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(tmp_path, ignore_errors=True)


def answers(state: Path) -> bool:
    with psycopg.connect(local.database_url(state, "postgres")) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.usefixtures("no_services")
class TestServices:
    def test_both_answer_and_are_gone_afterwards(self, state: Path) -> None:
        with embedded_services(state, postgres_settings=FAST) as urls:
            assert set(urls) == {"DATABASE_URL", "REDIS_URL"}
            assert answers(state)
            assert redis.Redis.from_url(urls["REDIS_URL"]).ping()
            assert len(running(str(state))) >= 2
        assert running(str(state)) == []

    def test_servers_listen_on_no_network(self, state: Path) -> None:
        with embedded_services(state, postgres_settings=FAST) as urls:
            with psycopg.connect(local.database_url(state, "postgres")) as connection:
                row = connection.execute("SHOW listen_addresses").fetchone()
            found = redis.Redis.from_url(urls["REDIS_URL"]).config_get("port")
        assert (row, found) == (("",), {"port": "0"})

    def test_sockets_are_ours_alone(self, state: Path) -> None:
        with embedded_services(state, postgres_settings=FAST):
            assert local.socket_folder(state).stat().st_mode & 0o077 == 0

    def test_data_outlives_a_restart(self, state: Path) -> None:
        for statement in ("CREATE TABLE kept AS SELECT 7 AS n", "SELECT n FROM kept"):
            with embedded_services(state, postgres_settings=FAST):
                with psycopg.connect(local.database_url(state, "postgres")) as connection:
                    connection.execute(statement)

    def test_what_the_environment_names_is_not_started(
        self, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/x")
        monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
        with embedded_services(state) as urls:
            assert (urls, running(str(state))) == ({}, [])

    def test_killed_parent_takes_its_servers_along(self, state: Path) -> None:
        keeper = subprocess.Popen(
            [sys.executable, "-c", KEEPER, str(state)], stdout=subprocess.PIPE, cwd=local.ROOT
        )
        assert keeper.stdout is not None
        postmaster = int(keeper.stdout.readline())
        assert postmaster in running(str(state))
        keeper.kill()
        keeper.wait()
        until(lambda: running(str(state)) == [])

    def test_folder_of_a_killed_run_starts_again(self, state: Path) -> None:
        keeper = subprocess.Popen(
            [sys.executable, "-c", KEEPER, str(state)], stdout=subprocess.PIPE, cwd=local.ROOT
        )
        assert keeper.stdout is not None
        keeper.stdout.readline()
        keeper.kill()
        keeper.wait()
        with embedded_services(state, postgres_settings=FAST):
            assert answers(state)

    def test_server_left_behind_is_stopped(self, state: Path) -> None:
        postgres = Postgres(state, settings=FAST)
        postgres.sockets.mkdir(exist_ok=True, mode=0o700)
        wrap = embedded._privilege_wrapper(postgres.data, postgres.sockets)
        command = [
            *wrap,
            str(embedded._binary("postgres")),
            "-D",
            str(postgres.data),
            "-k",
            str(postgres.sockets),
        ]
        left = subprocess.Popen(
            [*command, "-clisten_addresses="], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(postgres._answers)
        postgres.start()
        try:
            assert left.wait(timeout=5) == 0
            assert answers(state)
        finally:
            postgres.stop()

    def test_redis_left_behind_is_stopped_before_it_takes_the_next_ones_socket_away(
        self, state: Path
    ) -> None:
        left, next_ = Redis(state), Redis(state)
        left.sockets.mkdir(exist_ok=True, mode=0o700)
        left.start()
        assert left.process is not None
        next_.start()
        try:
            assert left.process.wait(timeout=5) == 0
            assert redis.Redis.from_url(next_.url).ping()
        finally:
            next_.stop()

    @pytest.mark.parametrize("content", ["", "nonsense\n", "{living}\n"])
    def test_pid_file_that_means_nothing_any_more_is_overcome(self, state: Path, content: str) -> None:
        living = subprocess.Popen(["sleep", "60"])
        try:
            (state / "pg" / "postmaster.pid").write_text(content.format(living=living.pid))
            postgres = Postgres(state, settings=FAST)
            postgres.sockets.mkdir(exist_ok=True, mode=0o700)
            postgres.start()
            postgres.stop()
            assert living.poll() is None
        finally:
            living.kill()
            living.wait()

    def test_data_that_cannot_be_read_is_a_clear_error(self, state: Path) -> None:
        (state / "pg" / "global" / "pg_control").write_bytes(b"broken")
        with pytest.raises(EmbeddedError, match="PostgreSQL did not start"):
            with embedded_services(state, postgres_settings=FAST):
                pass
        assert running(str(state)) == []

    @pytest.mark.parametrize("name", ["a b", "c#d", "e%41+f", "ü&g?"])
    def test_folder_may_have_any_name(self, state: Path, name: str) -> None:
        folder = state.parent / name
        state.rename(folder)
        with embedded_services(folder, postgres_settings=FAST) as urls:
            assert answers(folder)
            assert redis.Redis.from_url(urls["REDIS_URL"]).ping()
            settings = database_from_url(urls["DATABASE_URL"])
            assert settings["HOST"] == "" or Path(settings["HOST"]) == local.socket_folder(folder)
            with Connection(broker_url(urls["REDIS_URL"])) as broker:  # type: ignore[no-untyped-call]
                broker.ensure_connection(max_retries=1, timeout=2)

    def test_long_path_gets_short_sockets(self, state: Path) -> None:
        folder = state.parent / ("x" * 100)
        state.rename(folder)
        sockets = local.socket_folder(folder)
        assert len(str(sockets)) < 100
        try:
            with embedded_services(folder, postgres_settings=FAST):
                assert answers(folder)
        finally:
            shutil.rmtree(sockets, ignore_errors=True)

    def test_socket_folder_that_is_not_ours_is_refused(self, state: Path, tmp_path: Path) -> None:
        shutil.rmtree(local.socket_folder(state), ignore_errors=True)
        (tmp_path / "theirs").mkdir()
        local.socket_folder(state).symlink_to(tmp_path / "theirs")
        with pytest.raises(EmbeddedError, match="belongs to somebody else"):
            with embedded_services(state):
                pass
        assert running(str(state)) == []


class TestLock:
    def test_second_run_is_told_who_holds_the_folder(self, tmp_path: Path) -> None:
        first, second = StateLock(tmp_path), StateLock(tmp_path)
        first.acquire()
        with pytest.raises(EmbeddedError, match=f"is in use by process {os.getpid()}; stop it first"):
            second.acquire()
        first.release()
        second.acquire()
        second.release()

    def test_lock_of_a_killed_run_is_free(self, tmp_path: Path) -> None:
        code = "import sys; from pathlib import Path; from ores_cloud.embedded import StateLock; "
        code += "StateLock(Path(sys.argv[1])).acquire(); import os; os.kill(os.getpid(), 9)"
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=local.ROOT, check=False)
        lock = StateLock(tmp_path)
        lock.acquire()
        lock.release()


def test_missing_redis_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EmbeddedError, match="make setup"):
        Redis(tmp_path).start()
