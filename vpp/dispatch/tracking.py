"""Is what was planned being given? Looked at every minute of an event."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.dispatch.problem import Floats
from vpp.errors import VppError

Reason = Literal["homes_lost", "homes_returned", "shortfall"]


class TrackingError(VppError):
    """Readings that do not fit each other, or a rule that makes no sense."""

    code = "invalid_tracking"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One look at the fleet: per home (N,) the delivered power [kW], 0 where not `available`."""

    names: tuple[str, ...]
    delivered_kw: Floats
    available: NDArray[np.bool_]
    silent: tuple[str, ...]

    @property
    def total_kw(self) -> float:
        """Delivered by all together [kW]."""
        return float(self.delivered_kw.sum())


def deliver_now(
    names: Sequence[str],
    *,
    baseline_kw: ArrayLike,
    grid_kw: ArrayLike,
    age_s: ArrayLike,
    opted_out: ArrayLike = False,
    silent_after_s: float = 180.0,
) -> Delivery:
    """Delivered power per home: baseline minus measured net power.

    A home is silent when its latest reading is older than `silent_after_s`, missing, or not a number; it
    counts as delivering nothing, as nothing is known. A home that opted out, or has no baseline, is not
    available either.

    Parameters
    ----------
    names
        N homes.
    baseline_kw, grid_kw
        (N,) baseline now and latest net power [kW], load convention; NaN is missing.
    age_s
        (N,) age of the latest reading [s]; NaN or infinity where there never was one.
    opted_out
        (N,) owner's override.
    silent_after_s
        [s]

    Raises
    ------
    TrackingError
        For arrays of other lengths.
    """
    shape = (len(names),)
    baseline, grid = (np.asarray(values, dtype=np.float64) for values in (baseline_kw, grid_kw))
    age, out = np.asarray(age_s, dtype=np.float64), np.asarray(opted_out, dtype=np.bool_)
    if any(values.shape != shape for values in (baseline, grid, age)) or out.shape not in ((), shape):
        raise TrackingError(f"{len(names)} homes need as many readings")
    silent = ~(np.isfinite(grid) & (age <= silent_after_s))
    available = ~silent & ~out & np.isfinite(baseline)
    return Delivery(
        names=tuple(names),
        delivered_kw=np.where(available, baseline - np.where(available, grid, 0.0), 0.0),
        available=available,
        silent=tuple(name for name, gone in zip(names, silent, strict=True) if gone),
    )


@dataclass(frozen=True, slots=True)
class RedispatchRule:
    """When to plan again.

    A shortfall counts above max(`least_kw` [kW], `fraction` [1] of the target). `patience` looks in a row
    that count make a reason; a look below half the threshold starts the count anew, one in between leaves
    it. `rest` looks after a plan the shortfall is not judged, for hubs need time to follow.
    """

    least_kw: float = 1.0
    fraction: float = 0.05
    patience: int = 3
    rest: int = 2

    def __post_init__(self) -> None:
        if not (self.least_kw >= 0 and self.fraction >= 0 and self.patience >= 1 and self.rest >= 0):
            raise TrackingError(f"{self} makes no sense")


@dataclass(frozen=True, slots=True)
class TrackingState:
    """What has to be remembered from look to look; `planned_with` are the homes the plan counts on."""

    planned_with: frozenset[str]
    short_looks: int = 0
    looks_since_plan: int = 0


def needs_redispatch(
    state: TrackingState, delivery: Delivery, *, target_kw: float, rule: RedispatchRule | None = None
) -> tuple[TrackingState, Reason | None]:
    """Judge one look: is there a reason to plan again, and what to remember.

    Losing homes outranks their return, which outranks a shortfall. With a reason the state is that of a
    fresh plan with the homes available now. Nothing is asked (target 0): no reason.

    Raises
    ------
    TrackingError
        For a target that is negative or not a number.
    """
    if not 0 <= target_kw < float("inf"):
        raise TrackingError(f"a target of {target_kw} kW makes no sense")
    rule = rule or RedispatchRule()
    here = frozenset(name for name, there in zip(delivery.names, delivery.available, strict=True) if there)
    looks = state.looks_since_plan + 1
    short = _count(state, shortfall_kw=target_kw - delivery.total_kw, target_kw=target_kw, rule=rule)
    reason: Reason | None = None
    if target_kw == 0:
        short = 0
    elif state.planned_with - here:
        reason = "homes_lost"
    elif here - state.planned_with:
        reason = "homes_returned"
    elif short >= rule.patience:
        reason = "shortfall"
    if reason is not None:
        return TrackingState(planned_with=here), reason
    return replace(state, short_looks=short, looks_since_plan=looks), None


def _count(state: TrackingState, *, shortfall_kw: float, target_kw: float, rule: RedispatchRule) -> int:
    threshold = max(rule.least_kw, rule.fraction * target_kw)
    if state.looks_since_plan < rule.rest or shortfall_kw < threshold / 2:
        return 0
    return state.short_looks + (shortfall_kw > threshold)


def performance_ratio(delivered_kw: ArrayLike, planned_kw: ArrayLike, *, most: float = 1.2) -> float:
    """Delivered over planned [1] over the latest looks (L,), within [0, `most`]; 1 where nothing was planned.

    Looks with a missing value (NaN) are left out.
    """
    delivered, planned = (np.asarray(values, dtype=np.float64) for values in (delivered_kw, planned_kw))
    if delivered.shape != planned.shape:
        raise TrackingError(f"shapes {delivered.shape} and {planned.shape} do not fit")
    known = np.isfinite(delivered) & np.isfinite(planned)
    asked = float(planned[known].sum())
    return float(np.clip(delivered[known].sum() / asked, 0.0, most)) if asked > 0 else 1.0
