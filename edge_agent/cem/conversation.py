"""One WebSocket with a foreign resource manager: frames in, frames out, whichever side opened it."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from edge_agent.cem.home import Home
from edge_agent.config import Positive
from vpp.energy_manager.guest import Guest
from vpp.energy_manager.member import RoleKey
from vpp.protocols.s2.session import VERSIONS, Closed

_TICK_S: Final = 1.0


class S2Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How to speak with resource managers. `roles` by resource id or name, where theirs is not what they say."""

    versions: tuple[str, ...] = VERSIONS
    roles: dict[str, RoleKey] = {}
    details_within_s: Positive = 30.0


class Conversation:
    """One resource manager's connection, from its handshake to its end."""

    def __init__(self, socket: Connection, home: Home, *, settings: S2Settings) -> None:
        self._socket, self._settings = socket, settings
        self._work = asyncio.Event()
        self._guest = Guest(home, flush=self._work.set, roles=settings.roles, versions=settings.versions)
        self.session = self._guest.session

    async def run(self) -> Closed:
        """Talk until either side ends it; how it ended."""
        self._guest.start()
        tasks = [asyncio.create_task(one) for one in (self._send(), self._tick())]
        try:
            await self._receive()
        except ConnectionClosed as error:
            self._guest.end(Closed(f"the connection is gone: {error}"))
        except TimeoutError:
            self._guest.end(Closed("it did not say in time what it is"))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(ConnectionClosed, TimeoutError):
                async with asyncio.timeout(2.0):
                    await self._send_all()
                    await self._socket.close()
            self._guest.end(Closed("the hub ended it"))
        assert self._guest.closed is not None
        return self._guest.closed

    async def _receive(self) -> None:
        async with asyncio.timeout(self._settings.details_within_s) as patience:
            while not self.session.is_over:
                self._guest.feed(await self._socket.recv())
                if self._guest.is_known:
                    patience.reschedule(None)

    async def _send(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            await self._send_all()
            if self.session.is_over:
                await self._socket.close()

    async def _send_all(self) -> None:
        for frame in self._guest.take_frames():
            await self._socket.send(frame, text=True)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._guest.tick()


def bearer(headers: Mapping[str, str]) -> str:
    """The token of a request."""
    kind, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""
