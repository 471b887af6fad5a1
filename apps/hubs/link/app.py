"""ASGI application of `/hub/communicate`."""

import asyncio
import contextlib
import json
import logging
import math
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from apps.common import clock
from apps.common.errors import DomainError
from apps.hubs.errors import TokenError
from apps.hubs.instructions import milliseconds
from apps.hubs.link.server import CLOSE_REVOKED, LinkServer, Rare
from apps.hubs.selectors import LinkIdentity
from vpp.protocols.link import codec
from vpp.protocols.link.cloud import LANES, CloudSession, Verdict
from vpp.protocols.link.messages import (
    CLOUD_FEATURES,
    Ack,
    CloudMessage,
    Hello,
    HubMessage,
    InstructionStatus,
    Lane,
    LinkError,
    Snapshots,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)
MAX_BODY = 4 * 1024 * 1024
CLOSE_PROTOCOL = 4400
CLOSE_REPLACED = 4409
HELLO_LIMIT_S = 30.0
POST_LIMIT_S = 30.0


class Conversation:
    """One session, over whatever carries it: feeds the state machine and stores what it says."""

    def __init__(self, server: LinkServer, identity: LinkIdentity) -> None:
        self.server = server
        self.identity = identity
        self.session = CloudSession(hub_id=identity.hub_id)
        self.wake = asyncio.Event()
        self.unstored = 0
        # Kinds of messages are stored by different hands; acknowledgements are cumulative, so commits are told
        # to the session in the order in which a lane's messages came.
        self._order: dict[str, deque[int]] = {lane: deque() for lane in LANES}
        self._early: dict[tuple[str, int], tuple[int, int]] = {}

    def feed(self, message: HubMessage) -> Verdict:
        """Judge a message and pass on what is to be stored."""
        if type(message) is Hello and (flaw := _hello_flaw(message)):
            self.session.outgoing.append(LinkError("malformed", flaw, permanent=True))
            return Verdict.CLOSE
        verdict = self.session.feed(message)
        if verdict is Verdict.STORE:
            self.unstored += 1
            self._order[message.lane].append(message.seq)  # type: ignore[union-attr]  # a hello is never stored
            if type(message) is Snapshots:
                lane, seq = message.lane, message.seq
                self.server.writer.put(
                    site_id=self.identity.site_id,
                    message=message,
                    done=lambda held, quarantined: self._stored(lane, seq, held, quarantined),
                    failed=lambda: self._failed(lane, seq),
                )
            elif type(message) is InstructionStatus:
                lane, seq = message.lane, message.seq
                self.server.report(
                    self.identity.hub_id,
                    message,
                    done=lambda refused: self._stored(lane, seq, 1 - refused, int(refused)),
                )
            elif isinstance(message, Rare):
                self.server.spawn(self._store(message))
        else:
            self.wake.set()
        return verdict

    def welcome(self) -> None:
        """Answer the hello."""
        self.session.welcome(
            site_id=self.identity.site_id, server_time=milliseconds(clock.now()), features=CLOUD_FEATURES
        )

    def take(self) -> list[CloudMessage]:
        """Return what to send; of several acknowledgements of a lane only the last."""
        messages = self.session.take_outgoing()
        if len(messages) < 2:
            return messages
        kept: list[CloudMessage] = []
        seen: set[str] = set()
        for message in reversed(messages):
            if type(message) is Ack and not message.quarantined:
                if message.lane in seen:
                    continue
                seen.add(message.lane)
            kept.append(message)
        kept.reverse()
        return kept

    async def _store(self, message: Rare) -> None:
        try:
            held, quarantined = await self.server.store(self.identity, message)
        except Exception:
            log.exception("%s could not be stored", type(message).__name__)
            self._failed(message.lane, message.seq)
            return
        self._stored(message.lane, message.seq, held, quarantined)

    def _stored(self, lane: Lane, seq: int, held: int, quarantined: int) -> None:
        self.unstored -= 1
        order = self._order[lane]
        if order[0] != seq:
            self._early[lane, seq] = (held, quarantined)
            return
        order.popleft()
        self.session.committed(lane, seq, stored=held, quarantined=quarantined)
        while order and (lane, order[0]) in self._early:
            held, quarantined = self._early.pop((lane, order[0]))
            self.session.committed(lane, order.popleft(), stored=held, quarantined=quarantined)
        self.wake.set()

    def _failed(self, lane: Lane, seq: int) -> None:
        """The message stays first in its lane, so nothing behind it is acknowledged; the hub starts a new session."""
        self.unstored -= 1
        detail = f"{lane} {seq} was not stored; connect again and send from there"
        self.session.outgoing.append(LinkError("storage_failed", detail, False))
        self.wake.set()


def _hello_flaw(hello: Hello) -> str | None:
    for resource in hello.resources:
        if not all(math.isfinite(value) for value in resource.parameters.values()):
            return f"resource {resource.key!r} has a parameter that is not a finite number"
    return None


class WebSocketConnection:
    """The WebSocket shell: one task reads, one sends."""

    def __init__(self, server: LinkServer, identity: LinkIdentity, receive: Receive, send: Send) -> None:
        self.server = server
        self.identity = identity
        self.conversation = Conversation(server, identity)
        self._receive = receive
        self._send = send
        self._binary = False
        self._close_code: int | None = None
        self._pushed: list[CloudMessage] = []

    def push(self, message: CloudMessage) -> None:
        self._pushed.append(message)
        self.conversation.wake.set()

    def shut(self, code: int) -> None:
        self._close_code = code
        self.conversation.wake.set()

    async def run(self) -> None:
        sender = asyncio.ensure_future(self._send_forever())
        connected_at = None
        try:
            hello = await self._read_hello()
            if hello is not None:
                connected_at = await self.server.greet(hello, self.identity)
                self.conversation.welcome()
                self._become_receiver()
                await self.server.confirm(self.identity)
                self._pushed += await self.server.instructions(self.identity.hub_id)
                self.conversation.wake.set()
                await self._read_forever()
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
            if self.server.receivers.get(self.identity.hub_id) is self:
                del self.server.receivers[self.identity.hub_id]
            if connected_at is not None:
                await self.server.part(self.identity, connected_at)

    def _become_receiver(self) -> None:
        older = self.server.receivers.get(self.identity.hub_id)
        if isinstance(older, WebSocketConnection):
            older.shut(CLOSE_REPLACED)
        self.server.receivers[self.identity.hub_id] = self

    async def _read_hello(self) -> Any:
        try:
            async with asyncio.timeout(HELLO_LIMIT_S):
                message = await self._read()
        except TimeoutError:
            self.push(LinkError("hello_first", f"no hello within {HELLO_LIMIT_S:.0f} s"))
            await self._drain_and_close()
            return None
        if message is None:
            return None
        if self.conversation.feed(message) is not Verdict.HELLO:
            await self._drain_and_close()
            return None
        return self.conversation.session.hello

    async def _read_forever(self) -> None:
        while self._close_code is None:
            message = await self._read()
            if message is None:
                return
            if self.conversation.feed(message) is Verdict.CLOSE:
                await self._drain_and_close()
                return
            await self.server.writer.room()

    async def _read(self) -> HubMessage | None:
        while True:
            event = await self._receive()
            if event["type"] != "websocket.receive":
                if event["type"] == "websocket.disconnect":
                    return None
                continue
            text = event.get("text")
            self._binary = text is None
            try:
                return codec.decode_hub(text if text is not None else event["bytes"])
            except codec.LinkFormatError as error:
                self.push(error.as_message())

    async def _drain_and_close(self) -> None:
        await self._send_waiting()
        with contextlib.suppress(RuntimeError):
            await self._send({"type": "websocket.close", "code": CLOSE_PROTOCOL})

    async def _send_forever(self) -> None:
        wake = self.conversation.wake
        while True:
            await wake.wait()
            wake.clear()
            await self._send_waiting()
            if self._close_code is not None:
                await self._send({"type": "websocket.close", "code": self._close_code})
                return

    async def _send_waiting(self) -> None:
        messages = self.conversation.take()
        if self._pushed:
            pushed, self._pushed = self._pushed, []
            messages += pushed
        for message in messages:
            if self._binary:
                await self._send({"type": "websocket.send", "bytes": codec.encode_msgpack(message)})
            else:
                await self._send({"type": "websocket.send", "text": codec.encode_json(message).decode()})


async def websocket(server: LinkServer, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one WebSocket."""
    await receive()  # websocket.connect
    try:
        identity = await server.identify(bearer(scope))
    except DomainError as error:
        await refuse_upgrade(error, scope, send=send)
        return
    await send({"type": "websocket.accept"})
    await WebSocketConnection(server, identity, receive, send).run()


async def post(server: LinkServer, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one POST: the same messages as a list, answered when everything is committed."""
    binary = header(scope, b"content-type").startswith("application/msgpack")
    try:
        if scope["method"] != "POST":
            raise DomainError(
                "POST messages here, or open a WebSocket", code="method_not_allowed", status=405
            )
        identity = await server.identify(bearer(scope))
        messages = codec.decode_hub_list(await _body(receive), binary=binary)
    except DomainError as error:
        await _refuse(send, error)
        return
    except codec.LinkFormatError as error:
        await _refuse(send, DomainError(error.detail, code=error.code))
        return
    try:
        async with asyncio.timeout(POST_LIMIT_S):
            answer = await _converse(server, identity, messages=messages)
    except TimeoutError:
        slow = DomainError("not stored in time; send it again", code="storage_slow", status=503)
        await _refuse(send, slow)
        return
    encode = codec.encode_msgpack if binary else codec.encode_json
    await _answer(
        send, 200, body=encode(answer), content_type="application/msgpack" if binary else "application/json"
    )


async def _converse(
    server: LinkServer, identity: LinkIdentity, *, messages: list[HubMessage]
) -> list[CloudMessage]:
    conversation = Conversation(server, identity)
    for message in messages:
        verdict = conversation.feed(message)
        if verdict is Verdict.HELLO and conversation.session.hello is not None:
            await server.greet(conversation.session.hello, identity)
            conversation.welcome()
        if verdict is Verdict.CLOSE:
            return conversation.take()
        await server.writer.room()
    while conversation.unstored:
        conversation.wake.clear()
        await conversation.wake.wait()
    answer = conversation.take()
    if conversation.session.hello is not None:
        answer += await server.instructions(identity.hub_id)
    return answer


def bearer(scope: Scope) -> str:
    """Return the bearer token of a request or raise TokenError."""
    kind, _, token = header(scope, b"authorization").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise TokenError(
            "send Authorization: Bearer <token> from /device/security/authenticate", code="token_missing"
        )
    return token.strip()


def header(scope: Scope, name: bytes) -> str:
    """Return a request's header, empty where it is not there."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value.decode("latin-1"))
    return ""


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise DomainError("the request ended early", code="malformed")
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise DomainError(f"a body holds at most {MAX_BODY} bytes", code="too_large", status=413)
        if not event.get("more_body"):
            return b"".join(parts)


def _problem(error: DomainError) -> bytes:
    body = {"type": "about:blank", "title": error.code.replace("_", " "), "status": error.status}
    return json.dumps({**body, "code": error.code, "detail": error.detail}).encode()


async def _refuse(send: Send, error: DomainError) -> None:
    await _answer(send, error.status, body=_problem(error), content_type="application/problem+json")


async def _answer(send: Send, status: int, *, body: bytes, content_type: str) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse_upgrade(error: DomainError, scope: Scope, *, send: Send) -> None:
    """Say no to a WebSocket, with the reason where the server can carry it."""
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": CLOSE_REVOKED})
        return
    body = _problem(error)
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "websocket.http.response.start", "status": error.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
