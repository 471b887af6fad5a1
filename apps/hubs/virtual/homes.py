"""All homes of this process whose energy manager is the cloud, and the task that turns their cycles."""

import asyncio
import logging
import time

from apps.common import clock
from apps.common.threads import in_thread
from apps.hubs import services
from apps.hubs.credentials import S2Identity
from apps.hubs.decisions import decisions_told
from apps.hubs.link.server import LinkServer
from apps.hubs.virtual.facts import facts_of, settings_of
from apps.hubs.virtual.home import CYCLE_S, Connection, VirtualHome
from apps.sites.services import resources_sync
from vpp.protocols.link.messages import Decisions, ResourceDescription

log = logging.getLogger(__name__)
SETTINGS_S = 30.0
# What was decided is kept so often.
DECISIONS_S = 10.0
VERSION = "cloud"
# What the cloud itself can follow of what there is for hubs.
FEATURES = ("limits", "priority")


class VirtualHomes:
    """One per process, beside the link's server."""

    def __init__(self, server: LinkServer) -> None:
        self.server = server
        self.homes: dict[str, VirtualHome] = {}
        self.connections = 0
        self.knocking = 0
        self._door = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(one)
            for one in (self._turn_forever(), self._follow_forever(), self._keep_forever())
        ]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def join(self, identity: S2Identity, connection: Connection) -> VirtualHome:
        """Bring a resource manager's connection into its home; the first one opens it."""
        async with self._door:
            home = self.homes.get(identity.hub_id)
            if home is None:
                home = await self._open(identity)
            home.connections.add(connection)
            return home

    async def leave(self, home: VirtualHome, connection: Connection) -> None:
        """Take a connection out of its home; the last one closes it."""
        async with self._door:
            home.connections.discard(connection)
            home.forget_oldest()
            if home.connections or self.homes.get(home.hub_id) is not home:
                return
            del self.homes[home.hub_id]
            if self.server.receivers.get(home.hub_id) is home:
                del self.server.receivers[home.hub_id]
            await _keep(home)
            assert home.connected_at is not None
            await in_thread(
                services.hub_disconnected, hub_id=home.hub_id, connected_at=home.connected_at, now=clock.now()
            )

    async def _open(self, identity: S2Identity) -> VirtualHome:
        now = clock.now()
        facts = await in_thread(facts_of, site_id=identity.site_id, hub_id=identity.hub_id, now=now)
        home = VirtualHome(self.server, facts, hub_id=identity.hub_id, site_id=identity.site_id)
        home.on_resources = lambda described: self.server.spawn(_describe(identity.site_id, described))
        home.connected_at = now
        await in_thread(
            services.hub_connected,
            hub_id=identity.hub_id,
            site_id=identity.site_id,
            agent_version=VERSION,
            features=FEATURES,
            resources=[],
            now=now,
        )
        # What is queued meanwhile is swept up by the link's server.
        for message in await self.server.instructions(identity.hub_id):
            home.push(message)
        self.homes[identity.hub_id] = self.server.receivers[identity.hub_id] = home
        return home

    async def _turn_forever(self) -> None:
        """Turn every home's cycle once a second, each at its turn among other work."""
        while True:
            began = time.monotonic()
            for home in list(self.homes.values()):
                try:
                    home.turn()
                except Exception:
                    log.exception("the cycle of site %s failed", home.site_id)
                await asyncio.sleep(0)
            await asyncio.sleep(max(0.0, began + CYCLE_S - time.monotonic()))

    async def _follow_forever(self) -> None:
        """Take up what owners and operators changed."""
        while True:
            await asyncio.sleep(SETTINGS_S)
            for home in list(self.homes.values()):
                try:
                    home.follow(await in_thread(settings_of, site_id=home.site_id, hub_id=home.hub_id))
                except Exception:
                    log.exception("the settings of site %s could not be read", home.site_id)

    async def _keep_forever(self) -> None:
        """Keep what was decided, for whoever asks why."""
        while True:
            await asyncio.sleep(DECISIONS_S)
            for home in list(self.homes.values()):
                await _keep(home)


async def _keep(home: VirtualHome) -> None:
    decisions = home.take_decisions()
    if not decisions:
        return
    message = Decisions(0, decisions)
    try:
        await in_thread(decisions_told, hub_id=home.hub_id, message=message, now=clock.now())
    except Exception:
        log.exception("the decisions of site %s could not be kept, trying again", home.site_id)
        home.give_back(decisions)


async def _describe(site_id: int, described: list[ResourceDescription]) -> None:
    resources = [
        {"key": one.key[:64], "kind": one.kind, "name": one.name[:120], "parameters": dict(one.parameters)}
        for one in described
    ]
    try:
        await in_thread(resources_sync, site_id=site_id, resources=resources)
    except Exception:
        log.exception("the resources of site %s could not be stored", site_id)
