"""Read everything, freeze it, decide, write: one cycle. And the rows that come of many."""

from collections.abc import Sequence

from msgspec import structs

from edge_agent.controllers import Controller
from edge_agent.drivers import Driver
from edge_agent.outbox import Decided
from edge_agent.process_image import POWER_COLUMNS, ProcessImage, Setpoints
from edge_agent.safety import Allowed, DeviceLimits, device_ranges


class Cycle:
    """One home's read-decide-write loop, one pass at a time."""

    def __init__(self, driver: Driver, controllers: Sequence[Controller], *, limits: DeviceLimits) -> None:
        self._driver = driver
        self._controllers = controllers
        self._limits = limits
        self._told: dict[str, tuple[str, str]] = {}
        self.allowed = Allowed()

    def follow(self, controllers: Sequence[Controller]) -> None:
        """Go on with other controllers from the next pass on."""
        self._controllers = controllers

    @property
    def controllers(self) -> Sequence[Controller]:
        """Who decides, in order."""
        return self._controllers

    def run(self, now_ms: int) -> ProcessImage:
        """One pass at `now_ms`."""
        image = self._driver.read(now_ms)
        self.allowed = device_ranges(self._limits)
        for controller in self._controllers:
            controller.control(image, self.allowed)
        self._driver.write(setpoints(self.allowed, self._limits))
        return image

    def news(self, at: int) -> list[Decided]:
        """The decisions that have another author or reason than the time before."""
        decided = []
        for key, allowed in self.allowed.ranges.items():
            why = (allowed.by, allowed.reason)
            if self._told.get(key) != why:
                self._told[key] = why
                decided.append(Decided(at, key, allowed.low, allowed.high, *why))
        return decided


def setpoints(allowed: Allowed, limits: DeviceLimits) -> Setpoints:
    """What is told to the devices: nothing where nobody narrowed what they can do anyway."""
    battery = allowed.ranges.get("battery")
    heat = allowed.ranges.get("heat")
    ev = allowed.ranges.get("ev")
    pv = allowed.ranges.get("pv")
    return Setpoints(
        battery_kw=battery.low if battery and battery.pinned else None,
        heat_kw=heat.low if heat and heat.pinned else None,
        ev_kw=ev.high if ev and ev.high < limits.ranges["ev"][1] else None,
        pv_kw=pv.low if pv and pv.low > limits.ranges["pv"][0] else None,
        heat_most_kw=heat.high if heat and heat.high < limits.ranges["heat"][1] else None,
    )


class Recorder:
    """Makes rows of images: powers as means over the time since the last row, the rest as at its end."""

    def __init__(self, interval_s: float) -> None:
        self.interval_ms = round(interval_s * 1000)
        self._row_at: int | None = None
        self._last_at = 0
        self._sums = [0.0] * len(POWER_COLUMNS)

    def add(self, image: ProcessImage) -> ProcessImage | None:
        """The next row, at the first image in every interval of the clock; None in between."""
        if self._row_at is None:
            self._row_at = self._last_at = image.at
            return None
        span = image.at - self._last_at
        if span <= 0:
            return None
        self._last_at = image.at
        for place, name in enumerate(POWER_COLUMNS):
            self._sums[place] += (getattr(image, name) or 0.0) * span
        if image.at // self.interval_ms == self._row_at // self.interval_ms:
            return None
        total = image.at - self._row_at
        means = {
            name: None if getattr(image, name) is None else round(self._sums[place] / total, 4)
            for place, name in enumerate(POWER_COLUMNS)
        }
        self._row_at = image.at
        self._sums = [0.0] * len(POWER_COLUMNS)
        return structs.replace(image, **means)
