"""The fleet's question and its answer."""

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.coupling import Limit
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
    (half of what a kWh costs more where a home gives its whole share) and `surplus` only decide between plans that
    cost about the same. `behind` is what it costs when a home draws
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
    share_weight
        (N,) factors [1] > 0 on a home's fair share, e.g. smaller where it has given often lately; None for 1.
    limits
        What grid areas allow their homes to draw together, planned net power against (T,) bounds [kW].
    zone_of_home
        (N,) zone of each home that the limits name; None where each means all homes.
    """

    target_kw: Floats
    envelope: ShedEnvelope
    weights: Weights = field(default_factory=Weights)
    ev_discomfort: Floats | None = None
    heat_discomfort: Floats | None = None
    labels: tuple[str, ...] = ()
    share_weight: Floats | None = None
    limits: tuple[Limit, ...] = ()
    zone_of_home: NDArray[np.intp] | None = None

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
        weight = self.share_weight
        if weight is not None and (
            weight.shape != (homes,) or not (np.isfinite(weight) & (weight > 0)).all()
        ):
            raise AllocationError(f"share_weight needs {homes} factors of more than 0")
        if self.zone_of_home is not None and self.zone_of_home.shape != (homes,):
            raise AllocationError(f"{homes} homes need a zone each")
        for limit in self.limits:
            if limit.steps != intervals:
                raise AllocationError(f"{limit.name} has {limit.steps} steps, the target {intervals}")

    def homes_of(self, limit: Limit) -> NDArray[np.bool_]:
        """(N,) which homes a limit sums."""
        if limit.zones is None or self.zone_of_home is None:
            return np.ones(len(self.envelope.names), np.bool_)
        return np.isin(self.zone_of_home, limit.zones)

    def select(self, homes: NDArray[np.bool_]) -> "AllocationProblem":
        """The problem of some of the homes, by a mask (N,)."""

        def part(values: Any) -> Any:
            return None if values is None else values[homes]

        return replace(
            self,
            envelope=self.envelope.select(homes),
            ev_discomfort=part(self.ev_discomfort),
            heat_discomfort=part(self.heat_discomfort),
            share_weight=part(self.share_weight),
            zone_of_home=part(self.zone_of_home),
        )


@dataclass(frozen=True, slots=True)
class Cuts:
    """(N, T) what is done at each home [kW], >= 0, and the prices (T,) [currency/kWh] it follows from.

    `gap` [1] is how far the plan's cost is proven to be from the least, None where nothing is; `limit_prices` (M, T)
    are the duals of the limits [currency/kWh], positive where less is drawn for their sake, negative where more.
    """

    discharge_kw: Floats
    ev_kw: Floats
    heat_kw: Floats
    price_per_kwh: Floats
    objective: float | None
    solver: str
    gap: float | None = None
    limit_prices: Floats | None = None


@dataclass(frozen=True, slots=True)
class AllocationResult:
    """A plan. Arrays are (N, T) or (T,), over all homes asked about.

    `shed_kw` and `site_kw` (the planned net power) are those of the meter; a home that is not `active` is
    left free and counts with what it does anyway. A home that was left out has NaN in `site_kw` and 0
    elsewhere. `price_per_kwh` is what one more kWh asked for would cost, 0 where no solver said it;
    `objective` is the plan's whole cost by the weights, None likewise. `gap` and `limit_prices` are those of `Cuts`.
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
    gap: float | None = None
    limit_prices: Floats | None = None
