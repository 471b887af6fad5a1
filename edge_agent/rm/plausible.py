"""Doubts about what a device says: numbers that cannot be, and numbers that do not move."""

import math
from dataclasses import dataclass, fields

from edge_agent.rm.device import Battery, Charger, Generator, Heater, Load, Meter, Program, Shape, Switch
from vpp.energy_manager.reading import Reading

# A device may draw somewhat more than its rating, and a little while it does nothing.
_EXCESS = 1.2
_STANDBY_KW = 0.1
# Energy that must have passed before a register or a state of charge is expected to have moved.
_REGISTER_KWH = 0.2
_SOC_SHARE = 0.04


def rated_range(shape: Shape) -> tuple[float, float]:
    """The powers [kW] a device is built for; endless where nobody knows."""
    match shape:
        case Battery(charge_kw=charge, discharge_kw=discharge):
            return -discharge, charge
        case Generator(peak_kw=peak):
            return -peak, 0.0
        case Charger(charge_kw=rated) | Heater(rated_kw=rated) | Switch(rated_kw=rated):
            return 0.0, rated
        case Program(phases_kw=phases):
            return min(0.0, *phases), max(0.0, *phases)
        case Meter() | Load():
            return -math.inf, math.inf


def flaw_of(reading: Reading, shape: Shape) -> str | None:
    """Why a reading cannot be true, or None."""
    for field in fields(reading):
        value = getattr(reading, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            return f"{field.name} is no number"
    if reading.soc is not None and not 0.0 <= reading.soc <= 1.0:
        return f"a state of charge of {reading.soc:g} cannot be"
    low, high = rated_range(shape)
    power = reading.power_kw
    if power is not None and not low * _EXCESS - _STANDBY_KW <= power <= high * _EXCESS + _STANDBY_KW:
        return f"{power:g} kW is beyond its rating of {low:g} to {high:g} kW"
    return None


@dataclass(slots=True)
class Watch:
    """Notices registers and states of charge that stand still while the power says that energy passes."""

    shape: Shape
    _before: Reading | None = None
    _at_s: float = 0.0
    _drawn_kwh: float = 0.0
    _given_kwh: float = 0.0
    _charged_kwh: float = 0.0

    def stuck(self, reading: Reading, at_s: float) -> str | None:
        """What does not move although it should, or None."""
        before, hours = self._before, max(0.0, at_s - self._at_s) / 3600.0
        self._before, self._at_s = reading, at_s
        if before is None:
            return None
        energy = (reading.power_kw or 0.0) * hours
        self._drawn_kwh = self._count(
            before.import_kwh, reading.import_kwh, so_far=self._drawn_kwh, more=energy
        )
        self._given_kwh = self._count(
            before.export_kwh, reading.export_kwh, so_far=self._given_kwh, more=-energy
        )
        self._charged_kwh = 0.0 if before.soc != reading.soc else self._charged_kwh + energy
        if self._drawn_kwh > _REGISTER_KWH:
            return "its import register stands still while it draws"
        if self._given_kwh > _REGISTER_KWH:
            return "its export register stands still while it generates"
        return self._soc_stuck(reading)

    def _count(self, before: float | None, now: float | None, *, so_far: float, more: float) -> float:
        """Energy that passed since the register moved last; nothing where there is no register."""
        return 0.0 if now is None or before != now else so_far + max(0.0, more)

    def _soc_stuck(self, reading: Reading) -> str | None:
        if not isinstance(self.shape, Battery) or reading.soc is None:
            return None
        # A full battery that balances its cells, and an empty one that feeds itself, stand still rightly.
        if reading.soc in {0.0, 1.0} or abs(self._charged_kwh) <= _SOC_SHARE * self.shape.capacity_kwh:
            return None
        return "its state of charge stands still while it charges or discharges"
