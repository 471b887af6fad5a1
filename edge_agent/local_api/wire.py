"""One HTTP/1.1 connection over asyncio streams: h11 reads and writes, this bounds size and time."""

import asyncio
from dataclasses import dataclass, field

import h11

_CHUNK = 8192
_MOST_HEAD = 16_384  # give or take a chunk
_BODY_LIMIT_S = 15.0
_IDLE_LIMIT_S = 60.0
_SEND_LIMIT_S = 15.0


class BodyTooLarge(Exception):
    """More was sent than is read."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A whole request; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class HttpConnection:
    """Requests in, answers out, one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, max_body: int) -> None:
        self._reader, self._writer = reader, writer
        self._max_body = max_body
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=_MOST_HEAD)
        self._is_head = False

    @property
    def peer(self) -> str:
        """The other end's address."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else ""

    async def request(self) -> HttpRequest | None:
        """The next request; None when the peer has left or said nothing for too long.

        h11.RemoteProtocolError for what is no HTTP, BodyTooLarge for more than is read.
        """
        try:
            async with asyncio.timeout(_IDLE_LIMIT_S):
                head = await self._event()
            if not isinstance(head, h11.Request):
                return None
            self._is_head = head.method == b"HEAD"
            async with asyncio.timeout(_BODY_LIMIT_S):
                body = await self._body(head)
        except (TimeoutError, ConnectionError):
            return None
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in head.headers}
        return HttpRequest(head.method.decode("latin-1"), head.target.decode("latin-1"), headers, body)

    async def _body(self, head: h11.Request) -> bytes:
        declared = dict(head.headers).get(b"content-length")
        if declared is not None and int(declared) > self._max_body:
            raise BodyTooLarge
        if self._h11.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        body = bytearray()
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body += event.data
                if len(body) > self._max_body:
                    raise BodyTooLarge
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionError("the peer left in the middle of a request")
        return bytes(body)

    async def _event(self) -> object:
        while (event := self._h11.next_event()) is h11.NEED_DATA:
            self._h11.receive_data(await self._reader.read(_CHUNK))
        return event

    async def answer(self, status: int, headers: list[tuple[str, str]], *, body: bytes) -> None:
        """Send a whole answer."""
        await self.begin(status, [*headers, ("content-length", str(len(body)))])
        await self.more(body)
        await self._send(h11.EndOfMessage())

    async def begin(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send an answer's head."""
        await self._send(h11.Response(status_code=status, headers=headers))

    async def more(self, data: bytes) -> None:
        """Send a part of an answer's body."""
        if data and not self._is_head:
            await self._send(h11.Data(data=data))

    async def _send(self, event: h11.Event) -> None:
        data = self._h11.send(event)
        if data:
            self._writer.write(data)
            async with asyncio.timeout(_SEND_LIMIT_S):
                await self._writer.drain()

    @property
    def can_refuse(self) -> bool:
        """Whether an answer can still be sent to what was read so far."""
        return self._h11.our_state in {h11.IDLE, h11.SEND_RESPONSE}

    def go_on(self) -> bool:
        """Get ready for the next request on this connection; False where it has to end."""
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return False
        self._h11.start_next_cycle()
        return True

    async def left(self) -> None:
        """Wait until the peer has left; what it says meanwhile is not read any more."""
        while await self._reader.read(_CHUNK):
            continue
