"""One WebSocket with a foreign resource manager: frames in, frames out, whichever side opened it."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from edge_agent.cem.home import Home
from edge_agent.cem.member import Member, RoleKey, role_of
from edge_agent.cem.units import ForeignUnit
from edge_agent.config import Positive
from vpp.protocols.s2.cem_session import CemSession, Described
from vpp.protocols.s2.codec import encode
from vpp.protocols.s2.session import VERSIONS, Closed

log = logging.getLogger(__name__)
# S2 descriptions are some kilobytes; nothing of a home needs more.
MAX_FRAME: Final = 1_000_000
_TICK_S: Final = 1.0


class S2Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How to speak with resource managers. `roles` by resource id or name, where theirs is not what they say."""

    versions: tuple[str, ...] = VERSIONS
    roles: dict[str, RoleKey] = {}
    details_within_s: Positive = 30.0


class Conversation:
    """One resource manager's connection, from its handshake to its end."""

    def __init__(self, socket: Connection, home: Home, *, settings: S2Settings) -> None:
        self._socket, self._home, self._settings = socket, home, settings
        self.session = CemSession(versions=settings.versions)
        self.closed: Closed | None = None
        self._unit: ForeignUnit | None = None
        self._work = asyncio.Event()

    async def run(self) -> Closed:
        """Talk until either side ends it; how it ended."""
        self.session.start(self._home.clock())
        self._work.set()
        tasks = [asyncio.create_task(one) for one in (self._send(), self._tick())]
        try:
            await self._receive()
        except ConnectionClosed as error:
            self._end(Closed(f"the connection is gone: {error}"))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(ConnectionClosed, TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._send_all()
                    await self._socket.close()
            self._end(Closed("the hub ended it"))
        assert self.closed is not None
        return self.closed

    def _end(self, closed: Closed) -> None:
        """The first end is the one that counts."""
        if self.closed is None:
            self.closed = closed
            self.session.close(closed.reason)
        if self._unit is not None and self._unit.member is not None:
            self._unit.member.closed = self.closed

    async def _receive(self) -> None:
        async with asyncio.timeout(self._settings.details_within_s) as patience:
            while not self.session.is_over:
                try:
                    frame = await self._socket.recv()
                except TimeoutError:
                    break
                now = self._home.clock()
                for event in self.session.feed_text(frame, now):
                    self._heard(event)
                self._work.set()
                if self.session.details is not None:
                    patience.reschedule(None)

    def _heard(self, event: object) -> None:
        if isinstance(event, Closed):
            self._end(event)
            return
        if isinstance(event, Described) and self._unit is None:
            self._join()
        if self._unit is not None and self._unit.member is not None:
            self._unit.member.heard(event, self._home.clock())

    def _join(self) -> None:
        """Become a unit of the home; the same resource's earlier connection gives way."""
        details = self.session.details
        assert details is not None
        resource_id = str(details.resource_id)
        name = details.name or ""
        role = (
            self._settings.roles.get(resource_id) or self._settings.roles.get(name) or role_of(self.session)
        )
        key = f"s2-{resource_id[:8]}"
        member = Member(key, role=role, session=self.session, flush=self._work.set)
        self._unit = ForeignUnit(member, name=name)
        before = self._home.units.get(key)
        if before is not None and before.member is not None and not before.member.session.is_over:
            before.member.session.close("the resource connected anew")
            before.member.flush()
        self._home.units[key] = self._unit

    async def _send(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            await self._send_all()
            if self.session.is_over:
                await self._socket.close()

    async def _send_all(self) -> None:
        for message in self.session.take_outgoing():
            await self._socket.send(encode(message), text=True)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now = self._home.clock()
            for event in self.session.tick(now):
                self._heard(event)


def bearer(headers: Mapping[str, str]) -> str:
    """The token of a request."""
    kind, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
