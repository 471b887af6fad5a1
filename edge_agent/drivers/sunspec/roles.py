"""What the models of an inverter, a battery and a meter say, in kW and kWh."""

import time
from dataclasses import dataclass, field

from edge_agent.drivers import numbers
from edge_agent.drivers.sunspec.config import SunSpecConfig
from edge_agent.drivers.sunspec.unit import Model, Unit
from edge_agent.rm.device import DeviceError
from vpp.energy_manager.reading import Reading

INVERTERS = (701, 103, 102, 101)
METERS = (203, 202, 201, 204)
_CONTROLS = (122, 123, 124, 160, 703, 704, 713, 802)
# Power beyond the rating that is still believed: inverters and cells give more for a while.
_OVER = 1.5
_FAULT_STATES = {701: ("InvSt", 6.0), 101: ("St", 7.0), 102: ("St", 7.0), 103: ("St", 7.0)}
_BATTERY_FAULT = 99.0


def needed(role: str) -> tuple[int, ...]:
    """Models that are read each time, for a role."""
    return METERS if role == "meter" else (*INVERTERS, *_CONTROLS)


def first(*values: float | None) -> float | None:
    """The first value that is there."""
    return next((value for value in values if value is not None), None)


def point(unit: Unit, number: int, *names: str) -> float | None:
    """The first implemented of a model's points."""
    model = unit.model(number)
    return None if model is None else first(*(model[name] for name in names))


def positive(value: float | None) -> float | None:
    """A size; nothing is that large as zero."""
    return value if value is not None and value > 0 else None


def peak_w(unit: Unit, config: SunSpecConfig) -> float:
    """The greatest output [W], to which limits in percent refer."""
    told = None if config.rated_kw is None else config.rated_kw * 1000.0
    said = first(positive(point(unit, 702, "WMax", "WMaxRtg")), positive(point(unit, 121, "WMax")))
    found = first(said, positive(point(unit, 120, "WRtg")), told)
    if found is None:
        raise DeviceError(f"{unit.where}: says no rated power; set rated_kw", permanent=True)
    return found


def rates_w(unit: Unit, config: SunSpecConfig) -> tuple[float, float]:
    """The greatest charging and discharging power [W]."""
    charge = first(
        positive(point(unit, 702, "WChaRteMax", "WChaRteMaxRtg")),
        positive(point(unit, 124, "WChaMax")),
        positive(point(unit, 120, "MaxChaRte")),
        positive(point(unit, 802, "WChaRteMax")),
    )
    discharge = first(
        positive(point(unit, 702, "WDisChaRteMax", "WDisChaRteMaxRtg")),
        positive(point(unit, 120, "MaxDisChaRte")),
        positive(point(unit, 802, "WDisChaRteMax")),
        charge,
    )
    told = None if config.rated_kw is None else config.rated_kw * 1000.0
    charge, discharge = first(charge, told), first(discharge, told)
    if charge is None or discharge is None:
        raise DeviceError(f"{unit.where}: says no power of its battery; set rated_kw", permanent=True)
    return charge, discharge


def capacity_kwh(unit: Unit, config: SunSpecConfig) -> float:
    """What the battery holds [kWh]."""
    said = (positive(point(unit, number, "WHRtg")) for number in (713, 802, 120))
    found = first(*said)
    if found is not None:
        return found / 1000.0
    if config.capacity_kwh is None:
        raise DeviceError(f"{unit.where}: says no capacity; set capacity_kwh", permanent=True)
    return config.capacity_kwh


def soc(unit: Unit) -> float | None:
    """The battery's state of charge (0-1)."""
    said = first(point(unit, 713, "SoC"), point(unit, 802, "SoC"), point(unit, 124, "ChaState"))
    return numbers.soc(None if said is None else said / 100.0)


def dc_kw(unit: Unit) -> tuple[float | None, float | None]:
    """DC power [kW] drawn by the panels and by the battery, where the unit tells them apart (model 160).

    Hybrid inverters name the battery's two inputs `StCha` and `StDisCha`.
    """
    model = unit.model(160)
    modules = [] if model is None else model.modules()
    charging = [each["w"] for each in modules if "StCha" in each["name"]]
    discharging = [each["w"] for each in modules if "StDisCha" in each["name"]]
    panels = [each["w"] for each in modules if "StCha" not in each["name"] and "StDisCha" not in each["name"]]
    if not charging or not discharging:
        return None, None
    battery_w = sum(w or 0.0 for w in charging) - sum(w or 0.0 for w in discharging)
    return -sum(w or 0.0 for w in panels) / 1000.0, battery_w / 1000.0


def strings(unit: Unit) -> tuple[tuple[str, float], ...]:
    """What each string of panels gives [kW], by its name or number (model 160); nothing where there is only one."""
    model = unit.model(160)
    modules = [] if model is None else model.modules()
    panels = [
        (each["name"].strip() or str(number), each["w"] / 1000.0)
        for number, each in enumerate(modules, start=1)
        if "StCha" not in each["name"] and "StDisCha" not in each["name"] and each["w"] is not None
    ]
    names = {name for name, _ in panels}
    return tuple(panels) if 1 < len(panels) == len(names) else ()


def faults(unit: Unit) -> tuple[str, ...]:
    """Alarms that are on, by the standard's names."""
    found: list[str] = []
    for numbers_, name in (((701,), "Alrm"), ((101, 102, 103), "Evt1"), ((802,), "Evt1")):
        model = unit.model(*numbers_)
        found += model.flags(name) if model else ()
    if point(unit, 713, "Sta") == 2:
        found.append("STORAGE_ERROR")
    return tuple(found)


def is_ready(unit: Unit, role: str) -> bool:
    """Whether it takes orders now."""
    states = (point(unit, number, name) == fault for number, (name, fault) in _FAULT_STATES.items())
    if any(states) or point(unit, 703, "ES") == 0:
        return False
    if role != "battery":
        return True
    is_local = point(unit, 802, "LocRemCtl") == 1
    is_broken = point(unit, 802, "State") in {_BATTERY_FAULT, 1.0} or point(unit, 713, "Sta") == 2
    return not is_local and not is_broken


def is_on_grid(unit: Unit) -> bool | None:
    """Whether it is connected to the grid, where it says so."""
    connected = point(unit, 701, "ConnSt")
    if connected is not None:
        return connected == 1
    connected = point(unit, 122, "ECPConn")
    return None if connected is None else bool(int(connected) & 1)


def _kwh(model: Model, name: str) -> float | None:
    return numbers.register_kwh(numbers.scaled(model[name], 0.001))


def inverter_reading(unit: Unit, role: str, *, most_w: float) -> Reading:
    """What an inverter or a battery says."""
    model = unit.model(*INVERTERS)
    if model is None:
        raise DeviceError(f"{unit.where}: has no model of {INVERTERS}", permanent=True)
    panels_kw, battery_kw = dc_kw(unit)
    ac_kw = numbers.scaled(model["W"], -0.001)
    power_kw = first(battery_kw if role == "battery" else panels_kw, ac_kw)
    is_der = model is unit.model(701)
    return Reading(
        power_kw=numbers.power_kw(power_kw, _OVER * most_w / 1000.0),
        soc=soc(unit) if role == "battery" else None,
        import_kwh=_kwh(model, "TotWhAbs") if is_der else None,
        export_kwh=_kwh(model, "TotWhInj" if is_der else "WH"),
        voltage_v=numbers.voltage_v(first(model["LNV"], model["VL1"]) if is_der else model["PhVphA"]),
        frequency_hz=numbers.frequency_hz(model["Hz"]),
        temperature_c=numbers.temperature_c(first(model["TmpCab"], model["TmpSnk"], model["TmpAmb"])),
        is_ready=is_ready(unit, role),
        is_on_grid=is_on_grid(unit),
        faults=faults(unit),
        strings=strings(unit) if role == "inverter" else (),
    )


def meter_reading(unit: Unit, config: SunSpecConfig) -> Reading:
    """What the meter at the connection point says; imported power is positive in the standard, too."""
    model = unit.model(*METERS)
    if model is None:
        raise DeviceError(f"{unit.where}: has no model of {METERS}", permanent=True)
    sign = -0.001 if config.is_reversed else 0.001
    imported, exported = _kwh(model, "TotWhImp"), _kwh(model, "TotWhExp")
    return Reading(
        power_kw=numbers.power_kw(numbers.scaled(model["W"], sign), 1000.0),
        import_kwh=exported if config.is_reversed else imported,
        export_kwh=imported if config.is_reversed else exported,
        voltage_v=numbers.voltage_v(first(model["PhV"], model["PhVphA"])),
        frequency_hz=numbers.frequency_hz(model["Hz"]),
        faults=model.flags("Evt"),
    )


@dataclass(slots=True)
class Heartbeats:
    """The battery's counter and ours (model 802)."""

    stuck_after_s: float
    said: float | None = None
    changed_at: float = field(default_factory=time.monotonic)
    own: int = 0

    def beat(self, unit: Unit) -> None:
        """Count on, and check that the battery does."""
        model = unit.model(802)
        if model is None:
            return
        self._check(model["Hb"])
        if model.has("CtrlHb"):
            self.own = (self.own + 1) % 0xFFFF
            model.write(CtrlHb=self.own)

    def _check(self, said: float | None) -> None:
        now = time.monotonic()
        if said != self.said or said is None:
            self.said, self.changed_at = said, now
        elif now - self.changed_at > self.stuck_after_s:
            raise DeviceError(f"its heartbeat stands still at {said:g}")
