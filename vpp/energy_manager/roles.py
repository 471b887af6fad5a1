"""Resources of one role as one: what is described, measured and wished of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from vpp.energy_manager.combine import Wish, exactly
from vpp.energy_manager.member import FAR_KW, Rated, RoleKey
from vpp.energy_manager.process_image import Setpoints
from vpp.energy_manager.reading import Reading
from vpp.energy_manager.share import Part, share
from vpp.energy_manager.units import Unit
from vpp.protocols.link.messages import ResourceDescription

Kind = Literal["battery", "pv", "ev_charger", "heat_pump", "load"]
NAMES: Final[dict[RoleKey, tuple[Kind, str]]] = {
    "pv": ("pv", "PV system"),
    "battery": ("battery", "Home battery"),
    "ev": ("ev_charger", "Car charger"),
    "heat": ("heat_pump", "Heat pump"),
}


def together(given: Sequence[Rated]) -> Rated:
    """What several are built for; efficiencies by capacity."""
    capacity = sum(one.capacity_kwh for one in given)
    weights = [one.capacity_kwh / capacity if capacity else 1.0 / len(given) for one in given]
    return Rated(
        charge_kw=sum(one.charge_kw for one in given),
        discharge_kw=sum(one.discharge_kw for one in given),
        capacity_kwh=capacity,
        charge_efficiency=sum(w * one.charge_efficiency for w, one in zip(weights, given, strict=True)),
        discharge_efficiency=sum(w * one.discharge_efficiency for w, one in zip(weights, given, strict=True)),
    )


def parameters(role: RoleKey, rated: Rated) -> dict[str, float]:
    """What the cloud needs to know to plan a role; nothing of a role that cannot do anything."""
    if role == "battery" and rated.capacity_kwh > 0.0:
        return {
            "capacity_kwh": rated.capacity_kwh,
            "charge_kw": rated.charge_kw,
            "discharge_kw": rated.discharge_kw,
            "charge_efficiency": rated.charge_efficiency,
            "discharge_efficiency": rated.discharge_efficiency,
        }
    if role == "pv" and rated.discharge_kw > 0.0:
        return {"peak_kw": rated.discharge_kw}
    if role == "ev" and rated.charge_kw > 0.0:
        return {"charge_kw": rated.charge_kw, "battery_kwh": rated.capacity_kwh}
    if role == "heat" and rated.charge_kw > 0.0:
        return {"rated_kw": rated.charge_kw, "tank_kwh": rated.capacity_kwh}
    return {}


def describe(role: RoleKey, units: Sequence[Unit], *, now: datetime) -> ResourceDescription | None:
    """A role of this home, or None where it has none."""
    if role not in NAMES or not units:
        return None
    kind, name = NAMES[role]
    given = parameters(role, together([unit.rated(now) for unit in units]))
    shown = units[0].name if len(units) == 1 else f"{name} ({len(units)})"
    return ResourceDescription(role, kind, shown or name, given) if given else None


def power_kw(readings: Sequence[Reading]) -> float | None:
    """The power of all that say one [kW]."""
    said = [one.power_kw for one in readings if one.power_kw is not None]
    return sum(said) if said else None


def soc(units: Sequence[Unit], now: datetime) -> float | None:
    """The state of charge of all, by capacity."""
    found = [
        (reading.soc, unit.rated(now).capacity_kwh or 1e-3)
        for unit in units
        if (reading := unit.reading(now)) is not None and reading.soc is not None
    ]
    total = sum(kwh for _, kwh in found)
    return sum(soc * kwh for soc, kwh in found) / total if found else None


def wishes(
    role: RoleKey, setpoints: Setpoints, *, units: Sequence[Unit], now: datetime
) -> dict[str, Wish | None]:
    """What every resource of a role is to do; None: as it likes."""
    pinned, cap, floor = _asked(role, setpoints)
    if pinned is not None:
        shares = share(pinned, [_part(unit, now, charging=pinned >= 0.0) for unit in units])
        return {unit.key: exactly(kw) for unit, kw in zip(units, shares, strict=True)}
    if cap is not None:
        shares = share(cap, [_room(unit, now) for unit in units])
        return {
            unit.key: Wish(low_kw=-FAR_KW, high_kw=kw, prefer_kw=_liking(unit, role, now=now))
            for unit, kw in zip(units, shares, strict=True)
        }
    if floor is not None:
        shares = share(floor, [_sun(unit, now) for unit in units])
        return {
            unit.key: Wish(low_kw=kw, high_kw=FAR_KW, prefer_kw=-FAR_KW)
            for unit, kw in zip(units, shares, strict=True)
        }
    return {unit.key: None for unit in units}


def _asked(role: RoleKey, given: Setpoints) -> tuple[float | None, float | None, float | None]:
    """Power to hold, highest power and strongest generation [kW] that a role is told."""
    match role:
        case "battery":
            return given.battery_kw, None, None
        case "heat":
            return given.heat_kw, given.heat_most_kw, None
        case "ev":
            return None, given.ev_kw, None
        case "pv":
            return None, None, given.pv_kw
        case _:
            return None, None, None


def _part(unit: Unit, now: datetime, *, charging: bool) -> Part:
    """What a store can take now, weighed by the room or the energy left in it."""
    able = unit.member.ability(now) if unit.member else None
    if able is None or not able.is_controllable:
        return Part(0.0, 0.0, 0.0)
    reading = unit.reading(now)
    level = reading.soc if reading is not None and reading.soc is not None else 0.5
    size = unit.rated(now).capacity_kwh or 1.0
    return Part(able.low_kw, able.high_kw, size * ((1.0 - level) if charging else level))


def _room(unit: Unit, now: datetime) -> Part:
    """What a consumer may be allowed; those with nothing to charge leave theirs to the others."""
    rated = unit.rated(now).charge_kw
    reading = unit.reading(now)
    wants = reading is not None and reading.is_ready
    return Part(0.0, max(rated, 0.0), rated if wants else 0.0)


def _sun(unit: Unit, now: datetime) -> Part:
    peak = unit.rated(now).discharge_kw
    return Part(-peak, 0.0, peak)


def _liking(unit: Unit, role: RoleKey, *, now: datetime) -> float:
    """What a consumer would draw [kW] if only its limit counted: heat by how empty its tank is."""
    reading = unit.reading(now)
    if role != "heat" or reading is None or reading.soc is None:
        return FAR_KW
    return unit.rated(now).charge_kw * min(max((0.8 - reading.soc) / 0.3, 0.0), 1.0)
