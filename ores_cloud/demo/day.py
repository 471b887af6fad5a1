"""A day of the street's market: the hubs' own program and the platform's own tasks, moved from step to step.

Real time would take a day. So the processes rest, and one process does what they do: its web door takes what the hubs send
over HTTP, its tasks are those that beat sends, in their periods. Only the clock is moved by hand.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from edge_agent.__main__ import FleetConfig, fleet_hubs
from edge_agent.clock import Clock
from edge_agent.stepping import HubsSilent, SteppedHubs
from ores_cloud.demo.door import web_door
from ores_cloud.demo.errors import DayFailed

STEP: Final = timedelta(minutes=5)
QUARTER: Final = timedelta(minutes=15)
DAY: Final = timedelta(days=1)
# After a day's end its last measurements come in, and its last deliveries are settled.
DATA_IN: Final = timedelta(minutes=25)
# What is measured goes out, and orders come in, so long before each quarter-hour ends.
EXCHANGE_AHEAD: Final = timedelta(minutes=5)
CYCLE_S: Final = 60.0
LIMIT_S: Final = 30.0
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class MovedClock:
    """A clock that stands still until it is moved; cloud and hubs read the same instant."""

    def __init__(self, start: datetime) -> None:
        self.now = start
        self.hubs = Clock(machine=self._seconds)
        self.move(to=start)

    def _seconds(self) -> float:
        return self.now.timestamp()

    def move(self, *, to: datetime) -> None:
        """Go on to an instant."""
        from django.conf import settings

        self.now = to
        # So slow that it stands still while a step is lived.
        settings.ORES_CLOCK = f"{to.isoformat()}@{time.time():.3f}x0.000001"


def first_traded(now: datetime) -> datetime:
    """Return the first interval that homes can order in and that is cleared, when a day is begun."""
    return next_step(now + 2 * QUARTER, QUARTER)


def next_step(at: datetime, step: timedelta) -> datetime:
    """Return the first multiple of a step after an instant."""
    return at + step - (at.astimezone(UTC) - EPOCH) % step


class LivedDay:
    """Some homes and their market, from one instant to another."""

    def __init__(self, *, fleet: dict[str, Any], site_ids: list[int], port: int, now: datetime) -> None:
        self.clock = MovedClock(next_step(now, STEP))
        self._site_ids = site_ids
        self._port = port
        paces = {"cycle_s": CYCLE_S, "snapshot_interval_s": STEP.total_seconds()}
        hubs = fleet_hubs(msgspec.convert(fleet | {"hub": fleet.get("hub", {}) | paces}, FleetConfig))
        self._hubs = SteppedHubs(hubs, self.clock.hubs, emit=lambda event, **facts: None)

    def live(self, *, until: datetime, progress: Callable[[datetime], None]) -> datetime:
        """Live step by step; return the instant that was reached."""
        try:
            with web_door(self._port):
                asyncio.run(self._live(until, progress))
        except HubsSilent as error:
            raise DayFailed(str(error)) from error
        return self.clock.now

    async def _live(self, until: datetime, progress: Callable[[datetime], None]) -> None:
        try:
            await self._hubs.connect(limit_s=LIMIT_S)
            while self.clock.now < until:
                self.clock.move(to=self.clock.now + STEP)
                self._hubs.live_until(round(self.clock.now.timestamp() * 1000))
                if not (self.clock.now + EXCHANGE_AHEAD - EPOCH) % QUARTER:
                    await self._exchange()
                await asyncio.to_thread(self._tasks)
                progress(self.clock.now)
        finally:
            await self._hubs.close()

    async def _exchange(self) -> None:
        """Hubs send what they measured and are told what they traded, until both sides have all of it."""
        deadline = time.monotonic() + LIMIT_S
        await self._hubs.exchange(limit_s=LIMIT_S)
        while waiting := await asyncio.to_thread(self._waiting):
            if time.monotonic() > deadline:
                raise DayFailed(f"by {self.clock.now:%H:%M} there did not arrive: {', '.join(waiting)}")
            await self._hubs.exchange(limit_s=LIMIT_S)

    def _waiting(self) -> list[str]:
        """Name the schedules that are on their way, and homes' latest states, which are written in the background."""
        from apps.hubs.models import Instruction
        from apps.telemetry.selectors import latest_by_site

        on_the_way = (Instruction.State.QUEUED, Instruction.State.SENT)
        told = Instruction.objects.filter(state__in=on_the_way, expires_at__gt=self.clock.now)
        latest = latest_by_site(site_ids=self._site_ids).values()
        late = [
            f"the state of home {row.site_id} after {row.at:%H:%M}"
            for row in latest
            if row.at < self.clock.now
        ]
        return late + [f"a schedule to hub {one.hub_id}, {one.state}" for one in told]

    def _tasks(self) -> None:
        """What beat would have sent by now."""
        from apps.flexibility.tasks import issue_forecasts, refresh_portfolios
        from apps.hubs.tasks import expire_instructions
        from apps.markets.tasks import deliveries, gates
        from apps.telemetry.tasks import roll_up

        since = self.clock.now + EXCHANGE_AHEAD - EPOCH
        if not since % QUARTER:
            roll_up()
            if not since % timedelta(hours=1):
                issue_forecasts()
            refresh_portfolios()
            deliveries()
            expire_instructions()
        if since % QUARTER <= EXCHANGE_AHEAD:  # homes order ahead of a gate, then it closes
            gates()
