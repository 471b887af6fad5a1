"""What may not be overruled: the devices' own limits, the backup reserve, the grid connection.

`Allowed` is the range left to whoever comes next. It only ever gets narrower: asking for something outside
of it gives the nearest end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from vpp.energy_manager.grid_limits import GridLimits
from vpp.energy_manager.process_image import ProcessImage, Setpoints
from vpp.protocols.link.messages import ResourceDescription
from vpp.units import clamp

_FULL_SOC = 0.9995
CONTROLLABLE = ("pv", "battery", "ev", "heat")


@dataclass(slots=True)
class Range:
    """The powers [kW] still allowed to a resource, and who narrowed it last, and why."""

    low: float
    high: float
    by: str = "device"
    reason: str = "rated power"

    @property
    def pinned(self) -> bool:
        """Whether there is nothing left to decide."""
        return self.low == self.high


@dataclass(slots=True)
class DeviceLimits:
    """Rated powers [kW], in load convention, and what the battery needs to protect its reserve."""

    ranges: dict[str, tuple[float, float]]
    battery_kwh: float = 0.0
    discharge_efficiency: float = 1.0
    reserve_soc: float = 0.0


def adopt(limits: DeviceLimits, other: DeviceLimits) -> None:
    """Turn limits into others in place: every controller that holds them sees devices come and grow."""
    limits.ranges.clear()
    limits.ranges.update(other.ranges)
    limits.battery_kwh, limits.discharge_efficiency = other.battery_kwh, other.discharge_efficiency
    limits.reserve_soc = other.reserve_soc


def device_limits(resources: Iterable[ResourceDescription], *, reserve_soc: float) -> DeviceLimits:
    """The limits that a driver's description of its resources implies."""
    ranges: dict[str, tuple[float, float]] = {}
    battery_kwh, efficiency = 0.0, 1.0
    for resource in resources:
        given = resource.parameters
        if resource.kind == "battery":
            ranges[resource.key] = (-given["discharge_kw"], given["charge_kw"])
            battery_kwh, efficiency = given["capacity_kwh"], given["discharge_efficiency"]
        elif resource.kind == "pv":
            ranges[resource.key] = (-given["peak_kw"], 0.0)
        elif resource.kind == "ev_charger":
            ranges[resource.key] = (0.0, given["charge_kw"])
        elif resource.kind == "heat_pump":
            ranges[resource.key] = (0.0, given["rated_kw"])
    return DeviceLimits(ranges, battery_kwh, efficiency, reserve_soc)


@dataclass(slots=True)
class Allowed:
    """One cycle's ranges by resource key."""

    ranges: dict[str, Range] = field(default_factory=dict)

    def narrow(self, key: str, bounds: tuple[float, float], *, by: str, reason: str) -> None:
        """Leave of a range what lies within `bounds`; the nearest end where they do not meet."""
        allowed = self.ranges.get(key)
        if allowed is None:
            return
        low, high = bounds
        new_low = clamp(low, low=allowed.low, high=allowed.high)
        new_high = clamp(high, low=allowed.low, high=allowed.high)
        new_high = max(new_high, new_low)
        if (new_low, new_high) != (allowed.low, allowed.high):
            self.ranges[key] = Range(new_low, new_high, by, reason)

    def want(self, key: str, kw: float, *, by: str, reason: str) -> None:
        """Pin a resource to the allowed power nearest to `kw`; the reason tells what held the wish back."""
        allowed = self.ranges.get(key)
        if allowed is not None and not allowed.low <= kw <= allowed.high:
            reason = f"{reason}; held back by {allowed.by}: {allowed.reason}"
        self.narrow(key, (kw, kw), by=by, reason=reason)

    def undecided(self, key: str) -> bool:
        """Whether the resource exists and is not pinned yet."""
        allowed = self.ranges.get(key)
        return allowed is not None and not allowed.pinned


def device_ranges(limits: DeviceLimits) -> Allowed:
    """Where every cycle starts."""
    return Allowed({key: Range(low, high) for key, (low, high) in limits.ranges.items()})


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


def reserve_discharge_kw(limits: DeviceLimits, soc: float, *, hours: float) -> float:
    """The discharging power [kW] that ends above the backup reserve after `hours` [h]."""
    above_kwh = max(0.0, soc - limits.reserve_soc) * limits.battery_kwh
    return above_kwh * limits.discharge_efficiency / hours


def protect_battery(
    image: ProcessImage, allowed: Allowed, *, limits: DeviceLimits, hours: float, least_soc: float = 0.0
) -> None:
    """Keep the backup reserve; without a grid it is there to be used, down to `least_soc`."""
    if image.battery_soc is None:
        return
    kept = limits if image.on_grid else replace(limits, reserve_soc=min(least_soc, limits.reserve_soc))
    most_kw = reserve_discharge_kw(kept, image.battery_soc, hours=hours)
    reason = (
        f"backup reserve {kept.reserve_soc:.0%}"
        if image.on_grid
        else f"no grid: {kept.reserve_soc:.0%} is left"
    )
    allowed.narrow("battery", (-most_kw, float("inf")), by="safety", reason=reason)


def protect_grid(
    image: ProcessImage, allowed: Allowed, *, grid: GridLimits, by: str = "grid_limit", why: str = ""
) -> None:
    """Keep the grid connection within its limits: battery first, then the car, the heat pump, and PV last."""
    battery = allowed.ranges.get("battery")
    residual_kw = image.residual_kw
    into, out = f"grid connection {grid.import_kw:g} kW in", f"grid connection {grid.export_kw:g} kW out"
    if battery:
        allowed.narrow(
            "battery",
            (-grid.export_kw - residual_kw, grid.import_kw - residual_kw),
            by=by,
            reason=why or f"{into}, {grid.export_kw:g} kW out",
        )
        battery = allowed.ranges["battery"]
    left_kw = grid.import_kw - residual_kw - (battery.low if battery else 0.0)
    ev_kw, heat_kw = image.ev_kw or 0.0, image.heat_kw or 0.0
    allowed.narrow("ev", (0.0, max(0.0, left_kw + ev_kw)), by=by, reason=why or into)
    # The car has given way by then, so the heat pump may have what the car draws now.
    allowed.narrow("heat", (0.0, max(0.0, left_kw + ev_kw + heat_kw)), by=by, reason=why or into)
    takes_kw = residual_kw - (image.pv_kw or 0.0) + (_most_kw(battery, image) if battery else 0.0)
    allowed.narrow("pv", (-grid.export_kw - takes_kw, 0.0), by=by, reason=why or out)


def _most_kw(battery: Range, image: ProcessImage) -> float:
    """What the battery can take at most: a full one takes nothing, whatever its rating."""
    full = image.battery_soc is not None and image.battery_soc >= _FULL_SOC
    return min(battery.high, 0.0) if full else battery.high
