"""The fleet's question and its answer."""

import math
from dataclasses import dataclass, field, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vpp.errors import VppError
from vpp.flexibility.envelope import ShedEnvelope

Floats = NDArray[np.float64]
Status = Literal["optimal", "partial", "empty"]


class AllocationError(VppError):
    """A question that makes no sense: target and envelope do not fit, a negative price."""

    code = "invalid_allocation"


@dataclass(frozen=True, slots=True)
class Weights:
    """What a plan is judged by, all in currency per kWh.

    The order of size is the order of priority: a shortfall costs most, then comfort, then wear; `fairness`
    and `surplus` only decide between plans that cost the same. `behind` is what it costs when a home draws
    more than its baseline, beyond the delivery that is lost by it; above `cycle_cost`, so that a home that is
    not needed holds its baseline.
    """

    cycle_cost: float = 0.05
    ev_discomfort: float = 0.15
    heat_discomfort: float = 0.25
    behind: float = 0.10
    fairness: float = 0.002
    surplus: float = 0.01
    shortfall: float = 10.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not (math.isfinite(value) and value >= 0):
                raise AllocationError(f"weight {item.name} is {value!r}, must be finite and at least 0")


@dataclass(frozen=True, slots=True)
class AllocationProblem:
    """Let the homes of `envelope` draw `target_kw` less than their baselines.

    Attributes
    ----------
    target_kw
        (T,) shed asked for [kW], >= 0.
    envelope
        What the homes can give.
    ev_discomfort, heat_discomfort
        (N,) factors [1] on the weights of the same name, where homes differ; None for 1.
    labels
        (T,) what to call the intervals in the explanation, e.g. local times.
    """

    target_kw: Floats
    envelope: ShedEnvelope
    weights: Weights = field(default_factory=Weights)
    ev_discomfort: Floats | None = None
    heat_discomfort: Floats | None = None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        homes, intervals = self.envelope.baseline_kw.shape
        if self.target_kw.shape != (intervals,):
            raise AllocationError(f"{intervals} intervals do not fit targets of shape {self.target_kw.shape}")
        if not (np.isfinite(self.target_kw) & (self.target_kw >= 0)).all():
            raise AllocationError("a target is not a finite number of 0 or more")
        if self.labels and len(self.labels) != intervals:
            raise AllocationError(f"{len(self.labels)} labels do not fit {intervals} intervals")
        for factors in (self.ev_discomfort, self.heat_discomfort):
            if factors is not None and (factors.shape != (homes,) or not (factors >= 0).all()):
                raise AllocationError(f"discomfort needs {homes} factors of 0 or more")


@dataclass(frozen=True, slots=True)
class Cuts:
    """(N, T) what is done at each home [kW], >= 0, and the prices (T,) [currency/kWh] it follows from."""

    discharge_kw: Floats
    ev_kw: Floats
    heat_kw: Floats
    price_per_kwh: Floats
    objective: float | None
    solver: str


@dataclass(frozen=True, slots=True)
class AllocationResult:
    """A plan. Arrays are (N, T) or (T,), over all homes asked about.

    `shed_kw` and `site_kw` (the planned net power) are those of the meter; a home that is not `active` is
    left free and counts with what it does anyway. A home that was left out has NaN in `site_kw` and 0
    elsewhere. `price_per_kwh` is what one more kWh asked for would cost, 0 where no solver said it;
    `objective` is the plan's whole cost by the weights, None likewise.
    """

    shed_kw: Floats
    discharge_kw: Floats
    ev_cut_kw: Floats
    heat_cut_kw: Floats
    site_kw: Floats
    active: NDArray[np.bool_]
    shortfall_kw: Floats
    surplus_kw: Floats
    status: Status
    objective: float | None
    price_per_kwh: Floats
    solver: str
    explanation: tuple[str, ...]
    excluded: tuple[str, ...]
