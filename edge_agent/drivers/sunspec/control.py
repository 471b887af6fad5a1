"""Orders to a unit: which points say them, and how it falls back when nobody renews them.

A way of control (`Control`) writes the fall-back first, then the order, and reads back what was taken.
"""

from dataclasses import dataclass
from typing import Protocol

from edge_agent.drivers.sunspec.unit import Model, Unit
from edge_agent.rm.device import REVERSION_S, DeviceError

_CHARGE_AND_DISCHARGE = 0b11
_GRID_MAY_CHARGE = 1
_WATTS = 1


class Control(Protocol):
    """How a unit is told a power."""

    def has_timer(self) -> bool:
        """Whether the unit falls back by itself."""

    def order(self, power_w: float) -> None:
        """Hold this power [W, load convention]; for an inverter it is the strongest output allowed."""

    def give_back(self) -> None:
        """No order any more."""


def _taken(model: Model, **points: float) -> None:
    """Check that the model says now what was written; a unit without some of the points may leave them out."""
    model.refresh()
    for name, value in points.items():
        said = model[name]
        if said is not None and abs(said - value) > 0.01 * abs(value) + 1.0:
            raise DeviceError(f"did not take {name} = {value:g}, says {said:g}")


def _write(model: Model, **points: float) -> None:
    model.write(**points)
    _taken(model, **points)


@dataclass(frozen=True, slots=True)
class Limit704:
    """Curtailment by model 704, in percent of the greatest power."""

    model: Model
    peak_w: float

    def has_timer(self) -> bool:
        return self.model.has("WMaxLimPctRvrtTms")

    def order(self, power_w: float) -> None:
        _write(
            self.model,
            WMaxLimPctEna=1,
            WMaxLimPct=_share(-power_w, self.peak_w),
            WMaxLimPctRvrt=100.0,
            WMaxLimPctEnaRvrt=0,
            WMaxLimPctRvrtTms=REVERSION_S,
        )

    def give_back(self) -> None:
        _write(self.model, WMaxLimPctEna=0, WMaxLimPct=100.0)


@dataclass(frozen=True, slots=True)
class Limit123:
    """Curtailment by model 123, in percent of the greatest power."""

    model: Model
    peak_w: float

    def has_timer(self) -> bool:
        return self.model.has("WMaxLimPct_RvrtTms")

    def order(self, power_w: float) -> None:
        points = {"WMaxLimPct": _share(-power_w, self.peak_w), "WMaxLim_Ena": 1}
        if self.has_timer():
            points["WMaxLimPct_RvrtTms"] = REVERSION_S
        _write(self.model, **points)

    def give_back(self) -> None:
        _write(self.model, WMaxLimPct=100.0, WMaxLim_Ena=0)


@dataclass(frozen=True, slots=True)
class Set704:
    """A battery's power by model 704, in watts; generation is positive there."""

    model: Model
    charge_w: float
    discharge_w: float

    def has_timer(self) -> bool:
        return self.model.has("WSetRvrtTms")

    def order(self, power_w: float) -> None:
        watts = -min(self.charge_w, max(-self.discharge_w, power_w))
        if self.has_timer():
            _write(self.model, WSetRvrt=0.0, WSetEnaRvrt=0, WSetRvrtTms=REVERSION_S)
        _write(self.model, WSetEna=1, WSetMod=_WATTS, WSet=watts)

    def give_back(self) -> None:
        _write(self.model, WSetEna=0, WSet=0.0)


@dataclass(frozen=True, slots=True)
class Rates124:
    """A battery's power by model 124: the limits of both directions, in percent, meet at the power that is wished.

    A negative discharge limit forces charging, and the other way round.
    """

    model: Model
    charge_w: float
    discharge_w: float

    def has_timer(self) -> bool:
        return self.model.has("InOutWRte_RvrtTms")

    def order(self, power_w: float) -> None:
        points = {"OutWRte": self._out(-power_w), "InWRte": self._in(power_w)}
        if self.has_timer():
            points["InOutWRte_RvrtTms"] = REVERSION_S
        if power_w > 0 and self.model.has("ChaGriSet"):
            points["ChaGriSet"] = _GRID_MAY_CHARGE
        _write(self.model, **points)
        _write(self.model, StorCtl_Mod=_CHARGE_AND_DISCHARGE)

    def _out(self, discharge_w: float) -> float:
        return _signed_share(discharge_w, self.discharge_w)

    def _in(self, charge_w: float) -> float:
        return _signed_share(charge_w, self.charge_w)

    def give_back(self) -> None:
        _write(self.model, StorCtl_Mod=0)
        _write(self.model, OutWRte=100.0, InWRte=100.0)


def _share(power_w: float, whole_w: float) -> float:
    return min(100.0, max(0.0, power_w / whole_w * 100.0))


def _signed_share(power_w: float, whole_w: float) -> float:
    return min(100.0, max(-100.0, power_w / whole_w * 100.0))


def limit_of(unit: Unit, peak_w: float) -> Control | None:
    """How an inverter is curtailed, if it can be."""
    if (model := unit.model(704)) and model.has("WMaxLimPctEna", "WMaxLimPct"):
        return Limit704(model, peak_w)
    if (model := unit.model(123)) and model.has("WMaxLim_Ena", "WMaxLimPct"):
        return Limit123(model, peak_w)
    return None


def setting_of(unit: Unit, charge_w: float, *, discharge_w: float) -> Control | None:
    """How a battery is told its power, if it can be."""
    if (model := unit.model(704)) and model.has("WSetEna", "WSet"):
        return Set704(model, charge_w, discharge_w)
    if (model := unit.model(124)) and model.has("StorCtl_Mod", "OutWRte", "InWRte"):
        return Rates124(model, charge_w, discharge_w)
    return None
