"""The day in scenes: a sunny day, a price peak, a lost cloud, a lost grid, and both back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from edge_agent.clock import Clock
from tests.edge_agent.cloud import Cloud
from tests.edge_demo.house import MS_PER_HOUR, House
from tests.edge_demo.hub import DEAR_FROM_H, DEAR_PRICE, Hub
from tests.edge_demo.table import Table, house_line
from vpp.protocols.link.messages import Instruction, Schedule
from vpp.units import MS_PER_DAY, MS_PER_MINUTE

CAR_KWH = 12.0
CAR_H, PLAN_H, PLAN_ENDS_H, OUTAGE_H = 17.25, 18.5, 19.0, 19.25
PLAN_KW = -2.0
ORDER = "evening-relief"
# How long the demo waits for what has to happen, in seconds of the machine.
_PATIENCE_S = 60.0


class DemoError(Exception):
    """Something the demo needs did not come about."""


@dataclass
class Stage:
    """Who plays, and the instants [ms] at which things happened."""

    clock: Clock
    house: House
    hub: Hub
    cloud: Cloud
    table: Table
    marks: dict[str, int] = field(default_factory=dict)

    def mark(self, name: str, text: str = "") -> int:
        """Note that something happens now."""
        self.marks[name] = now = self.clock.now_ms()
        if text:
            self.table.take(self.hub.news())
            self.table.say(now, text)
        return now

    def at_hour(self, hour: float) -> int:
        """The instant of an hour of the day."""
        midnight = self.clock.simulated_start_ms // MS_PER_DAY * MS_PER_DAY
        return midnight + round(hour * MS_PER_HOUR)

    async def until(self, at: int) -> None:
        """Play on to an instant."""
        while self.clock.now_ms() < at:
            await self._beat()

    async def until_that(self, condition: Callable[[], object], what: str) -> None:
        """Play on until something holds; DemoError if it does not come."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not condition():
                    await self._beat()
        except TimeoutError:
            raise DemoError(f"waited {_PATIENCE_S:g} s for this: {what}") from None

    async def _beat(self) -> None:
        if self.hub.process.returncode is not None:
            raise DemoError(f"the hub ended with {self.hub.process.returncode}")
        self.table.take(self.hub.news())
        await asyncio.sleep(0.05)

    def show_house(self) -> None:
        """Print how the house is."""
        self.table.take(self.hub.news())
        self.table.say(self.clock.now_ms(), house_line(self.house.samples[-1]))

    def was_decided(self, resource: str, text: str, *, since: int = 0) -> bool:
        """Whether a decision gave this reason."""
        return any(
            one.resource == resource and text in one.reason and one.at >= since
            for one in self.table.decisions
        )


async def sunny(stage: Stage) -> None:
    """The battery takes what the sun has to spare."""
    for hour in (11.0, 12.0, 13.0, 15.0):
        if stage.clock.now_ms() < stage.at_hour(hour):
            await stage.until(stage.at_hour(hour))
            stage.show_house()
    await stage.until(stage.at_hour(CAR_H))


async def peak(stage: Stage) -> None:
    """While power is cheaper the car has to buy what the sun does not give; once it is dear, the battery covers the home."""
    stage.house.car.wants_kwh = CAR_KWH
    stage.mark("car", f"the car comes home and wants {CAR_KWH:g} kWh")
    await stage.until(stage.at_hour(DEAR_FROM_H))
    stage.mark("dear", f"a kWh costs {DEAR_PRICE:g} from now on")
    house = stage.house
    await stage.until_that(
        lambda: house.samples[-1].battery_kw < -0.1 and house.samples[-1].grid_kw < 0.2,
        "the battery covers the home",
    )
    stage.mark("covers")
    await stage.until(stage.at_hour(DEAR_FROM_H + 0.25))
    starts = stage.at_hour(PLAN_H)
    schedule = Schedule(starts, 900, site_kw=[PLAN_KW] * 2, resources={"ev": [0.0] * 2})
    await stage.cloud.send(Instruction(ORDER, 1, starts, starts + MS_PER_HOUR, schedule))
    stage.mark(
        "sent", f"the cloud asks for {-PLAN_KW:g} kW into the grid from 18:30 to 19:00, and the car to wait"
    )
    await stage.until(starts)


async def lost_cloud(stage: Stage) -> None:
    """The schedule is held to its end although nobody is heard any more; then the home goes by its own mode."""
    house = stage.house
    await stage.until_that(
        lambda: house.car.power_w == 0.0 and abs(house.samples[-1].grid_kw - PLAN_KW) < 0.3,
        "the schedule is followed",
    )
    await stage.until(stage.at_hour(PLAN_H + 0.15))
    await cut(stage.cloud)
    stage.mark("cut", "the cloud is gone: no connection is accepted any more")
    await stage.until(stage.at_hour(PLAN_ENDS_H))
    stage.mark("schedule_ends", "the schedule is over")
    await stage.until(stage.at_hour(OUTAGE_H))


async def cut(cloud: Cloud) -> None:
    """Drop the hub's connection and let it in no more."""
    cloud.refuse_connections = True
    socket, cloud.hub.socket = cloud.hub.socket, None
    if socket is not None:
        socket.transport.abort()


async def lost_grid(stage: Stage) -> None:
    """The home feeds itself, and sheds its loads one after the other as the battery goes down."""
    stage.house.car.wants_kwh = max(stage.house.car.wants_kwh, CAR_KWH / 2)
    stage.house.hybrid.on_grid = False
    since = stage.mark("outage", "the grid is gone: the inverter forms its own")
    loads = ["ev", "heat"] if stage.house.has_plug else ["ev"]
    for key in loads:
        is_shed = partial(stage.was_decided, key, "owner's list", since=since)
        await stage.until_that(is_shed, f"{key} is shed")
        stage.mark(f"shed_{key}")
    house = stage.house
    await stage.until_that(
        lambda: house.car.power_w == 0.0 and not (house.has_plug and house.plug.is_on),
        "the loads stand still",
    )
    stage.mark("stand_still")
    await stage.until(stage.clock.now_ms() + 5 * MS_PER_MINUTE)


async def back(stage: Stage) -> None:
    """The grid is back; the home waits a time of its own before it takes part."""
    stage.house.hybrid.on_grid = True
    since = stage.mark("return", "the grid is back")
    await stage.until_that(
        lambda: stage.was_decided("ev", "the grid is back", since=since), "the hub sees the grid again"
    )
    await stage.until_that(lambda: stage.house.car.power_w > 0.0, "the car charges again")
    stage.mark("charges_again", "the car charges again")
    if stage.cloud.refuse_connections:
        stage.cloud.refuse_connections = False
        stage.mark("cloud_back", "the cloud is back: what was measured meanwhile goes there")
    await stage.until_that(
        lambda: stage.was_decided("battery", "backup reserve", since=since), "the reserve holds"
    )
    await stage.until_that(lambda: stage.house.hybrid.battery_w > -50.0, "the battery keeps its reserve")
    ends = stage.mark("reserve") + 5 * MS_PER_MINUTE
    await stage.until(ends)
    await stage.until_that(lambda: has_all_rows(stage.cloud, ends - 2 * MS_PER_MINUTE), "all rows arrive")


def has_all_rows(cloud: Cloud, until: int) -> bool:
    """Whether every minute up to an instant is there."""
    instants = cloud.hub.rows
    if not instants or max(instants) < until:
        return False
    return len(instants) == (max(instants) - min(instants)) // MS_PER_MINUTE + 1


@dataclass(frozen=True)
class Scene:
    """A part of the day, from an hour on; a day that begins within it begins with this state of charge."""

    hour: float
    name: str
    play: Callable[[Stage], Awaitable[None]]
    soc: float


_MORNING_SOC, AFTERNOON_SOC = 0.45, 0.95
SCENES = (
    Scene(10.0, "A sunny day", sunny, _MORNING_SOC),
    Scene(CAR_H, "The price peak", peak, AFTERNOON_SOC),
    Scene(PLAN_H, "The cloud is lost", lost_cloud, 0.85),
    Scene(OUTAGE_H, "The grid is lost", lost_grid, 0.565),
    Scene(21.5, "Everything is back", back, 0.55),
)
