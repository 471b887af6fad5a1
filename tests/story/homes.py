"""Real hubs that a test moves from minute to minute."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from edge_agent.drivers.simulator.fleet import fleet
from edge_agent.link.post import PostLink
from ores_cloud.demo.client import Api

CYCLE = timedelta(seconds=20)


class Stepped:
    """A clock that stands still until it is moved; cloud and hubs read the same instant."""

    def __init__(self, start: datetime, settings: Any) -> None:
        self.start = start
        self.elapsed = timedelta(0)
        self._settings = settings
        self.hub_clock = Clock(simulated_start_ms=int(start.timestamp() * 1000), machine=self._elapsed_s)
        self.move(timedelta(0))

    def _elapsed_s(self) -> float:
        return self.elapsed.total_seconds()

    @property
    def now(self) -> datetime:
        return self.start + self.elapsed

    def move(self, step: timedelta) -> None:
        self.elapsed += step
        # So slow that it stands still for the length of a test.
        self._settings.ORES_CLOCK = f"{self.now.isoformat()}@{datetime.now().timestamp()}x0.000001"  # noqa: DTZ005


class Street:
    """Some homes of the reference fleet with their hubs."""

    def __init__(self, *, count: int, address: str, folder: Path, clock: Stepped) -> None:
        self.clock = clock
        self.said: list[dict[str, Any]] = []
        self.agents: dict[str, Agent] = {}
        self.dark: set[str] = set()
        self._loop = asyncio.new_event_loop()
        for home in fleet(count):
            config = hub_config(
                {
                    "key": home.key,
                    "name": home.name,
                    "cloud_url": address,
                    "data_dir": str(folder / home.key),
                    "cycle_s": CYCLE.total_seconds(),
                    "history_days": 14,
                    "history_step_s": 900,
                    "reserve_soc": home.reserve_soc,
                    "link": {"transport": "post", "claim_poll_s": 0.01},
                    "driver": msgspec.to_builtins(home.home),
                }
            )
            self.agents[home.key] = Agent(config, clock.hub_clock, emit=self._emitter(home.key))

    def enroll(self, aggregator: Api, sites: dict[str, int]) -> None:
        """Register, have the claim code entered, and earn a token."""
        for key, agent in self.agents.items():
            self._run(agent.provisioner._register())
            code = next(s["claim_code"] for s in self.said if s["home"] == key and s["event"] == "registered")
            aggregator.post(f"/api/v1/sites/{sites[key]}/hub", {"code": code})

    def back_fill(self) -> None:
        """Record the past, send it all."""
        for key, agent in self.agents.items():
            self._run(agent._record_history(self.clock.hub_clock.now_ms()))
            while agent.outbox.waiting("backfill"):
                self.exchange(key)

    def minute(self) -> None:
        """One minute passes: cycles run, what was measured is sent."""
        steps = int(timedelta(minutes=1) / CYCLE)
        for _ in range(steps):
            self.clock.move(CYCLE)
            at = self.clock.hub_clock.now_ms()
            for key, agent in self.agents.items():
                if key not in self.dark:
                    agent._run_cycle(at)
        for key, agent in self.agents.items():
            if key not in self.dark:
                agent._commit()
                self.exchange(key)
                if agent.outbox.waiting("status"):  # its word on an instruction that came with the answer
                    agent._commit()
                    self.exchange(key)

    def close(self) -> None:
        for agent in self.agents.values():
            agent.outbox.close()
        self._loop.close()

    def exchange(self, key: str) -> None:
        agent = self.agents[key]
        link = agent.link
        assert isinstance(link, PostLink)
        self._run(self._post(agent, link))
        agent.outbox.commit()

    async def _post(self, agent: Agent, link: PostLink) -> None:
        await link._exchange(await agent.provisioner.token())

    def _run(self, coroutine: Any) -> Any:
        return self._loop.run_until_complete(coroutine)

    def _emitter(self, key: str) -> Any:
        return lambda event, **facts: self.said.append({"home": key, "event": event, **facts})
