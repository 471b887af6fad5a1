"""The hub's local server: HTTP on the loopback address unless configured, one token, bounded in every direction."""

import asyncio
import math
import sqlite3
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import h11

from edge_agent.config import ConfigError, LocalApiConfig
from edge_agent.local_api.guard import Budget
from edge_agent.local_api.history import History
from edge_agent.local_api.home import Host, HubHome
from edge_agent.local_api.token import is_token, load_token
from edge_agent.local_api.wire import BodyTooLarge, HttpConnection, HttpRequest
from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.ores.description import PATH as DESCRIPTION_PATH
from vpp.protocols.ores.description import description_json
from vpp.protocols.ores.problems import OresError
from vpp.protocols.ores.routes import MAX_BODY, STREAMS, Answer, Request, answer, refusal

Headers = list[tuple[str, str]]
_PLAIN: Headers = [("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
_SHORTEST_PERIOD_S = 0.5
_KEEP_ALIVE_S = 15.0
_LOOPBACK = ("127.", "::1", "localhost")


class LocalServer:
    """Serves one hub's home; `step` is called by its cycle."""

    def __init__(
        self, config: LocalApiConfig, host: Host, *, data_dir: Path, emit: Callable[..., None]
    ) -> None:
        self._config = config
        self._data_dir = data_dir
        self._emit = emit
        try:
            ZoneInfo(host.config.home.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ConfigError(f"home.time_zone: {host.config.home.time_zone!r} is no time zone") from error
        self._history = History(data_dir / "history.db", days=config.history_days)
        self.home = HubHome(host, self._history)
        self._requests = Budget(config.requests_per_minute)
        self._guesses = Budget(config.wrong_tokens_per_minute)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    # --- the cycle's side

    def step(self, image: ProcessImage, row: ProcessImage | None) -> None:
        """Take over what the last cycle measured; keep the row that came of it, if any."""
        self.home.image = image
        if row is None:
            return
        try:
            self._history.add(row)
        except sqlite3.Error as error:
            self._emit("history_failed", detail=str(error))

    # --- life

    async def start(self) -> None:
        """Listen. A port that is taken is told, and the home goes on without its local server."""
        load_token(self._data_dir)
        config = self._config
        try:
            self._server = await asyncio.start_server(
                self._connected, config.host, config.port, ssl=self._tls(), limit=65_536, backlog=32
            )
        except (OSError, ssl.SSLError) as error:
            self._emit("local_api_failed", detail=str(error))
            return
        is_open = not config.host.startswith(_LOOPBACK) and not config.certificate_file
        self._emit("local_api", host=config.host, port=self.port, readable_by_the_network=is_open)

    @property
    def port(self) -> int:
        """Where it listens; 0 where it does not."""
        if self._server is None or not self._server.sockets:
            return 0
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, end every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._history.close()

    def _tls(self) -> ssl.SSLContext | None:
        if not self._config.certificate_file:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._config.certificate_file, self._config.key_file or None)
        return context

    # --- one connection

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            if len(self._connections) <= self._config.most_connections:
                await self._converse(HttpConnection(reader, writer, max_body=MAX_BODY))
        except (ConnectionError, TimeoutError, h11.ProtocolError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(Exception):
                await writer.wait_closed()

    async def _converse(self, wire: HttpConnection) -> None:
        while True:
            try:
                request = await wire.request()
            except BodyTooLarge:
                refused = refusal(OresError(413, "body_too_large", f"a body has at most {MAX_BODY} bytes"))
                await self._send(wire, refused, extra=[("connection", "close")])
                return
            except h11.RemoteProtocolError as error:
                if wire.can_refuse:
                    refused = refusal(
                        OresError(error.error_status_hint, "invalid", "this is not HTTP as it is spoken here")
                    )
                    await self._send(wire, refused, extra=[("connection", "close")])
                return
            if request is None:
                return
            await self._serve(wire, request)
            if not wire.go_on():
                return

    async def _serve(self, wire: HttpConnection, request: HttpRequest) -> None:
        parts = urlsplit(request.target)
        if parts.path == DESCRIPTION_PATH and request.method == "GET":
            body = description_json()
            await wire.answer(200, [*_PLAIN, ("content-type", "application/json")], body=body)
            return
        refused = self._refused(wire.peer, request)
        if refused is not None:
            await self._send(wire, refused[0], extra=refused[1])
        elif (
            request.method == "GET"
            and parts.path in STREAMS
            and "text/event-stream" in request.headers.get("accept", "")
        ):
            await self._stream(wire, request)
        else:
            await self._send(wire, self._answer(request))

    def _refused(self, peer: str, request: HttpRequest) -> tuple[Answer, Headers] | None:
        """Why whoever asks gets no answer now."""
        wait_s = max(self._requests.wait_s(peer), self._guesses.wait_s(peer))
        if wait_s > 0:
            why = refusal(OresError(429, "throttled", "too many requests"))
            return why, [("retry-after", str(math.ceil(wait_s)))]
        self._requests.spend(peer)
        if not self._is_owner(request):
            self._guesses.spend(peer)
            why = refusal(OresError(401, "not_authenticated", "the hub's token is needed"))
            return why, [("www-authenticate", 'Bearer realm="ores"')]
        return None

    def _is_owner(self, request: HttpRequest) -> bool:
        kind, _, shown = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and is_token(shown.strip(), self._data_dir)

    def _answer(self, request: HttpRequest) -> Answer:
        parts = urlsplit(request.target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, errors="replace"))
        query.pop("site_id", None)  # a hub has one home
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.body and kind != "application/json":
            return refusal(OresError(415, "unsupported_media_type", "a body is application/json"))
        asked = Request(request.method, parts.path, query, request.body, frozenset({"read", "control"}))
        return answer(self.home, asked)

    async def _send(self, wire: HttpConnection, made: Answer, *, extra: Headers | None = None) -> None:
        headers = [*_PLAIN, ("content-type", made.content_type), *(extra or [])]
        if made.allow:
            headers.append(("allow", made.allow))
        await wire.answer(made.status, headers, body=made.body())

    # --- streams

    async def _stream(self, wire: HttpConnection, request: HttpRequest) -> None:
        """Send the answer again whenever something is new, until the peer leaves or loses its right."""
        made = self._answer(request)
        if made.status != 200:
            await self._send(wire, made)
            return
        await wire.begin(200, [*_PLAIN, ("content-type", "text/event-stream"), ("connection", "close")])
        leaving = asyncio.ensure_future(wire.left())
        try:
            await self._tell(wire, request, leaving=leaving)
        finally:
            leaving.cancel()

    async def _tell(
        self, wire: HttpConnection, request: HttpRequest, *, leaving: "asyncio.Future[None]"
    ) -> None:
        name = urlsplit(request.target).path.rpartition("/")[2]
        told, quiet_s = b"", 0.0
        while not leaving.done() and self._is_owner(request):
            image = self.home.image
            made = self._answer(request)
            if made.status != 200:
                return
            body = b"event: " + name.encode() + b"\ndata: " + made.body() + b"\n\n"
            if body != told:
                told, quiet_s = body, 0.0
                await wire.more(body)
            elif quiet_s >= _KEEP_ALIVE_S:
                quiet_s = 0.0
                await wire.more(b": still here\n\n")
            while self.home.image is image and not leaving.done() and quiet_s < _KEEP_ALIVE_S:
                await asyncio.wait([leaving], timeout=_SHORTEST_PERIOD_S)
                quiet_s += _SHORTEST_PERIOD_S
