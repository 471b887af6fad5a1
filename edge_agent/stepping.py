"""Simulated hubs that somebody else's clock moves: a day of many homes in well under a minute."""

import asyncio
from collections.abc import Sequence

from edge_agent.agent import Agent, Emit
from edge_agent.clock import Clock
from edge_agent.config import HubConfig
from edge_agent.outbox import LANES
from edge_agent.parts import end_parts, raise_in_loop

_LOOK_S = 0.002
_PARTS_END_S = 4.0


class HubsSilent(Exception):
    """The cloud did not take what hubs have, in time."""


class SteppedHubs:
    """Programs of claimed hubs: each with its devices, controllers, outbox, credentials and connection."""

    def __init__(self, hubs: Sequence[HubConfig], clock: Clock, *, emit: Emit) -> None:
        self._agents = [Agent(hub, clock, emit=emit) for hub in hubs]
        self._cycle_ms = round(hubs[0].cycle_s * 1000)
        self._next_at = clock.now_ms() // self._cycle_ms * self._cycle_ms + self._cycle_ms
        self._links: list[asyncio.Task[None]] = []

    async def connect(self, *, limit_s: float) -> None:
        """Open every hub's connection, and send what was left over."""
        for agent in self._agents:
            if agent.link is not None:
                self._links.append(asyncio.create_task(agent.link.run(), name=agent.config.key))
                self._links[-1].add_done_callback(raise_in_loop)
        await self.exchange(limit_s=limit_s)

    def live_until(self, at_ms: int) -> None:
        """Run every home's cycles up to an instant."""
        while self._next_at <= at_ms:
            for agent in self._agents:
                agent._run_cycle(self._next_at)
            self._next_at += self._cycle_ms

    async def exchange(self, *, limit_s: float) -> None:
        """Put on disk what was measured and decided, and see that the cloud has it; take what comes meanwhile."""
        for agent in self._agents:
            agent._commit()
        try:
            async with asyncio.timeout(limit_s):
                while any(_is_behind(agent) for agent in self._agents):
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            behind = [agent.config.key for agent in self._agents if _is_behind(agent)]
            raise HubsSilent(f"{', '.join(behind)} could not send what they have") from None

    async def close(self) -> None:
        """Leave everything on disk for the processes that go on."""
        await end_parts(self._links, within_s=_PARTS_END_S)
        for agent in self._agents:
            agent._commit()
            agent.outbox.close()


def _is_behind(agent: Agent) -> bool:
    """Whether it has no session yet, or the cloud has not all of it; a clock moved in between would be doubted."""
    has_session = agent.link is not None and agent.link.connected
    return not has_session or any(agent.outbox.waiting(lane) for lane in LANES)
