"""The house behind the wires: sun, battery, boiler, car and household, moved by the hub's clock.

Energy follows the demo's fast clock; the devices' own timers (reversion, TimedPower) follow the machine's, as the hub's
drivers renew their orders by it.
"""

import asyncio
import math
import time
from dataclasses import dataclass
from itertools import pairwise

from edge_agent.clock import Clock
from tests.edge_agent.plugs import TasmotaPlug
from tests.edge_agent.sunspec_plant import MeterPlant, OldPlant
from tests.edge_demo.wallbox import WallBox
from vpp.units import MS_PER_DAY

MS_PER_HOUR = 3_600_000
_STEP_S = 0.03
_EFFICIENCY = 0.95
_SUNRISE_H, _SUNSET_H, _PEAK_W = 5.0, 21.5, 6500.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The house at an instant [ms]; power [kW] in load convention."""

    at: int
    grid_kw: float
    load_kw: float
    pv_kw: float
    battery_kw: float
    heat_kw: float
    ev_kw: float
    soc: float
    on_grid: bool


def sun_w(hour: float) -> float:
    """What the panels could give on a clear day in June [W]."""
    share = (hour - _SUNRISE_H) / (_SUNSET_H - _SUNRISE_H)
    return _PEAK_W * math.sin(math.pi * share) ** 1.3 if 0.0 < share < 1.0 else 0.0


def household_w(hour: float) -> float:
    """What nobody controls: something all day, more in the evening [W]."""
    return 450.0 + 1050.0 / (1.0 + math.exp(-4.0 * (hour - 17.5)))


class Hybrid(OldPlant):
    """The inverter with panels and battery. Without a grid it forms its own and carries what is drawn."""

    def __init__(self) -> None:
        self.on_grid = True
        self.carries_w, self.made_wh = 0.0, 9_000_000.0
        super().__init__()

    @property
    def battery_w(self) -> float:
        wished = super().battery_w if self.on_grid else -self.carries_w
        if (wished > 0.0 and self.soc >= 1.0) or (wished < 0.0 and self.soc <= 0.0):
            return 0.0
        return wished

    def show(self) -> None:
        super().show()
        self.registers[122, "ECPConn"] = int(self.on_grid)
        self.registers[103, "WH"] = int(self.made_wh)


class House:
    """Everything behind the meter; `run` moves it."""

    def __init__(self, clock: Clock, *, soc: float) -> None:
        self.clock = clock
        self.hybrid, self.meter, self.plug, self.car = (
            Hybrid(),
            MeterPlant(),
            TasmotaPlug("boiler_9F21"),
            WallBox(),
        )
        self.hybrid.soc = soc
        self.has_plug = False
        self.plug.is_on, self.plug.load_w = True, 0.0
        self.samples: list[Sample] = []
        self._began_s = time.monotonic()
        self._at = clock.now_ms()
        self._import_wh, self._export_wh = 4_500_000.0, 1_500_000.0

    @property
    def hour(self) -> float:
        """The time of day [h]."""
        return (self._at % MS_PER_DAY) / MS_PER_HOUR

    def begin(self, soc: float) -> None:
        """Begin the day with this state of charge; what was before does not count."""
        self.hybrid.soc = soc
        self.samples.clear()
        self.step()

    async def run(self) -> None:
        """Let time pass until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(_STEP_S)

    def step(self) -> None:
        """Bring the house up to now."""
        now = self.clock.now_ms()
        hours, self._at = (now - self._at) / MS_PER_HOUR, now
        self._run_timers()
        hybrid = self.hybrid
        hybrid.sun_w = sun_w(self.hour)
        # The boiler's thermostat is closed a third of the time.
        self.plug.load_w = 1000.0 if now % MS_PER_HOUR < MS_PER_HOUR / 3 else 0.0
        drawn_w = (
            household_w(self.hour) + self.car.take(hours) + (self.plug.power_w if self.has_plug else 0.0)
        )
        hybrid.carries_w = drawn_w - hybrid.pv_w
        battery_w = hybrid.battery_w
        grid_w = drawn_w + battery_w - hybrid.pv_w if hybrid.on_grid else 0.0
        stored_wh = battery_w * hours * (_EFFICIENCY if battery_w > 0.0 else 1.0 / _EFFICIENCY)
        hybrid.soc = min(1.0, max(0.0, hybrid.soc + stored_wh / hybrid.capacity_wh))
        self.plug.energy_kwh += self.plug.power_w * hours / 1000.0
        hybrid.made_wh += max(0.0, hybrid.pv_w - battery_w) * hours
        self._show_meter(grid_w, hours)
        hybrid.show()
        self._keep(grid_w, battery_w)

    def _run_timers(self) -> None:
        age_s = time.monotonic() - self._began_s
        self.hybrid.now = age_s
        self.hybrid.expire()
        self.plug.advance(0.0)
        self.plug.now = age_s

    def _show_meter(self, grid_w: float, hours: float) -> None:
        self._import_wh += max(0.0, grid_w) * hours
        self._export_wh += max(0.0, -grid_w) * hours
        registers = self.meter.registers
        registers[203, "W"] = round(grid_w)
        registers[203, "TotWhImp"], registers[203, "TotWhExp"] = int(self._import_wh), int(self._export_wh)

    def _keep(self, grid_w: float, battery_w: float) -> None:
        self.samples.append(
            Sample(
                self._at, grid_w / 1000.0, household_w(self.hour) / 1000.0, -self.hybrid.pv_w / 1000.0, battery_w / 1000.0,
                (self.plug.power_w if self.has_plug else 0.0) / 1000.0, self.car.power_w / 1000.0, self.hybrid.soc,
                self.hybrid.on_grid,
            )
        )  # fmt: skip


def between(samples: list[Sample], starts: int, ends: int) -> list[Sample]:
    """The samples of a period [ms)."""
    return [one for one in samples if starts <= one.at < ends]


def energy_kwh(samples: list[Sample], name: str, *, sign: int = 1) -> float:
    """What a power was in energy [kWh], of one direction."""
    found = 0.0
    for before, after in pairwise(samples):
        hours = (after.at - before.at) / MS_PER_HOUR
        found += max(0.0, sign * getattr(after, name)) * hours
    return found
