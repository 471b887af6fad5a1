"""A cloud for tests: a real server on a real port, built on the link's own cloud end. It keeps what it gets."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from vpp.protocols.link import auth, codec
from vpp.protocols.link.cloud import CloudSession, Verdict
from vpp.protocols.link.messages import (
    Check,
    CloudMessage,
    DeviceOrder,
    Hello,
    HubMessage,
    Instruction,
    InstructionStatus,
    Lane,
    Snapshots,
)
from vpp.protocols.link.update import UpdateAnswer, UpdateReport


@dataclass
class Hub:
    """What the cloud knows of a hub."""

    hub_id: str
    public_key: str
    claim_digest: str
    claimed: bool = False
    challenge: str = ""
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    stored: list[tuple[str, str, int]] = field(default_factory=list)
    statuses: list[InstructionStatus] = field(default_factory=list)
    messages: list[HubMessage] = field(default_factory=list)
    hellos: list[Hello] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    positions: dict[tuple[str, Lane], int] = field(default_factory=dict)
    socket: ServerConnection | None = None


class Cloud:
    """Commits at once; `port` 0 takes any."""

    def __init__(self) -> None:
        self.hubs: dict[str, Hub] = {}
        self.port = 0
        self.claim_at_once = True
        self.refuse_connections = False
        self.remember_positions = True
        self.snapshot_interval_s = 60.0
        self.problem: tuple[int, dict[str, Any]] | None = None
        self.update_answer = UpdateAnswer()
        self.update_reports: list[UpdateReport] = []
        self.firmware: Path | None = None
        self.features: tuple[str, ...] = ()
        self.claim_expires_at = "2999-01-01T00:00:00Z"
        self.now_ms: Callable[[], int] = lambda: int(time.time() * 1000)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def hub(self) -> Hub:
        (hub,) = self.hubs.values()
        return hub

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["Cloud"]:
        async with serve(self._serve_socket, "127.0.0.1", 0, compression=None) as inner:
            self._inner = inner.sockets[0].getsockname()[1]
            front = await asyncio.start_server(self._front, "127.0.0.1", port)
            self.port = front.sockets[0].getsockname()[1]
            try:
                yield self
            finally:
                front.close()

    async def ask(self, check: Check) -> None:
        assert self.hub.socket is not None
        await self.hub.socket.send(codec.encode_json(check), text=True)

    async def order(self, order: DeviceOrder) -> None:
        assert self.hub.socket is not None
        await self.hub.socket.send(codec.encode_json(order), text=True)

    async def send(self, instruction: Instruction) -> None:
        self.hub.instructions.append(instruction)
        if self.hub.socket:
            await self.hub.socket.send(codec.encode_json(instruction), text=True)

    def claim(self, code: str) -> None:
        digest = auth.claim_digest(code)
        for hub in self.hubs.values():
            hub.claimed = hub.claimed or hub.claim_digest == digest

    # --- one port for both: POST is answered here, GET goes on to the WebSocket server

    async def _front(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            if self.refuse_connections:
                pass
            elif head.startswith(b"POST"):
                await self._answer_post(head.decode(), reader, writer)
            elif head.startswith(b"GET /device/firmware/"):
                await self._serve_firmware(head.decode(), writer)
            else:
                await self._pass_on(head, reader, writer)
        writer.close()

    async def _pass_on(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._inner)
        inner_writer.write(head)

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                while data := await source.read(65536):
                    sink.write(data)
                    await sink.drain()
            sink.close()

        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    async def _serve_firmware(self, head: str, writer: asyncio.StreamWriter) -> None:
        assert self.firmware is not None
        path = self.firmware / head.split()[1].removeprefix("/device/firmware/")
        status, content = (200, path.read_bytes()) if path.is_file() else (404, b"")
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(content)) + content)
        await writer.drain()

    async def _answer_post(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
        }
        body = await reader.readexactly(int(headers["content-length"]))
        path = head.split()[1]
        if path == "/device/firmware/update":
            self.update_reports.append(msgspec.json.decode(body, type=UpdateReport))
            known = self._of_token(headers.get("authorization", "")) is not None
            status, answer = (200, msgspec.json.encode(self.update_answer)) if known else (401, b"{}")
        elif path == "/hub/communicate":
            status, answer = self._communicate(headers.get("authorization", ""), body)
        else:
            status, document = self._device(path, msgspec.json.decode(body))
            answer = msgspec.json.encode(document)
        writer.write(
            b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(answer))
        )
        writer.write(answer)
        await writer.drain()

    def _device(self, path: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/device/register":
            return self._register(document)
        hub = self.hubs.get(document["hub_id"])
        if self.problem is not None:
            return self.problem
        if hub is None:
            return 404, {"code": "hub_unknown", "detail": ""}
        if not hub.claimed:
            return 403, {"code": "hub_unclaimed", "detail": ""}
        if "signature" not in document:
            hub.challenge = f"challenge-{time.monotonic_ns()}"
            return 200, {"challenge": hub.challenge, "expires_in": 60}
        self._verify(
            hub.public_key, document["signature"], auth.authenticate_payload(hub.hub_id, hub.challenge)
        )
        return 200, {"token": f"token-{hub.hub_id}", "expires_in": 3600, "site_id": 7}

    def _register(self, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        key, digest = document["public_key"], document["claim_digest"]
        self._verify(key, document["signature"], auth.register_payload(key, digest))
        hub = next((hub for hub in self.hubs.values() if hub.public_key == key), None)
        if hub is None:
            hub = Hub(f"hub-{len(self.hubs) + 1}", key, digest, claimed=self.claim_at_once)
            self.hubs[hub.hub_id] = hub
        hub.claim_digest = digest
        return 201, {"hub_id": hub.hub_id, "status": "unclaimed", "claim_expires_at": self.claim_expires_at}

    @staticmethod
    def _verify(public_key: str, signature: str, payload: bytes) -> None:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
        key.verify(base64.b64decode(signature), payload)

    # --- the link

    def _of_token(self, authorization: str) -> Hub | None:
        return self.hubs.get(authorization.removeprefix("Bearer token-"))

    def _communicate(self, authorization: str, body: bytes) -> tuple[int, bytes]:
        hub = self._of_token(authorization)
        if hub is None:
            return 401, b"{}"
        session = CloudSession(hub_id=hub.hub_id)
        answer: list[CloudMessage] = []
        for message in codec.decode_hub_list(body, binary=False):
            self._feed(hub, session, message)
            answer += session.take_outgoing()
        answer += hub.instructions
        return 200, codec.encode_json(answer)

    async def _serve_socket(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        hub = self._of_token(socket.request.headers.get("Authorization", ""))
        if hub is None or socket.request.path != "/hub/communicate":
            await socket.close()
            return
        session = CloudSession(hub_id=hub.hub_id)
        with suppress(ConnectionClosed):
            async for frame in socket:
                verdict = self._feed(hub, session, codec.decode_hub(frame))
                for message in session.take_outgoing():
                    await socket.send(codec.encode_json(message), text=True)
                if verdict is Verdict.CLOSE:
                    return
                if verdict is Verdict.HELLO:
                    hub.socket = socket
                    for instruction in hub.instructions:
                        await socket.send(codec.encode_json(instruction), text=True)

    def _feed(self, hub: Hub, session: CloudSession, message: HubMessage) -> Verdict:
        verdict = session.feed(message)
        if verdict is Verdict.HELLO:
            assert isinstance(message, Hello)
            hub.hellos.append(message)
            known: dict[Lane, int] = {
                lane: seq for (boot, lane), seq in hub.positions.items() if boot == message.boot_id
            }
            session.welcome(
                site_id=7,
                server_time=self.now_ms(),
                snapshot_interval_s=self.snapshot_interval_s,
                acked=known if self.remember_positions else None,
                features=self.features,
            )
        elif verdict is Verdict.STORE:
            assert not isinstance(message, Hello)
            assert session.hello is not None
            self._store(hub, message)
            hub.stored.append((session.hello.boot_id, message.lane, message.seq))
            hub.positions[(session.hello.boot_id, message.lane)] = message.seq
            session.committed(message.lane, message.seq, stored=1)
        return verdict

    def _store(self, hub: Hub, message: HubMessage) -> None:
        hub.messages.append(message)
        if isinstance(message, InstructionStatus):
            hub.statuses.append(message)
        if isinstance(message, Snapshots):
            for place, at in enumerate(message.at):
                row = {
                    name: column[place]
                    for name in ("grid_kw", "import_kwh", "export_kwh", "load_kw", "pv_kw", "battery_kw")
                    if (column := getattr(message, name))
                }
                soc = message.battery_soc
                hub.rows[at] = row | {"lane": message.lane, "battery_soc": soc[place] if soc else None}


async def until(condition: Any, timeout_s: float = 10.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)
