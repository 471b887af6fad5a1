"""Ports, secrets, and what the environment may say."""

import socket
import stat
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.common.clock import parse_clock
from ores_cloud.local import database_url, secret_key, socket_folder
from ores_cloud.settings.database import database_from_url
from ores_cloud.supervisor import SupervisorError, free_port, with_database


def test_taken_port_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SupervisorError, match=f"port {port} is taken; .*PORT="):
            free_port(port)


def test_without_a_wish_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(None, first=port) < port + 50


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_port_that_cannot_be_is_a_clear_error(port: int) -> None:
    with pytest.raises(SupervisorError, match=f"there is no port {port}"):
        free_port(port)


def test_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    first = secret_key(tmp_path / "new")
    assert len(first) >= 50
    assert secret_key(tmp_path / "new") == first
    (path,) = (tmp_path / "new").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("url", ["sqlite:///x", "mysql://h/x", "", "/x", "postgresql+psycopg://h/x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="must be a postgresql:// URL"):
        database_from_url(url)


def test_database_url_over_tcp() -> None:
    found = database_from_url("postgres://u%40x:p%2Fw@db.example:5433/my%20db?sslmode=require")
    assert {name: found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")} == {
        "NAME": "my db", "USER": "u@x", "PASSWORD": "p/w", "HOST": "db.example", "PORT": "5433",
    }  # fmt: skip
    assert found["OPTIONS"]["sslmode"] == "require"


def test_database_url_over_a_socket(tmp_path: Path) -> None:
    found = database_from_url(database_url(tmp_path, "ores"))
    assert (found["NAME"], found["USER"], found["HOST"]) == ("ores", "ores", str(socket_folder(tmp_path)))


def test_another_database_of_the_same_server() -> None:
    assert with_database("postgresql://u@/a?host=/s", "b") == "postgresql://u@/b?host=/s"


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "2026-06-17T00:00:00Z",
        "2026-06-17T00:00:00@0x1",
        "2026-06-17T00:00:00Z@0x0",
        "2026-06-17T00:00:00Z@0x20000",
        "2026-06-17T00:00:00Z@0xnan",
        "2026-06-17T00:00:00Z@nanx1",
    ],
)
def test_clock_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="ORES_CLOCK"):
        parse_clock(text)


def test_clock_runs_from_its_pair_of_instants() -> None:
    clock = parse_clock("2026-06-17T00:00:00Z@1000x60")
    assert (clock.origin.isoformat(), clock.machine_s, clock.scale) == (
        "2026-06-17T00:00:00+00:00",
        1000.0,
        60.0,
    )
