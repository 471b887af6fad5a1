"""One process, one port: the hub link and the live streams as plain ASGI, everything else Django as WSGI."""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ores_cloud.settings.base")

import django
from a2wsgi import WSGIMiddleware
from django.core.handlers.wsgi import WSGIHandler

django.setup(set_prefix=False)

from apps.hubs.link import app as link  # noqa: E402
from apps.hubs.link.server import LinkServer, conninfo  # noqa: E402
from apps.hubs.virtual import app as s2  # noqa: E402
from apps.hubs.virtual.homes import VirtualHomes  # noqa: E402
from apps.openadr.api import quick  # noqa: E402
from apps.ores_api import live as ores_live  # noqa: E402
from apps.portal import live  # noqa: E402

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LINK_PATH = "/hub/communicate"
WEB_THREADS = 8


class Application:
    """Routes by path; owns the link server for as long as the process serves."""

    def __init__(self) -> None:
        self.web = WSGIMiddleware(WSGIHandler(), workers=WEB_THREADS)  # type: ignore[arg-type]
        self.server: LinkServer | None = None
        self.homes: VirtualHomes | None = None
        self.polls: quick.PollDoor | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._lifespan(receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["path"] == LINK_PATH:
            await link.post(self._running(), scope, receive, send)
        elif scope["path"].startswith(live.PREFIX):
            await live.stream(self._running().bus, scope, receive, send)
        elif ores_live.is_asked(scope):
            await ores_live.stream(self._running().bus, scope, receive, send)
        elif not await self._polled(scope, send):
            await self.web(scope, receive, send)  # type: ignore[arg-type]

    async def _polled(self, scope: Scope, send: Send) -> bool:
        """Answer a VEN's poll, the most frequent of all requests, without Django."""
        return scope["path"] == quick.PATH and self.polls is not None and await self.polls.answer(scope, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == LINK_PATH:
            await link.websocket(self._running(), scope, receive, send)
        elif scope["path"] == s2.PATH and self.homes is not None:
            await s2.websocket(self.homes, scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                self.server = LinkServer()
                await self.server.start()
                self.homes = VirtualHomes(self.server)
                self.homes.start()
                self.polls = quick.PollDoor(conninfo())
                await send({"type": "lifespan.startup.complete"})
            elif event["type"] == "lifespan.shutdown":
                if self.polls is not None:
                    await self.polls.close()
                if self.homes is not None:
                    await self.homes.close()
                await self._running().close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _running(self) -> LinkServer:
        if self.server is None:
            raise RuntimeError("the server must support ASGI lifespan")
        return self.server


application = Application()
