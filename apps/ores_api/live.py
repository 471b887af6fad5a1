"""Streams of `/app/monitor` and `/app/notify`: the same answers again, as server-sent events, when there is news.

Each event is made by the same view with the same headers, so whoever loses a right loses the stream.
"""

import asyncio
import functools
import io
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse
from django.http.response import HttpResponseBase

from apps.common.bus import Bus
from apps.common.threads import in_thread
from vpp.protocols.ores.routes import STREAMS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

KEEP_ALIVE_S = 15.0
SHORTEST_PERIOD_S = 0.5
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def is_asked(scope: Scope) -> bool:
    """Whether a request is for a stream."""
    if scope["path"] not in STREAMS or scope["method"] != "GET":
        return False
    return any(name == b"accept" and b"text/event-stream" in value for name, value in scope["headers"])


async def stream(bus: Bus, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one stream until the app leaves or is refused."""
    first = await in_thread(_asked, scope)
    if first.status_code != 200:
        await _refuse(first, send)
        return
    site_id = json.loads(first.content)["site_id"]
    news = asyncio.Event()
    stops = [
        bus.listen("live", lambda sites: news.set() if site_id in sites else None),
        bus.listen("signals", lambda _: news.set()),
    ]
    leaving = asyncio.ensure_future(_left(receive))
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    try:
        await _tell(first, scope, send=send, news=news, leaving=leaving)
    finally:
        for stop in stops:
            stop()
        leaving.cancel()


async def _tell(
    first: HttpResponse, scope: Scope, *, send: Send, news: asyncio.Event, leaving: "asyncio.Future[None]"
) -> None:
    name = scope["path"].rpartition("/")[2].encode()
    answer, told = first, b""
    while not leaving.done() and answer.status_code == 200:
        body = b": still here\n\n"
        if answer.content != told:
            told = answer.content
            body = b"event: " + name + b"\ndata: " + told + b"\n\n"
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await _news(news, leaving)
        answer = await in_thread(_asked, scope)
    await send({"type": "http.response.body", "body": b""})


async def _news(news: asyncio.Event, leaving: "asyncio.Future[None]") -> None:
    """Wait until there is something new, or for as long as a connection may be silent."""
    await asyncio.sleep(SHORTEST_PERIOD_S)
    waiting = asyncio.ensure_future(news.wait())
    either: set[asyncio.Future[Any]] = {waiting, leaving}
    await asyncio.wait(either, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    news.clear()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _refuse(response: HttpResponse, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


@functools.cache
def _handler() -> BaseHandler:
    handler = BaseHandler()
    handler.load_middleware(is_async=False)
    return handler


def _asked(scope: Scope) -> HttpResponse:
    """Ask the view, as a plain request would."""
    request = ASGIRequest(scope, io.BytesIO())
    response: HttpResponseBase = _handler().get_response(request)
    assert isinstance(response, HttpResponse)
    response.close()
    return response
