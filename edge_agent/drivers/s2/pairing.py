"""The HTTPS side of pairing: a few small POST requests in front of `vpp.protocols.s2.pairing`."""

import asyncio
import hashlib
import json
import os
import secrets
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import msgspec

from edge_agent.cem.home import Home, utc_now
from edge_agent.config import ConfigError
from edge_agent.drivers.s2.offers import take_offer
from vpp.protocols.s2.pairing import TOKEN_LIFE, Fate, PairingHost, Pairings, Reply
from vpp.protocols.s2.session import VERSIONS

_MOST_BYTES: Final = 16_384
_MOST_DISCARDED: Final = 1_000_000
_PATIENCE_S: Final = 5.0
_UNREADABLE = (
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


async def _discard(reader: asyncio.StreamReader, count: int) -> None:
    """Read what is not wanted, so that the answer is not lost with the connection."""
    while count > 0 and (data := await reader.read(min(count, _MOST_BYTES))):
        count -= len(data)


class PairingConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where pairing listens; `url` is where the WebSocket is reached, `kept` the file of paired nodes."""

    node_id: str
    certificate: str
    key: str
    kept: str
    url: str
    host: str = "127.0.0.1"
    port: int = 0


def fingerprint_of(certificate: str) -> bytes:
    """The SHA-256 fingerprint of a certificate file's first certificate."""
    try:
        text = Path(certificate).read_text()
        begin = text.index("-----BEGIN CERTIFICATE-----")
        end = text.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[begin:end])).digest()
    except (OSError, ValueError) as error:
        raise ConfigError(f"s2 pairing: certificate {certificate}: {error}") from error


class PairingServer:
    """Serves pairing over TLS and keeps the digests of access tokens in a file of the owner's eyes only."""

    def __init__(self, config: PairingConfig, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._config, self._clock = config, clock
        self._tls = self._context()
        self.host = PairingHost(
            config.node_id,
            random_bytes=secrets.token_bytes,
            fingerprint=fingerprint_of(config.certificate),
            url=config.url,
            versions=VERSIONS,
            pairings=self._load(),
        )
        self.port = config.port
        self.listening = asyncio.Event()

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self._config.certificate, self._config.key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"s2 pairing: certificate {self._config.certificate}: {error}") from error
        return context

    def _load(self) -> Pairings:
        path = Path(self._config.kept)
        if not path.exists():
            return Pairings()
        try:
            return msgspec.json.decode(path.read_bytes(), type=Pairings)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"s2 pairing: {path}: {error}") from error

    def _keep(self) -> None:
        """Write aside, then in place: a torn file would unpair the house."""
        path = Path(self._config.kept)
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(self.host.pairings))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    def admit(self, token: str) -> bool:
        """Whether a WebSocket may be opened with this token; it is used up by that."""
        return self.host.admit(token, self._clock()) is not None

    def show(self) -> tuple[str, timedelta]:
        """A fresh code for the owner, and how long it holds; the one before it is void."""
        return self.host.offer(self._clock()), TOKEN_LIFE

    def fate(self, code: str) -> tuple[Fate, str]:
        """What has become of a code that was shown; with `paired` the node that used it."""
        # A code of the owner's command line that waits makes this one void.
        take_offer(self._config.kept, self.host, now=self._clock())
        return self.host.fate(code, self._clock())

    async def run(self, home: Home) -> None:
        """Serve until cancelled."""
        server = await asyncio.start_server(
            self._serve, self._config.host, self._config.port, ssl=self._tls, limit=_MOST_BYTES
        )
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            self.listening.set()
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                reply = await self._answer(reader)
                body = b"" if reply.document is None else msgspec.json.encode(reply.document)
                phrase = HTTPStatus(reply.status).phrase
                head = f"HTTP/1.1 {reply.status} {phrase}\r\nContent-Type: application/json\r\n"
                writer.write(
                    f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
                )
                await writer.drain()
        except _UNREADABLE:
            pass
        finally:
            writer.close()
            with suppress(*_UNREADABLE):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> Reply:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.split("\r\n")
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }
        method, _, rest = start.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method not in {"GET", "POST"} or (method == "GET") != (path == "/"):
            return Reply(405)
        length = headers.get("content-length", "0")
        if not length.isdigit():
            return Reply(400)
        if int(length) > _MOST_BYTES:
            await _discard(reader, min(int(length), _MOST_DISCARDED))
            return Reply(413)
        try:
            document = json.loads(await reader.readexactly(int(length)) or b"{}")
        except (ValueError, RecursionError):
            return Reply(400)
        take_offer(self._config.kept, self.host, now=self._clock())
        before = dict(self.host.pairings.tokens)
        reply = self.host.handle(path, document, headers=headers, now=self._clock())
        if self.host.pairings.tokens != before:
            self._keep()
        return reply
