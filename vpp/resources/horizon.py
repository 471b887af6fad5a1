"""The steps a resource is planned over, and what it brings into a home's program."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.intervals import Grid
from vpp.resources.bounds import ResourceError, require_between

Floats = NDArray[np.float64]


class ImpossibleNeedError(ResourceError):
    """A need that the resource cannot meet, whatever the prices; names the resource and the constraint."""

    code = "impossible_need"


@dataclass(frozen=True, slots=True)
class Horizon:
    """`steps` steps of `step_h` [h] each. With a start and a zone, sentences show the local time of a boundary."""

    steps: int
    step_h: float
    starts_at: datetime | None = None
    zone: ZoneInfo | None = None

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise ResourceError(f"steps is {self.steps!r}, must be a whole number of at least 1")
        require_between("step_h", self.step_h, low=0.0, low_included=False)
        if self.starts_at is not None and self.starts_at.tzinfo is None:
            raise ResourceError("a horizon needs a start with a time zone")

    @classmethod
    def of(cls, grid: Grid, zone: ZoneInfo | None = None) -> "Horizon":
        """The intervals of `grid`: 92, 96 or 100 quarter-hours on a day that clocks change or not."""
        return cls(grid.count, grid.hours, grid.starts_at, zone)

    def boundary(self, at: datetime, *, late: bool = False) -> int:
        """Whole steps from the start to `at`, rounded down, or up if `late`; below 0 or above `steps` when outside."""
        if self.starts_at is None or at.tzinfo is None:
            raise ResourceError(
                "an instant is a boundary only of a horizon with a start, and needs a time zone"
            )
        passed = (at - self.starts_at) / timedelta(hours=self.step_h)
        return math.ceil(passed - 1e-9) if late else math.floor(passed + 1e-9)

    def label(self, boundary: int) -> str:
        """How a sentence names the instant after `boundary` steps: 07:00, Tue 07:00, or step 28."""
        if self.starts_at is None or self.zone is None:
            return f"step {boundary}"
        local = (self.starts_at + timedelta(hours=self.step_h * boundary)).astimezone(self.zone)
        return f"{local:%H:%M}" if self.steps * self.step_h <= 25 else f"{local:%a %H:%M}"

    def series(self, name: str, value: ArrayLike, *, low: float = -math.inf) -> Floats:
        """One number, or one for each step, as (T,); refused by name where not finite or below `low`."""
        try:
            given = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise ResourceError(f"{name} is not an array of numbers") from None
        if given.ndim and given.shape != (self.steps,):
            raise ResourceError(f"{name} of shape {given.shape} does not fit {self.steps} steps")
        if not np.isfinite(given).all():
            raise ResourceError(f"{name} is not a finite number")
        if (given < low).any():
            raise ResourceError(f"{name} is {given.min():g}, must be at least {low:g}")
        return np.array(np.broadcast_to(given, (self.steps,)))


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a resource must reach and may fail to: `short` (T,) must not be above 0.

    `sentence` says for a step and how far `short` is above 0 there what cannot be had.
    """

    short: Any
    sentence: Callable[[int, float], str]


@dataclass(frozen=True, slots=True)
class ResourceModel:
    """A resource in a cvxpy program over T steps.

    Attributes
    ----------
    name
        Of the resource.
    power_kw
        Expression (T,) of the power drawn [kW], load convention.
    least_kw, most_kw
        (T,) bounds of that power [kW].
    cost
        Scalar expression of what use costs beside energy [currency].
    constraints
        What always holds; together with 0 requirements it has a solution.
    requirements
        What may turn out to be impossible.
    integers
        Number of integer variables; 0 where the model is convex.
    relaxed
        What the convex form lets through that the resource cannot do; empty where it is exact.
    both_ways
        Charge and discharge of a store that has both, in that order.
    details
        Further expressions by name, such as `stored_kwh`.
    """

    name: str
    power_kw: Any
    least_kw: Floats
    most_kw: Floats
    cost: Any = 0.0
    constraints: list[Any] = field(default_factory=list)
    requirements: tuple[Requirement, ...] = ()
    integers: int = 0
    relaxed: str = ""
    both_ways: tuple[Any, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


def modeling() -> Any:
    """cvxpy, imported where it is used: it takes a second, and its types do not know its own functions."""
    import cvxpy

    return cvxpy


def switch(count: int, *, relax: bool) -> Any:
    """A cvxpy variable of `count` switches: 0 or 1, or anything between where relaxed."""
    cp = modeling()
    return cp.Variable(count, bounds=[0.0, 1.0]) if relax else cp.Variable(count, boolean=True)
