"""VENs' polls as plain ASGI beside the hub link: one prepared statement, no Django view.

Only what succeeds is answered here. Everything else goes on to Django, which answers the same and has the errors.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import redis.asyncio
from django.conf import settings
from django.http.request import split_domain_port, validate_host
from redis.exceptions import RedisError

from apps.common import clock
from apps.openadr.api.budget import PollBudget
from apps.openadr.polls import STATEMENT, Poll, answer_of, parameters_of, poll_of

log = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/openadr3/3.1.0/events"
CONNECTIONS = 4
# One plan for all: it asks the index whatever the values, and planning costs more than the look-up.
_SETTINGS = "SET plan_cache_mode = force_generic_plan; SET jit = off"
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]


class PollDoor:
    """One per process; opens its database connections when the first poll comes."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[psycopg.AsyncConnection[Any]] = []
        self._redis = redis.asyncio.Redis.from_url(settings.REDIS_URL)
        self._budget = PollBudget(self._redis)

    async def close(self) -> None:
        """Close what is open."""
        while self._idle:
            await self._idle.pop().close()
        await self._redis.aclose()

    async def answer(self, scope: Scope, send: Send) -> bool:
        """Answer a VEN's poll; return whether it was one, otherwise nothing was sent and somebody else must answer."""
        asked = _asked(scope)
        if asked is None:
            return False
        try:
            text = await self._events(*asked)
        except (psycopg.Error, RedisError) as error:
            log.warning("a poll goes the ordinary way: %s", error)
            return False
        if text is None:
            return False
        body = text.encode()
        headers = [*_HEADERS, (b"content-length", str(len(body)).encode()), *_transport_headers()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return True

    async def _events(self, token: str, poll: Poll) -> str | None:
        asked = parameters_of(token=token, poll=poll, machine_now=datetime.now(UTC), now=clock.now())
        async with self._connection() as connection:
            cursor = await connection.execute(STATEMENT, asked, prepare=True)
            found = answer_of(await cursor.fetchone())
        if found is None or await self._budget.is_used_up(found[0]):
            return None
        return found[1]

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        async with self._room:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                yield connection
            except BaseException:
                await connection.close()  # whatever it was left in the middle of
                raise
            self._idle.append(connection)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        await connection.execute(_SETTINGS)
        return connection


def _asked(scope: Scope) -> tuple[str, Poll] | None:
    """Return the token and the query of what looks like a VEN's poll."""
    if scope["method"] != "GET":
        return None
    headers = dict(scope["headers"])
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind != "Bearer" or not _is_our_host(headers.get(b"host", b"").decode("latin-1")):
        return None
    query = scope["query_string"].decode("latin-1")
    poll = poll_of(dict(parse_qsl(query, keep_blank_values=True))) if query.isascii() else None
    return None if poll is None else (token.strip(), poll)


@functools.lru_cache(maxsize=256)
def _is_our_host(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


@functools.lru_cache(maxsize=1)
def _transport_headers() -> list[tuple[bytes, bytes]]:
    """Return what Django's security middleware would add over TLS."""
    seconds = settings.SECURE_HSTS_SECONDS
    return [(b"strict-transport-security", f"max-age={seconds}".encode())] if seconds else []
