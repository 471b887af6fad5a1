"""Prices over a horizon, as a schedule sees them."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.resources.horizon import Floats
from vpp.scheduling.battery_problem import ScheduleError


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """What import costs and export earns in each step, and what the highest import costs.

    Attributes
    ----------
    buy_per_kwh, sell_per_kwh
        (T,) [currency/kWh]; any sign, and selling may pay more than buying costs.
    demand_per_kw
        Price of the highest mean import of a step [currency/kW], >= 0.
    demand_steps
        (T,) the steps that count for it; None for all.
    demand_already_kw
        The peak there has been already [kW], >= 0; up to it nothing is added.

    Raises
    ------
    ScheduleError
        For NaN, shapes that do not fit, a negative demand price.
    """

    buy_per_kwh: Floats
    sell_per_kwh: Floats
    demand_per_kw: float = 0.0
    demand_steps: NDArray[np.bool_] | None = None
    demand_already_kw: float = 0.0

    def __post_init__(self) -> None:
        for name in ("buy_per_kwh", "sell_per_kwh"):
            try:
                object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
            except (TypeError, ValueError):
                raise ScheduleError(f"{name} is not an array of numbers") from None
        buy, sell = self.buy_per_kwh, self.sell_per_kwh
        if buy.ndim != 1 or buy.shape != sell.shape or not buy.size:
            raise ScheduleError(f"prices of shapes {buy.shape} and {sell.shape} do not fit")
        for name, values in (("buy_per_kwh", buy), ("sell_per_kwh", sell)):
            if not np.isfinite(values).all():
                raise ScheduleError(f"{name} is not a finite number")
        for name in ("demand_per_kw", "demand_already_kw"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ScheduleError(f"{name} is {value}, must be finite and at least 0")
        if self.demand_steps is not None and np.shape(self.demand_steps) != buy.shape:
            raise ScheduleError(
                f"demand_steps of shape {np.shape(self.demand_steps)} do not fit {buy.size} steps"
            )

    @property
    def peak_steps(self) -> NDArray[np.bool_]:
        """(T,) the steps whose import counts for the demand price; none where it is 0."""
        if not self.demand_per_kw:
            return np.zeros(len(self.buy_per_kwh), np.bool_)
        return np.ones(len(self.buy_per_kwh), np.bool_) if self.demand_steps is None else self.demand_steps

    def demand_cost(self, import_kw: Floats) -> float:
        """What imports (T,) [kW] add to the demand charge [currency]."""
        peak = float(import_kw[self.peak_steps].max(initial=self.demand_already_kw))
        return self.demand_per_kw * (peak - self.demand_already_kw)
