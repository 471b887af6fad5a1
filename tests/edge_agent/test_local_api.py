"""The hub's own door: its token, its bounds, and what it makes of garbage."""

import asyncio
import json
import ssl
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import ConfigError, hub_config
from edge_agent.drivers.simulator.fleet import fleet
from edge_agent.local_api.guard import Budget
from edge_agent.local_api.history import History
from edge_agent.local_api.token import load_token, new_token
from tests.edge_agent.cloud import until
from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.ores.routes import MAX_BODY

HOLD = {"device_id": "battery", "action": "hold", "duration_s": 86_400}


class LocalHub:
    """A hub without a cloud, and raw connections to its door."""

    def __init__(self, folder: Path, events: list[dict[str, Any]]) -> None:
        self.folder = folder
        self.events = events
        self.agent: Agent

    @property
    def port(self) -> int:
        assert self.agent.local is not None
        return self.agent.local.port

    def told(self, event: str) -> list[dict[str, Any]]:
        return [facts for facts in self.events if facts["event"] == event]

    async def raw(self, data: bytes, *, ssl_context: ssl.SSLContext | None = None, eof: bool = True) -> bytes:
        """Send bytes, read until the hub closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=ssl_context)
        with suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
            if eof and ssl_context is None:
                writer.write_eof()
        got = b""
        with suppress(ConnectionError):
            async with asyncio.timeout(20):
                while part := await reader.read(65_536):
                    got += part
        writer.close()
        return got

    def head(self, method: str, path: str, *more: str, token: str | None = None) -> bytes:
        shown = load_token(self.folder) if token is None else token
        lines = [f"{method} {path} HTTP/1.1", "Host: hub", f"Authorization: Bearer {shown}", *more, "", ""]
        return "\r\n".join(lines).encode()

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        more = [
            "Connection: close",
            *([f"Content-Length: {len(raw)}", "Content-Type: application/json"] if raw else []),
        ]
        got = await self.raw(self.head(method, path, *more, **options) + raw)
        return status_of(got), json.loads(got.partition(b"\r\n\r\n")[2])


def status_of(got: bytes) -> int:
    return int(got.split(b" ", 2)[1])


@asynccontextmanager
async def running(folder: Path, *, scale: float = 1.0, **local_api: Any) -> AsyncIterator[LocalHub]:
    events: list[dict[str, Any]] = []
    document = {
        "key": "alone",
        "data_dir": str(folder),
        "local_api": {"port": 0} | local_api,
        "driver": msgspec.to_builtins(fleet()[1].home),
    }
    hub = LocalHub(folder, events)
    clock = Clock() if scale == 1.0 else Clock(1_776_945_600_000, datetime.now(UTC).timestamp(), scale)
    hub.agent = Agent(
        hub_config(document), clock, emit=lambda event, **facts: events.append({"event": event, **facts})
    )
    task = asyncio.create_task(hub.agent.run())
    try:
        await until(lambda: any(one["event"].startswith("local_api") for one in events))
        yield hub
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_loopback_by_default_with_a_token_of_its_own(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        assert hub.told("local_api")[0] == {
            "event": "local_api", "host": "127.0.0.1", "port": hub.port, "readable_by_the_network": False,
        }  # fmt: skip
        token = tmp_path / "local_token"
        assert (stat.S_IMODE(token.stat().st_mode), len(token.read_text())) == (0o600, 32)
        assert (await hub.ask("GET", "/app/settings"))[0] == 200
        old = load_token(tmp_path)
        new_token(tmp_path)
        assert (await hub.ask("GET", "/app/settings", token=old))[0] == 401
        assert (await hub.ask("GET", "/app/settings"))[0] == 200


async def test_hub_has_no_door_unless_configured(tmp_path: Path) -> None:
    document = {"key": "alone", "data_dir": str(tmp_path), "driver": msgspec.to_builtins(fleet()[1].home)}
    agent = Agent(hub_config(document), Clock(), emit=lambda event, **facts: None)
    assert agent.local is None
    assert not (tmp_path / "local_token").exists()
    agent.outbox.close()


async def test_port_that_is_taken_does_not_stop_the_home(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with running(tmp_path, port=port) as hub:
        assert (len(hub.told("local_api_failed")), hub.told("local_api")) == (1, [])
        assert hub.port == 0
        await until(lambda: hub.agent.local is not None and hub.agent.local.home.image is not None)
    server.close()


def test_zone_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    document = {
        "key": "alone", "data_dir": str(tmp_path), "local_api": {}, "home": {"time_zone": "Moon/Crater"},
        "driver": msgspec.to_builtins(fleet()[1].home),
    }  # fmt: skip
    with pytest.raises(ConfigError, match="no time zone"):
        Agent(hub_config(document), Clock(), emit=lambda event, **facts: None)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x00\xa5\x01\x00\x00", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        (b"POST /app/settings HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ],
)
async def test_garbage_is_refused_and_the_next_one_served(tmp_path: Path, data: bytes, status: int) -> None:
    async with running(tmp_path) as hub:
        assert status_of(await hub.raw(data)) == status
        assert (await hub.ask("GET", "/app/settings"))[0] == 200


async def test_half_a_request_does_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        assert await hub.raw(b"") == b""
        assert status_of(await hub.raw(b"GET /app/monitor HTTP/1.1\r\nHos")) == 400
        body = hub.head("POST", "/energystorage/control", "Content-Length: 10") + b"{"
        assert status_of(await hub.raw(body)) == 400
        assert (await hub.ask("GET", "/energystorage/control"))[1]["controls"] == []
        assert (await hub.ask("GET", "/app/settings"))[0] == 200


async def test_one_connection_carries_several_requests_and_chunks(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        body = json.dumps(HOLD).encode()
        chunked = hub.head(
            "POST", "/energystorage/control", "Content-Type: application/json", "Transfer-Encoding: chunked"
        )
        data = (
            hub.head("GET", "/app/settings")
            + chunked + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
            + hub.head("HEAD", "/app/settings")
            + hub.head("GET", "/nowhere", "Connection: close")
        )  # fmt: skip
        got = await hub.raw(data)
        assert [int(part.split(b" ", 1)[0]) for part in got.split(b"HTTP/1.1 ")[1:]] == [200, 202, 200, 404]
        big = f"{MAX_BODY + 1:x}\r\n".encode() + b" " * (MAX_BODY + 1) + b"\r\n0\r\n\r\n"
        assert status_of(await hub.raw(chunked + big)) == 413


async def test_whoever_guesses_or_asks_too_much_has_to_wait(tmp_path: Path) -> None:
    async with running(tmp_path / "guess", wrong_tokens_per_minute=3.0) as hub:
        answers = [(await hub.ask("GET", "/app/settings", token="guess"))[0] for _ in range(4)]
        assert answers == [401, 401, 401, 429]
        got = await hub.raw(hub.head("GET", "/app/settings", "Connection: close"))
        assert (status_of(got), b"retry-after: 2" in got.lower()) == (429, True)
    async with running(tmp_path / "much", requests_per_minute=5.0) as hub:
        answers = [(await hub.ask("GET", "/app/settings"))[0] for _ in range(6)]
        assert answers == [200] * 5 + [429]


async def test_more_connections_than_allowed_are_closed(tmp_path: Path) -> None:
    async with running(tmp_path, most_connections=2) as hub:
        held = [await asyncio.open_connection("127.0.0.1", hub.port) for _ in range(2)]
        await until(lambda: hub.agent.local is not None and len(hub.agent.local._connections) == 2)
        assert await hub.raw(hub.head("GET", "/app/settings")) == b""
        for _, writer in held:
            writer.close()
        await until(lambda: hub.agent.local is not None and not hub.agent.local._connections)
        assert (await hub.ask("GET", "/app/settings"))[0] == 200


async def test_tls_where_there_is_a_certificate(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    async with running(tmp_path / "hub", certificate_file=str(certificate), key_file=str(key)) as hub:
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        got = await hub.raw(hub.head("GET", "/app/settings", "Connection: close"), ssl_context=context)
        assert status_of(got) == 200


async def test_wish_and_settings_outlive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as hub:
        assert (await hub.ask("POST", "/energystorage/control", HOLD))[0] == 202
        assert (await hub.ask("PATCH", "/app/settings", {"reserve_soc": 0.4, "mode": "backup"}))[0] == 202
        await until(lambda: hub.agent.cycle.allowed.ranges["battery"].by == "override")
    async with running(tmp_path) as hub:
        controls = (await hub.ask("GET", "/energystorage/control"))[1]["controls"]
        assert [(one["action"], one["state"]) for one in controls] == [("hold", "applied")]
        said = (await hub.ask("GET", "/app/settings"))[1]
        assert (said["mode"], said["reserve_soc"]) == ("backup", 0.4)
        assert hub.agent.config.reserve_soc == 0.4
        status = (await hub.ask("GET", "/energystorage/status"))[1]
        assert status["devices"][0]["reserve_soc"] == 0.4


async def test_hub_without_a_cloud_answers_everything(tmp_path: Path) -> None:
    async with running(tmp_path, scale=600.0) as hub:
        assert hub.agent.link is None
        await until(
            lambda: hub.agent.local is not None and bool(hub.agent.local.home.recorded(0, 2**50, limit=1))
        )
        status, monitor = await hub.ask("GET", "/app/monitor")
        assert (status, monitor["hub"], monitor["is_on_grid"]) == (200, "alone", True)
        assert {one["kind"] for one in monitor["devices"]} == {"load", "pv", "battery", "heat_pump"}
        flow = monitor["flow"]
        drawn = flow["import_kw"] + flow["production_kw"] + flow["discharge_kw"]
        used = flow["export_kw"] + flow["consumption_kw"] + flow["charge_kw"]
        assert drawn == pytest.approx(used, abs=0.3)  # each meter has a little noise of its own


def test_history_keeps_what_is_asked_for_and_no_more(tmp_path: Path) -> None:
    day = 86_400_000
    history = History(tmp_path / "history.db", days=1)
    for minute in range(0, 31):
        history.add(_image(day + minute * 60_000, pv_kw=-1.0 if minute <= 15 else -3.0))
    quarters = history.quarters(day, day + 1_800_000)
    assert [(row.at - day, row.pv_kw) for row in quarters] == [(0, -1.0), (900_000, -3.0)]
    assert [row.at for row in history.rows(day, day + 120_000, limit=5)] == [day + 60_000, day + 120_000]
    assert len(history.rows(0, 2 * day, limit=3)) == 3
    history.add(_image(2 * day + 60_000, pv_kw=0.0))
    assert history.rows(0, 3 * day, limit=1)[0].at == day + 60_000
    history.close()


def test_budget_fills_again_with_time() -> None:
    now = [0.0]
    budget = Budget(6.0, clock=lambda: now[0])
    for _ in range(6):
        assert budget.wait_s("a") == 0.0
        budget.spend("a")
    assert (budget.wait_s("a"), budget.wait_s("b")) == (10.0, 0.0)
    now[0] = 10.0
    assert budget.wait_s("a") == 0.0
    for number in range(2000):
        budget.spend(f"address {number}")
    assert len(budget._buckets) <= 1000


def _image(at: int, *, pv_kw: float) -> ProcessImage:
    return ProcessImage(at=at, grid_kw=0.0, import_kwh=1.0, export_kwh=1.0, load_kw=0.0, pv_kw=pv_kw)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "hub.crt", folder / "hub.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private
