"""Consumption that nobody controls."""

from dataclasses import dataclass

import numpy as np

from vpp.resources.horizon import Floats, Horizon, ResourceModel, modeling


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """Forecast power (T,) [kW], load convention; negative where it stands for a net load with production.

    Raises
    ------
    ResourceError
        For NaN and shapes that do not fit.
    """

    name: str
    horizon: Horizon
    power_kw: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "power_kw", self.horizon.series(f"power_kw of {self.name}", self.power_kw))

    def model(self, *, exclusive: bool = False, relax: bool = False) -> ResourceModel:
        """Constants in a cvxpy program; there is nothing to choose, so neither option changes it."""
        cp = modeling()
        power = np.asarray(self.power_kw)
        return ResourceModel(name=self.name, power_kw=cp.Constant(power), least_kw=power, most_kw=power)
