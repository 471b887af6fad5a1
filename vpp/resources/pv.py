"""A photovoltaic plant."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.resources.bounds import require_between
from vpp.resources.horizon import Floats, Horizon, ResourceModel, modeling


@dataclass(frozen=True, slots=True)
class Pv:
    """Peak power [kW] of the inverter's AC side, and whether an order can curtail it."""

    peak_kw: float
    curtailable: bool = False

    def __post_init__(self) -> None:
        require_between("peak_kw", self.peak_kw, low=0.0)

    def output(
        self, horizon: Horizon, available_kw: ArrayLike, *, name: str = "the solar plant"
    ) -> "PvOutput":
        """What it can produce over a horizon, from a forecast (T,) [kW], >= 0, cut off at the inverter's peak."""
        available = horizon.series(f"available_kw of {name}", available_kw, low=0.0)
        return PvOutput(name, horizon, np.minimum(available, self.peak_kw), self.curtailable)


@dataclass(frozen=True, slots=True, eq=False)
class PvOutput:
    """What a plant can produce (T,) [kW], >= 0; a curtailable one anything from 0 up to it."""

    name: str
    horizon: Horizon
    available_kw: Floats
    curtailable: bool

    def __post_init__(self) -> None:
        available = self.horizon.series(f"available_kw of {self.name}", self.available_kw, low=0.0)
        object.__setattr__(self, "available_kw", available)

    def model(self, *, exclusive: bool = False, relax: bool = False) -> ResourceModel:
        """The plant in a cvxpy program: convex, so neither option changes it."""
        cp = modeling()
        available = np.asarray(self.available_kw)
        none = np.zeros_like(available)
        produced = cp.Variable(len(available), bounds=[none, available]) if self.curtailable else available
        return ResourceModel(
            name=self.name,
            power_kw=-produced if self.curtailable else cp.Constant(-available),
            least_kw=-available,
            most_kw=none if self.curtailable else -available,
        )
