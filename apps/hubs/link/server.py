"""What all connections of one link process share: the writer, who is connected, instructions on their way."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.db import connections

from apps.common import clock
from apps.common.bus import Bus
from apps.common.threads import in_thread
from apps.hubs import selectors, services
from apps.hubs.device_reports import device_message_store
from apps.hubs.diagnoses import diagnosis_answered
from apps.hubs.errors import HubRevokedError, TokenError
from apps.hubs.instructions import instruction_statuses_apply
from apps.hubs.outgoing import outgoing_hub_ids, outgoing_take
from apps.hubs.selectors import LinkIdentity
from apps.hubs.tokens import token_read
from apps.telemetry.gaps import gap_store
from apps.telemetry.points import points_store
from apps.telemetry.writer import SnapshotWriter
from vpp.protocols.link.messages import (
    CheckResult,
    CloudMessage,
    DeviceMessage,
    Gap,
    Hello,
    InstructionStatus,
    Points,
)

log = logging.getLogger(__name__)
IDENTITY_CACHE_S = 10.0
SWEEP_S = 15.0
CLOSE_RESTART = 1012
CLOSE_REVOKED = 4403
RETRY_S = 1.0
Rare = Points | Gap | CheckResult | DeviceMessage


class Receiver(Protocol):
    """A connection, as the server sees it."""

    def push(self, message: CloudMessage) -> None: ...
    def shut(self, code: int) -> None: ...


class LinkServer:
    """One per process; starts with the first event loop that serves."""

    def __init__(self) -> None:
        self.bus = Bus()
        self.receivers: dict[str, Receiver] = {}
        self.writer = SnapshotWriter(
            conninfo=conninfo(),
            now=clock.now,
            future_tolerance_s=settings.TELEMETRY_FUTURE_TOLERANCE_S,
            retention_days=settings.TELEMETRY_RETENTION_DAYS,
            announce=self._announce,
        )
        self._identities: dict[str, tuple[float, LinkIdentity]] = {}
        self._reports: list[tuple[str, InstructionStatus, Callable[[bool], None]]] = []
        self._report_wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self.bus.listen("instructions", self._on_instructions)
        self.bus.listen("hubs", self._on_hubs)
        self.bus.start("instructions", "hubs", "live", "signals", "alerts")
        self.writer.start()
        await in_thread(services.hubs_all_disconnected, now=clock.now())
        self.spawn(self._report_forever())
        self.spawn(self._sweep_forever())

    async def close(self) -> None:
        for receiver in list(self.receivers.values()):
            receiver.shut(CLOSE_RESTART)
        await self.writer.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.bus.close()

    def spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- who is speaking ---

    async def identify(self, token_text: str) -> LinkIdentity:
        """Return whose token this is; raises TokenError or HubRevokedError."""
        token = token_read(token_text)
        held = self._identities.get(token.hub_id)
        if held is not None and held[0] > time.monotonic():
            identity: LinkIdentity | None = held[1]
        else:
            identity = await in_thread(selectors.link_identity, hub_id=token.hub_id)
        if identity is None:
            raise HubRevokedError("this hub is not active any more")
        self._identities[token.hub_id] = (time.monotonic() + IDENTITY_CACHE_S, identity)
        if (identity.generation, identity.site_id) != (token.generation, token.site_id):
            raise TokenError("the token is of an earlier enrollment; authenticate again", code="token_stale")
        return identity

    async def confirm(self, identity: LinkIdentity) -> None:
        """Shut a hub out that was revoked after it opened its connection and before it could be told."""
        if await in_thread(selectors.link_identity, hub_id=identity.hub_id) != identity:
            self._on_hubs([identity.hub_id])

    async def greet(self, hello: Hello, identity: LinkIdentity) -> datetime:
        """Note the hub's arrival and what it has; return the instant noted."""
        now = clock.now()
        resources = [
            {"key": r.key[:64], "kind": r.kind, "name": r.name[:120], "parameters": r.parameters}
            for r in hello.resources
        ]
        await in_thread(
            services.hub_connected,
            hub_id=identity.hub_id,
            site_id=identity.site_id,
            agent_version=hello.agent_version,
            features=hello.features,
            resources=resources,
            now=now,
        )
        return now

    async def part(self, identity: LinkIdentity, connected_at: datetime) -> None:
        """Note that a hub has gone."""
        await in_thread(
            services.hub_disconnected, hub_id=identity.hub_id, connected_at=connected_at, now=clock.now()
        )

    # --- what hubs send beside snapshots ---

    def report(self, hub_id: str, status: InstructionStatus, *, done: Callable[[bool], None]) -> None:
        """Store an instruction's state; `done(refused)` is called after the commit."""
        self._reports.append((hub_id, status, done))
        self._report_wake.set()

    async def store(self, identity: LinkIdentity, message: Rare) -> tuple[int, int]:
        """Store what comes now and then; return how much was kept and how much was quarantined."""
        now = clock.now()
        if isinstance(message, Points):
            quarantined = await in_thread(points_store, site_id=identity.site_id, message=message, now=now)
            return len(message.at), quarantined
        if isinstance(message, Gap):
            await in_thread(gap_store, site_id=identity.site_id, message=message, now=now)
            return 0, 0
        if isinstance(message, CheckResult):
            held = await in_thread(diagnosis_answered, hub_id=identity.hub_id, result=message, now=now)
        else:
            held = await in_thread(device_message_store, hub_id=identity.hub_id, message=message, now=now)
        return int(held), int(not held)

    async def instructions(self, hub_id: str) -> list[CloudMessage]:
        """Return what a hub that has just come must be told, including what it never answered."""
        taken = await in_thread(outgoing_take, hub_ids=[hub_id], now=clock.now(), resend=True)
        return [message for _, message in taken]

    async def _report_forever(self) -> None:
        while True:
            await self._report_wake.wait()
            self._report_wake.clear()
            reports, self._reports = self._reports, []
            try:
                pairs = [(hub_id, status) for hub_id, status, _ in reports]
                refused = await in_thread(instruction_statuses_apply, reports=pairs, now=clock.now())
            except Exception:
                log.exception("instruction states could not be stored, trying again")
                self._reports = reports + self._reports
                await asyncio.sleep(RETRY_S)
                self._report_wake.set()
                continue
            for index, (hub_id, status, done) in enumerate(reports):
                if index in refused:
                    log.warning("hub %s reported what cannot be: %s", hub_id, status)
                done(index in refused)

    # --- notes from the bus ---

    def _on_instructions(self, hub_ids: list[str]) -> None:
        here = [hub_id for hub_id in hub_ids if hub_id in self.receivers]
        if here:
            self.spawn(self._deliver(here))

    async def _sweep_forever(self) -> None:
        """Deliver what was queued while the bus or the database was out of reach."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                self._on_instructions(await in_thread(outgoing_hub_ids, now=clock.now()))
            except Exception:
                log.exception("queued instructions could not be looked up, trying again")

    async def _deliver(self, hub_ids: list[str]) -> None:
        for hub_id, message in await in_thread(outgoing_take, hub_ids=hub_ids, now=clock.now()):
            receiver = self.receivers.get(hub_id)
            if receiver is not None:
                receiver.push(message)

    def _on_hubs(self, hub_ids: list[str]) -> None:
        for hub_id in hub_ids:
            self._identities.pop(hub_id, None)
            receiver = self.receivers.get(hub_id)
            if receiver is not None:
                receiver.shut(CLOSE_REVOKED)

    async def _announce(self, site_ids: list[int]) -> None:
        await self.bus.publish("live", site_ids)


def conninfo() -> str:
    """Return libpq's connection string of Django's default database."""
    from psycopg.conninfo import make_conninfo

    parameters = connections["default"].get_connection_params()
    names = {"dbname", "user", "password", "host", "port", "options", "sslmode", "sslrootcert"}
    return make_conninfo(**{name: value for name, value in parameters.items() if name in names})
