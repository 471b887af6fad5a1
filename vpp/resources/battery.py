"""A battery with losses in both directions, leakage, a price of use and a reserve the owner keeps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.resources.bounds import require_between
from vpp.resources.horizon import Horizon
from vpp.resources.store import Store, constant


@dataclass(frozen=True, slots=True)
class Battery:
    """Capacity [kWh], greatest AC powers [kW], one-way efficiencies [1] and the reserve [SoC, 0-1].

    `leakage_per_h` is the share of the stored energy lost in an hour [1/h], `cycle_cost_per_kwh` what use costs on
    each AC kWh discharged [currency/kWh].
    """

    capacity_kwh: float
    charge_kw: float
    discharge_kw: float
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.95
    reserve_soc: float = 0.1
    leakage_per_h: float = 0.0
    cycle_cost_per_kwh: float = 0.0

    def __post_init__(self) -> None:
        require_between("capacity_kwh", self.capacity_kwh, low=0.0, low_included=False)
        require_between("charge_kw", self.charge_kw, low=0.0)
        require_between("discharge_kw", self.discharge_kw, low=0.0)
        require_between("charge_efficiency", self.charge_efficiency, low=0.0, high=1.0, low_included=False)
        require_between(
            "discharge_efficiency", self.discharge_efficiency, low=0.0, high=1.0, low_included=False
        )
        require_between("reserve_soc", self.reserve_soc, low=0.0, high=1.0)
        require_between("leakage_per_h", self.leakage_per_h, low=0.0, high=0.99)
        require_between("cycle_cost_per_kwh", self.cycle_cost_per_kwh, low=0.0)

    def deliverable_kwh(self, soc: float) -> float:
        """Energy [kWh] it can give to the house from `soc` [0-1] down to the reserve, after losses."""
        require_between("soc", soc, low=0.0, high=1.0)
        return max(0.0, soc - self.reserve_soc) * self.capacity_kwh * self.discharge_efficiency

    def absorbable_kwh(self, soc: float) -> float:
        """Energy [kWh] it can take from the house until it is full, before losses."""
        require_between("soc", soc, low=0.0, high=1.0)
        return (1.0 - soc) * self.capacity_kwh / self.charge_efficiency

    def store(
        self,
        horizon: Horizon,
        *,
        soc: float,
        reserve_soc: ArrayLike | None = None,
        end_soc: float | None = None,
        name: str = "the battery",
    ) -> Store:
        """The battery over a horizon.

        A battery that starts below its reserve is not discharged, and has to reach the reserve by the end as far as
        its own power allows.

        Parameters
        ----------
        soc
            At the beginning [0-1].
        reserve_soc
            One number or (T,) for the end of each step [0-1]; None for the battery's own.
        end_soc
            Least at the end [0-1]; None asks for what it began with, as far as leakage allows.

        Raises
        ------
        ResourceError
            For shares beyond 0 to 1, NaN and shapes that do not fit.
        """
        require_between("soc", soc, low=0.0, high=1.0)
        reserve = horizon.series(
            "reserve_soc", self.reserve_soc if reserve_soc is None else reserve_soc, low=0.0
        )
        require_between("reserve_soc", float(reserve.max()), low=0.0, high=1.0)
        start, retention = soc * self.capacity_kwh, (1.0 - self.leakage_per_h) ** horizon.step_h
        left = retention ** np.arange(1, horizon.steps + 1)
        least = reserve * self.capacity_kwh
        into = self.charge_efficiency * self.charge_kw * horizon.step_h
        reachable = float(start * left[-1] + into * (retention ** np.arange(horizon.steps)).sum())
        if start * retention < least[0]:
            least = np.minimum(least, start * left)
            least[-1] = min(reserve[-1] * self.capacity_kwh, reachable)
        if end_soc is None:
            least[-1] = max(least[-1], min(start, reachable))
        else:
            require_between("end_soc", end_soc, low=0.0, high=1.0)
            least[-1] = max(least[-1], end_soc * self.capacity_kwh)
        return Store(
            name=name,
            horizon=horizon,
            start_kwh=start,
            least_kwh=least,
            most_kwh=constant(horizon, self.capacity_kwh),
            charge_kw=constant(horizon, self.charge_kw),
            discharge_kw=constant(horizon, self.discharge_kw),
            charge_efficiency=constant(horizon, self.charge_efficiency),
            drain_kwh=constant(horizon, 0.0),
            discharge_efficiency=self.discharge_efficiency,
            retention=retention,
            wear_per_kwh=self.cycle_cost_per_kwh,
        )
