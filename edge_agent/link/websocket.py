"""The link over one outbound WebSocket: reconnects for ever, sends as the window allows."""

import asyncio
import random
import time
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from edge_agent.backoff import Backoff
from edge_agent.link.host import LinkHost, SessionOver, apply
from edge_agent.outbox import OutboxError
from edge_agent.rm.tasks import ended
from vpp.protocols.link import codec
from vpp.protocols.link.hub import HubSession

PATH = "/hub/communicate"
_MAX_FRAME = 4_000_000
# Policy violation, and the private codes that mirror 401 and 403.
_TOKEN_CLOSE_CODES = frozenset({1008, 4401, 4403})


def websocket_url(cloud_url: str) -> str:
    """The link's address at a cloud whose pages are at `cloud_url`."""
    parts = urlsplit(cloud_url)
    scheme = "wss" if parts.scheme in {"https", "wss"} else "ws"
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + PATH, "", ""))


# Everything that ends a connection without being a bug of ours.
_ENDS = (
    OSError,
    TimeoutError,
    WebSocketException,
    SessionOver,
    OutboxError,
    codec.LinkFormatError,
)


def _reason(error: Exception) -> str:
    if isinstance(error, InvalidStatus):
        return f"refused with status {error.response.status_code}"
    if isinstance(error, codec.LinkFormatError):
        return f"the cloud sent what is no message: {error}"
    return str(error) or type(error).__name__


def _is_about_the_token(error: Exception) -> bool:
    """Whether a fresh token may help; it costs little to try."""
    if isinstance(error, InvalidStatus):
        return error.response.status_code in {401, 403}
    if isinstance(error, ConnectionClosed):
        return error.rcvd is not None and error.rcvd.code in _TOKEN_CLOSE_CODES
    return isinstance(error, SessionOver) and error.permanent


def _raise_bug(sender: "asyncio.Task[None]") -> None:
    """The connection's end and a full disk are told elsewhere."""
    error = None if sender.cancelled() else sender.exception()
    if error is not None and not isinstance(error, ConnectionClosed | OutboxError):
        raise error


class WebSocketLink:
    """One hub's connection."""

    def __init__(self, host: LinkHost) -> None:
        self._host = host
        self._config = host.config.link
        self._work = asyncio.Event()
        self._backfill_at = 0.0
        self.connected = False

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._work.set()

    async def run(self) -> None:
        """Connect, and again after every end, until cancelled."""
        backoff = Backoff(self._config.backoff_s, self._config.backoff_max_s)
        while True:
            reason = "closed"
            try:
                await self._connection(await self._host.token(), backoff)
            except _ENDS as error:
                reason = _reason(error)
                if _is_about_the_token(error):
                    self._host.forget_token()
                hopeless = isinstance(error, SessionOver) and error.permanent
            else:
                hopeless = False
            if self.connected:
                self.connected = False
                spread_s = random.uniform(0.0, self._config.backfill_spread_s)  # noqa: S311  jitter
                self._backfill_at = time.monotonic() + spread_s
                self._host.emit("disconnected", reason=reason)
            await asyncio.sleep(backoff.next_s(hopeless=hopeless))

    async def _connection(self, token: str, backoff: Backoff) -> None:
        async with connect(
            websocket_url(self._host.config.cloud_url),
            additional_headers={"Authorization": f"Bearer {token}"},
            open_timeout=self._config.request_timeout_s,
            ping_interval=20,
            ping_timeout=20,
            close_timeout=2,
            compression=None,
            max_size=_MAX_FRAME,
            proxy=None,
        ) as socket:
            hello = self._host.hello()
            session = HubSession(hello=hello, next_seq=self._host.outbox.ends())
            await socket.send(codec.encode_json(hello), text=True)
            sender = asyncio.create_task(self._send(socket, session))
            try:
                await self._receive(socket, session, backoff=backoff)
            finally:
                # Waiting for the sender itself would swallow the link's own cancellation that comes meanwhile.
                await ended(sender)
                _raise_bug(sender)

    async def _receive(self, socket: ClientConnection, session: HubSession, *, backoff: Backoff) -> None:
        heard_at = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(self._config.ack_timeout_s):
                    frame = await socket.recv()
            except TimeoutError:
                # Silence is fine while nothing is to be answered; the ping watches over the connection.
                if self.connected and session.in_flight == 0:
                    continue
                waited_s = time.monotonic() - heard_at
                raise SessionOver(f"no acknowledgement for {waited_s:.0f} s") from None
            effects = session.feed(codec.decode_cloud(frame))
            if effects and not self.connected:
                self.connected = True
                backoff.succeeded()
            heard_at = time.monotonic()
            apply(effects, self._host)
            self._work.set()

    async def _send(self, socket: ClientConnection, session: HubSession) -> None:
        outbox = self._host.outbox
        while True:
            self._work.clear()
            while spans := session.next_spans(outbox.ends(), backfill_most=0 if self._held_s() else 1):
                for span in spans:
                    try:
                        bodies = outbox.read(span.lane, first=span.first, end=span.end)
                    except OutboxError:
                        await socket.close()
                        raise
                    for body in bodies:
                        await socket.send(body, text=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._held_s() or None):
                    await self._work.wait()

    def _held_s(self) -> float:
        """How long old rows still wait."""
        return max(0.0, self._backfill_at - time.monotonic())
