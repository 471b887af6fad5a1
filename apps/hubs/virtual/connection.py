"""One resource manager's WebSocket: frames in, frames out, within limits."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, cast

from apps.common import clock
from apps.common.threads import in_thread
from apps.hubs.credentials import S2Identity, s2_credential_seen, s2_identity_holds
from apps.hubs.link.server import CLOSE_REVOKED
from apps.hubs.virtual.home import VirtualHome
from apps.hubs.virtual.homes import VirtualHomes
from vpp.energy_manager.guest import MAX_FRAME, Guest
from vpp.energy_manager.member import RoleKey
from vpp.protocols.link.messages import CloudMessage
from vpp.protocols.s2.session import Closed

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)
CLOSE_OVER = 1000
CLOSE_TOO_BIG = 1009
CLOSE_SILENT = 4408
CLOSE_REPLACED = 4409
CLOSE_TOO_FAST = 4429
DETAILS_WITHIN_S = 30.0
# A resource manager says some messages a minute, and some dozens when it comes.
BURST = 300.0
FRAMES_PER_S = 20.0
_TICK_S = 1.0
_CLOSING_S = 2.0


class S2Connection:
    """A receiver of the link under its credential's name, so that revoking the credential reaches it."""

    def __init__(self, homes: VirtualHomes, identity: S2Identity, *, receive: Receive, send: Send) -> None:
        self._homes, self._identity = homes, identity
        self._receive, self._send = receive, send
        self._work = asyncio.Event()
        self._close_code: int | None = None
        self._gone = False
        self._allowance, self._counted_at = BURST, time.monotonic()

    def push(self, message: CloudMessage) -> None:
        """Orders go to the home, not to one of its resources."""

    def shut(self, code: int) -> None:
        """End the connection; the first reason counts."""
        if self._close_code is None:
            self._close_code = code
        self._work.set()

    async def run(self) -> None:
        """Talk until either side ends it."""
        home = await self._homes.join(self._identity, self)
        try:
            self._become_receiver()
            await self._confirm()
            await self._converse(home)
        finally:
            receivers = self._homes.server.receivers
            if receivers.get(self._identity.key) is self:
                del receivers[self._identity.key]
            await self._homes.leave(home, self)

    def _become_receiver(self) -> None:
        receivers = self._homes.server.receivers
        older = receivers.get(self._identity.key)
        if older is not None:
            older.shut(CLOSE_REPLACED)
        receivers[self._identity.key] = self

    async def _confirm(self) -> None:
        """Shut out who was revoked after the door opened and before it could be told."""
        if not await in_thread(s2_identity_holds, identity=self._identity):
            self.shut(CLOSE_REVOKED)
            return
        await in_thread(s2_credential_seen, credential_id=self._identity.credential_id, now=clock.now())

    async def _converse(self, home: VirtualHome) -> None:
        role = cast(RoleKey, self._identity.role) if self._identity.role else None
        guest = Guest(home.household, flush=self._work.set, role=role)
        guest.start()
        tasks = [asyncio.create_task(one) for one in (self._read(guest), self._write(guest), _tick(guest))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            guest.end(Closed("the connection ended"))
            for error in ended:
                if isinstance(error, Exception):
                    log.error("an S2 connection of site %s failed", home.site_id, exc_info=error)
            await self._close(guest)

    async def _read(self, guest: Guest) -> None:
        try:
            async with asyncio.timeout(DETAILS_WITHIN_S) as patience:
                await self._read_forever(guest, patience)
        except TimeoutError:
            self.shut(CLOSE_SILENT)

    async def _read_forever(self, guest: Guest, patience: asyncio.Timeout) -> None:
        while self._close_code is None and not guest.session.is_over:
            frame = await self._frame()
            if frame is None:
                self._gone = True
                return
            flaw = self._too_much(frame)
            if flaw is not None:
                self.shut(flaw)
                return
            guest.feed(frame)
            if guest.is_known:
                patience.reschedule(None)

    async def _frame(self) -> str | bytes | None:
        """The next frame; None where the peer is gone."""
        while True:
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return None
            if event["type"] == "websocket.receive":
                text: str | None = event.get("text")
                return text if text is not None else cast(bytes, event["bytes"])

    def _too_much(self, frame: str | bytes) -> int | None:
        now = time.monotonic()
        refilled = self._allowance + (now - self._counted_at) * FRAMES_PER_S
        self._allowance, self._counted_at = min(BURST, refilled) - 1.0, now
        if len(frame) > MAX_FRAME:
            return CLOSE_TOO_BIG
        return CLOSE_TOO_FAST if self._allowance < 0.0 else None

    async def _write(self, guest: Guest) -> None:
        while self._close_code is None and not guest.session.is_over:
            await self._work.wait()
            self._work.clear()
            await self._send_frames(guest)

    async def _send_frames(self, guest: Guest) -> None:
        for frame in guest.take_frames():
            await self._send({"type": "websocket.send", "text": frame})

    async def _close(self, guest: Guest) -> None:
        if self._gone:
            return
        with suppress(OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await self._send_frames(guest)
                await self._send({"type": "websocket.close", "code": self._close_code or CLOSE_OVER})


async def _tick(guest: Guest) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        guest.tick()
