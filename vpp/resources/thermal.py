"""Heat (or cold) that is made with electricity and kept in a building or a tank.

A building is one node of heat capacity C [kWh/K] that loses U [kW/K] to the outside, with its electric power p and
gains g constant within a step h (an RC model, exactly discretized; see Hao, Sanandaji, Poolla, Vincent, "Aggregate
Flexibility of Thermostatically Controlled Loads", IEEE Trans. Power Systems 30(1), 2015, for loads seen as batteries):

    T_t = a T_{t-1} + (1 - a) (outdoor_t + (COP_t p_t + g_t) / U),   a = exp(-h U / C)

As a store: s = C (T - T_ref) for heating, C (T_ref - T) for cooling.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.resources.bounds import ResourceError, require_between
from vpp.resources.horizon import Horizon
from vpp.resources.store import Gauge, Store, constant


@dataclass(frozen=True, slots=True)
class Building:
    """Heat capacity [kWh/K], heat loss [kW/K], greatest electric power [kW] of its heater, heat pump or cooler.

    `min_kw` [kW] is the least power it runs with; equal to `max_kw` it is switched on and off.
    """

    capacity_kwh_per_k: float
    loss_kw_per_k: float
    max_kw: float
    min_kw: float = 0.0
    cooling: bool = False

    def __post_init__(self) -> None:
        for name in ("capacity_kwh_per_k", "loss_kw_per_k"):
            require_between(name, getattr(self, name), low=0.0, low_included=False)
        for name in ("max_kw", "min_kw"):
            require_between(name, getattr(self, name), low=0.0)
        if self.min_kw > self.max_kw:
            raise ResourceError(f"min_kw {self.min_kw:g} is above max_kw {self.max_kw:g}")

    def store(
        self,
        horizon: Horizon,
        *,
        start_c: float,
        outdoor_c: ArrayLike,
        low_c: ArrayLike,
        high_c: ArrayLike,
        cop: ArrayLike = 1.0,
        gains_kw: ArrayLike = 0.0,
        name: str = "the heating",
    ) -> Store:
        """The building over a horizon, held within its comfort band at the end of each step.

        Parameters
        ----------
        start_c
            Indoor temperature at the beginning [deg C].
        outdoor_c, low_c, high_c
            Scalar or (T,): outside, and the comfort band [deg C].
        cop
            Scalar or (T,) heat moved per electric energy [1], > 0.
        gains_kw
            Scalar or (T,) heat from sun and people [kW].

        Raises
        ------
        ResourceError
            For NaN, a reversed comfort band, a `cop` that is not above 0.
        """
        low, high = horizon.series("low_c", low_c), horizon.series("high_c", high_c)
        outdoor, gains = horizon.series("outdoor_c", outdoor_c), horizon.series("gains_kw", gains_kw)
        require_between("start_c", start_c, low=-273.15)
        if (low > high).any():
            raise ResourceError(f"low_c of {name} is above high_c")
        sign = -1.0 if self.cooling else 1.0
        inner, outer = (high, low) if self.cooling else (low, high)
        # The store is empty at the less comfortable end, or where it starts if that is beyond.
        reference = sign * min(float((sign * inner).min()), sign * start_c)
        capacity, retention = self.capacity_kwh_per_k, self._retention(horizon)
        kept = (1.0 - retention) * capacity / self.loss_kw_per_k
        return Store(
            name=name,
            horizon=horizon,
            start_kwh=capacity * sign * (start_c - reference),
            least_kwh=np.maximum(0.0, capacity * sign * (inner - reference)),
            most_kwh=np.maximum(0.0, capacity * sign * (outer - reference)),
            charge_kw=constant(horizon, self.max_kw),
            discharge_kw=constant(horizon, 0.0),
            charge_efficiency=horizon.series("cop", cop) * kept / horizon.step_h,
            drain_kwh=-sign * ((1.0 - retention) * capacity * (outdoor - reference) + kept * gains),
            retention=retention,
            min_charge_kw=self.min_kw,
            gauge=Gauge(verb="be at", unit="°C", scale=sign / capacity, offset=reference),
        )

    def _retention(self, horizon: Horizon) -> float:
        return math.exp(-horizon.step_h * self.loss_kw_per_k / self.capacity_kwh_per_k)


@dataclass(frozen=True, slots=True)
class Tank:
    """A heat pump or heater with a store: usable heat [kWh], its loss in an hour [1/h], electric powers [kW]."""

    capacity_kwh: float
    max_kw: float
    min_kw: float = 0.0
    loss_per_h: float = 0.0

    def __post_init__(self) -> None:
        require_between("capacity_kwh", self.capacity_kwh, low=0.0, low_included=False)
        require_between("loss_per_h", self.loss_per_h, low=0.0, high=0.99)
        for name in ("max_kw", "min_kw"):
            require_between(name, getattr(self, name), low=0.0)
        if self.min_kw > self.max_kw:
            raise ResourceError(f"min_kw {self.min_kw:g} is above max_kw {self.max_kw:g}")

    def store(
        self,
        horizon: Horizon,
        *,
        start_kwh: float,
        demand_kw: ArrayLike,
        cop: ArrayLike = 1.0,
        end_kwh: float | None = None,
        name: str = "the heat pump",
    ) -> Store:
        """The tank over a horizon, from which a demand is met in every step.

        Parameters
        ----------
        start_kwh
            Usable heat at the beginning [kWh].
        demand_kw
            Scalar or (T,) heat taken out [kW], >= 0.
        cop
            Scalar or (T,) heat per electric energy [1], > 0.
        end_kwh
            Least at the end [kWh]; None asks for nothing.

        Raises
        ------
        ResourceError
            For NaN, negative demand, energies beyond the tank, a `cop` that is not above 0.
        """
        require_between(f"start_kwh of {name}", start_kwh, low=0.0, high=self.capacity_kwh)
        least = constant(horizon, 0.0)
        if end_kwh is not None:
            require_between(f"end_kwh of {name}", end_kwh, low=0.0, high=self.capacity_kwh)
            least[-1] = end_kwh
        return Store(
            name=name,
            horizon=horizon,
            start_kwh=float(start_kwh),
            least_kwh=least,
            most_kwh=constant(horizon, self.capacity_kwh),
            charge_kw=constant(horizon, self.max_kw),
            discharge_kw=constant(horizon, 0.0),
            charge_efficiency=horizon.series("cop", cop),
            drain_kwh=horizon.series("demand_kw", demand_kw, low=0.0) * horizon.step_h,
            retention=(1.0 - self.loss_per_h) ** horizon.step_h,
            min_charge_kw=self.min_kw,
            gauge=Gauge(verb="keep", unit="kWh of heat"),
        )
