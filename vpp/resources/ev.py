"""A car at its charger.

Modes: V1G only charges; V1H also gives to the house, never beyond what the house draws; V2G may give to the grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from vpp.resources.bounds import ResourceError, require_between
from vpp.resources.horizon import Floats, Horizon
from vpp.resources.store import Gauge, Store, constant

Mode = Literal["V1G", "V1H", "V2G"]


@dataclass(frozen=True, slots=True)
class Ev:
    """Charging between `min_kw` and `max_kw` [kW]; `interruptible` chargers may also stop.

    `capacity_kwh` [kWh], one-way efficiencies [1], `discharge_kw` [kW] and `cycle_cost_per_kwh` [currency per AC kWh
    discharged] are needed where a car's energy is planned; `mode` says in which direction.
    """

    max_kw: float
    min_kw: float = 0.0
    interruptible: bool = True
    mode: Mode = "V1G"
    capacity_kwh: float | None = None
    discharge_kw: float = 0.0
    charge_efficiency: float = 0.9
    discharge_efficiency: float = 0.9
    cycle_cost_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        for name in ("max_kw", "min_kw", "discharge_kw", "cycle_cost_per_kwh"):
            require_between(name, getattr(self, name), low=0.0)
        if self.min_kw > self.max_kw:
            raise ResourceError(f"min_kw {self.min_kw:g} is above max_kw {self.max_kw:g}")
        for name in ("charge_efficiency", "discharge_efficiency"):
            require_between(name, getattr(self, name), low=0.0, high=1.0, low_included=False)
        if self.capacity_kwh is not None:
            require_between("capacity_kwh", self.capacity_kwh, low=0.0, low_included=False)
        if self.mode not in ("V1G", "V1H", "V2G"):
            raise ResourceError(f"mode is {self.mode!r}, must be V1G, V1H or V2G")

    @property
    def floor_kw(self) -> float:
        """The least power [kW] an order can bring charging down to."""
        return 0.0 if self.interruptible else self.min_kw

    def store(
        self,
        horizon: Horizon,
        *,
        start_kwh: float,
        stays: Sequence["Stay"],
        house_kw: ArrayLike | None = None,
        name: str = "the car",
    ) -> Store:
        """The car's battery over a horizon.

        A need that is due after the horizon's end asks, at the end, for what cannot be charged afterwards any more.
        A charger that is not interruptible charges with at least `min_kw` in one block from the arrival on.

        Parameters
        ----------
        start_kwh
            In the car's battery at the beginning [kWh].
        stays
            When it is at the charger, in order.
        house_kw
            (T,) forecast net draw of the house [kW], needed by V1H: it gives no more than the positive part.

        Raises
        ------
        ResourceError
            For a car without a capacity, stays that overlap, a need beyond the capacity, NaN.
        """
        if self.capacity_kwh is None:
            raise ResourceError(f"capacity_kwh of {name} is not known, so its energy cannot be planned")
        require_between(f"start_kwh of {name}", start_kwh, low=0.0, high=self.capacity_kwh)
        if any(stay.arrives < before.departs for before, stay in pairwise(stays)):
            raise ResourceError(f"stays of {name} overlap")
        here, least, drain = (constant(horizon, 0.0) for _ in range(3))
        for stay in stays:
            require_between(f"ready_kwh of {name}", stay.ready_kwh, low=0.0, high=self.capacity_kwh)
            here[max(0, stay.arrives) : max(0, stay.departs)] = 1.0
            self._ask(stay, least=least, drain=drain, step_h=horizon.step_h)
        return Store(
            name=name,
            horizon=horizon,
            start_kwh=float(start_kwh),
            least_kwh=least,
            most_kwh=constant(horizon, self.capacity_kwh),
            charge_kw=self.max_kw * here,
            discharge_kw=here * self._discharge_kw(horizon, house_kw=house_kw, name=name),
            charge_efficiency=constant(horizon, self.charge_efficiency),
            drain_kwh=drain,
            discharge_efficiency=self.discharge_efficiency,
            wear_per_kwh=self.cycle_cost_per_kwh,
            min_charge_kw=self.min_kw,
            uninterrupted=not self.interruptible and self.min_kw > 0,
            gauge=Gauge(verb="have"),
        )

    def _ask(self, stay: "Stay", *, least: Floats, drain: Floats, step_h: float) -> None:
        steps = len(least)
        if 1 <= stay.departs <= steps:
            least[stay.departs - 1] = stay.ready_kwh
        if 0 <= stay.departs < steps:
            drain[stay.departs] += stay.trip_kwh
        if stay.departs > steps:
            later = self.max_kw * self.charge_efficiency * step_h * (stay.departs - max(steps, stay.arrives))
            least[-1] = max(0.0, stay.ready_kwh - later) if stay.arrives < steps else least[-1]

    def _discharge_kw(self, horizon: Horizon, *, house_kw: ArrayLike | None, name: str) -> Floats:
        if self.mode == "V1G":
            return constant(horizon, 0.0)
        if self.mode == "V2G":
            return constant(horizon, self.discharge_kw)
        if house_kw is None:
            raise ResourceError(f"{name} gives to the house only (V1H): house_kw is needed")
        return np.clip(horizon.series("house_kw", house_kw), 0.0, self.discharge_kw)


@dataclass(frozen=True, slots=True)
class Stay:
    """A car's stay at the charger from the boundary `arrives` to `departs` [steps from the start].

    `ready_kwh` is what its battery has to hold when it departs, `trip_kwh` what the trip takes out of it afterwards
    [kWh]. A car that is there at the beginning has arrived at 0 or before.
    """

    arrives: int
    departs: int
    ready_kwh: float = 0.0
    trip_kwh: float = 0.0

    def __post_init__(self) -> None:
        if self.departs <= self.arrives:
            raise ResourceError(f"a car that arrives at {self.arrives} cannot depart at {self.departs}")
        require_between("ready_kwh", self.ready_kwh, low=0.0)
        require_between("trip_kwh", self.trip_kwh, low=0.0)
