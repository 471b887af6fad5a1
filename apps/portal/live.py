"""Live pages: `/live/site/<id>` and `/live/fleet/<organization>` as server-sent events.

An event only says that something is new; the page then fetches the part it shows, with its own rights.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.cached_db import SessionStore

from apps.accounts.models import User
from apps.accounts.selectors import operated_organizations
from apps.common.bus import Bus
from apps.common.threads import in_thread
from apps.sites.selectors import site_visible, sites_of_organization

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/live/"
KEEP_ALIVE_S = 15.0
SHORTEST_PERIOD_S = 0.5
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


async def stream(bus: Bus, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one stream until the browser leaves."""
    watched = await in_thread(_watched_sites, scope["path"], _session_key(scope))
    if watched is None:
        await send({"type": "http.response.start", "status": 403, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"retry: 2000\n\n", "more_body": True})
    news = asyncio.Event()
    stop_live = bus.listen("live", lambda sites: news.set() if not watched.isdisjoint(sites) else None)
    stop_signals = bus.listen("signals", lambda _: news.set())
    watched_tenant = _tenant_number(scope["path"])
    stop_alerts = bus.listen("alerts", lambda tenants: news.set() if watched_tenant in tenants else None)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await _tell(news, leaving, send=send)
    finally:
        stop_live()
        stop_signals()
        stop_alerts()
        leaving.cancel()


async def _tell(news: asyncio.Event, leaving: "asyncio.Future[None]", *, send: Send) -> None:
    while not leaving.done():
        waiting = asyncio.ensure_future(news.wait())
        either: set[asyncio.Future[Any]] = {waiting, leaving}
        await asyncio.wait(either, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        body = b"event: news\ndata: 1\n\n" if news.is_set() else b": still here\n\n"
        news.clear()
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(SHORTEST_PERIOD_S)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _session_key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"cookie":
            morsel = SimpleCookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
            return morsel.value if morsel else None
    return None


def _watched_sites(path: str, session_key: str | None) -> set[int] | None:
    """Return the sites whose news this stream carries, or None where the viewer may not listen."""
    user = _user(session_key)
    kind, _, number = path.removeprefix(PREFIX).partition("/")
    if user is None or not number.isdecimal():
        return None
    if kind == "site":
        site = site_visible(user=user, site_id=int(number))
        return {site.pk} if site else None
    organization = operated_organizations(user=user).filter(pk=int(number)).first()
    if kind != "fleet" or organization is None:
        return None
    return set(sites_of_organization(organization=organization).values_list("pk", flat=True))


def _tenant_number(path: str) -> int | None:
    """Return whose incidents are news here; the viewer's right to it has been looked at."""
    kind, _, number = path.removeprefix(PREFIX).partition("/")
    return int(number) if kind == "fleet" else None


def _user(session_key: str | None) -> User | None:
    if not session_key:
        return None
    user_id = SessionStore(session_key).get(SESSION_KEY)
    return User.objects.filter(pk=user_id, is_active=True).first() if user_id else None
