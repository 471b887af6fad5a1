"""A home whose inverter answers late and tells late, second by second; the meter shows what is."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from vpp.energy_manager.controllers import Controller
from vpp.energy_manager.household import Household
from vpp.energy_manager.member import Member, Rated, RoleKey
from vpp.energy_manager.process_image import ProcessImage, Setpoints
from vpp.energy_manager.reading import Reading
from vpp.energy_manager.safety import DeviceLimits, device_ranges, setpoints

START = datetime(2026, 6, 17, 12, tzinfo=UTC)
RATED_KW = 10.0


@dataclass(frozen=True)
class Lateness:
    """Seconds: before an order has any effect, until it has most of it, and before power and meter are told."""

    dead_s: int = 0
    lag_s: float = 0.0
    told_s: int = 0
    meter_s: int = 0


@dataclass
class TellingUnit:
    """A device that is only read; the plant has its orders."""

    key: str
    role: RoleKey | None
    latest: Reading = field(default_factory=Reading)
    name: str = ""
    member: Member | None = None
    trouble: str | None = None

    def reading(self, now: datetime) -> Reading | None:
        return self.latest

    def rated(self, now: datetime) -> Rated:
        return Rated()


class SlowHome:
    """Meter and battery, driven by controllers once a second."""

    def __init__(self, lateness: Lateness, controllers: Sequence[Controller], limits: DeviceLimits) -> None:
        self.controllers, self.limits, self.lateness = controllers, limits, lateness
        self.now, self.battery_kw = START, 0.0
        self.meter = TellingUnit("meter", "grid")
        self.battery = TellingUnit("battery", "battery")
        self.household = Household([self.meter, self.battery], clock=lambda: self.now)
        self._orders = deque([0.0] * (lateness.dead_s + 1), maxlen=lateness.dead_s + 1)
        self._powers = deque([0.0] * (lateness.told_s + 1), maxlen=lateness.told_s + 1)
        self._meters: deque[float] = deque(maxlen=lateness.meter_s + 1)

    def second(self, load_kw: float) -> tuple[float, float]:
        """Live for a second; what the meter really shows, and what the battery was told [kW]."""
        told_kw = self._cycle(load_kw)
        self._orders.append(told_kw)
        share = 1.0 / (1.0 + self.lateness.lag_s)
        self.battery_kw += share * (self._orders[0] - self.battery_kw)
        self._powers.append(self.battery_kw)
        self.now += timedelta(seconds=1)
        return load_kw + self.battery_kw, told_kw

    def _cycle(self, load_kw: float) -> float:
        self._meters.append(load_kw + self.battery_kw)
        self.meter.latest = Reading(power_kw=self._meters[0])
        self.battery.latest = Reading(power_kw=self._powers[0], soc=0.5)
        image: ProcessImage = self.household.read(round(self.now.timestamp() * 1000))
        allowed = device_ranges(self.limits)
        for controller in self.controllers:
            controller.control(image, allowed)
        given: Setpoints = setpoints(allowed, self.limits)
        self.household.write(given)
        return self._orders[-1] if given.battery_kw is None else given.battery_kw
