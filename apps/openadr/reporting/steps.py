"""From steps of equal length to the periods of a report."""

import dataclasses
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from vpp.protocols.openadr3.reporting import QUARTER, ReportInterval, ReportRequestError

Floats = NDArray[np.float64]
MOST_STEPS = 100_000
FINEST_S = 60
COARSEST_S = 300


@dataclasses.dataclass(frozen=True)
class Steps:
    """`count` steps of `step_s` [s] from `starts_at`."""

    starts_at: datetime
    step_s: int
    count: int

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=self.step_s)

    @property
    def is_quarters(self) -> bool:
        return self.step == QUARTER and not self.starts_at.timestamp() % self.step_s


def quarters_over(intervals: Sequence[ReportInterval]) -> Steps:
    """Return the clock's quarter-hours that the intervals touch."""
    step_s = int(QUARTER.total_seconds())
    first, last = _ends(intervals)
    begin, end = math.floor(first.timestamp() / step_s), math.ceil(last.timestamp() / step_s)
    return _checked(Steps(datetime.fromtimestamp(begin * step_s, tz=first.tzinfo), step_s, end - begin))


def steps_over(intervals: Sequence[ReportInterval]) -> Steps:
    """Return quarter-hours where all intervals keep to them, else finer steps from the first start on.

    An interval that keeps to no minute is told by the minutes that it mostly covers.
    """
    quarters = quarters_over(intervals)
    first, last = _ends(intervals)
    offsets = [(at - first).total_seconds() for one in intervals for at in _bounds(one)]
    if not first.timestamp() % quarters.step_s and not any(offset % quarters.step_s for offset in offsets):
        return quarters
    whole = [round(offset) for offset in offsets]
    step_s = math.gcd(COARSEST_S, *whole)
    if whole != offsets or step_s < FINEST_S:
        step_s = FINEST_S
    return _checked(Steps(first, step_s, math.ceil((last - first).total_seconds() / step_s)))


def shares(steps: Steps, intervals: Sequence[ReportInterval]) -> Floats:
    """(steps, intervals) share of each step that lies in each interval."""
    begins = np.arange(steps.count, dtype=np.float64)[:, None] * steps.step_s
    bounds = np.array([[(at - steps.starts_at).total_seconds() for at in _bounds(one)] for one in intervals])
    overlap = np.minimum(begins + steps.step_s, bounds[:, 1]) - np.maximum(begins, bounds[:, 0])
    return np.asarray(np.clip(overlap / steps.step_s, 0.0, 1.0))


def overlaps(
    intervals: Sequence[ReportInterval], *, starts_at: datetime, ends_at: datetime
) -> NDArray[np.bool_]:
    """(intervals,) which of them touch a period."""
    return np.array([begin < ends_at and starts_at < end for begin, end in map(_bounds, intervals)])


def means(values: Floats, share: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """(N, intervals) means of (N, steps) values over what is known of them, NaN for nothing; and whether all was."""
    known = ~np.isnan(values)
    weight = known.astype(np.float64) @ share
    with np.errstate(invalid="ignore"):
        found = np.where(weight > 0, np.nan_to_num(values) @ share / weight, np.nan)
    return found, np.asarray(weight >= share.sum(axis=0) * (1 - 1e-9))


def peaks(values: Floats, share: Floats) -> Floats:
    """(N, intervals) greatest values of steps that lie in an interval for the most part, NaN for nothing."""
    found = np.full((len(values), share.shape[1]), np.nan)
    for place in range(share.shape[1]):
        inside = values[:, share[:, place] > 0.5]
        if inside.size:
            found[:, place] = np.fmax.reduce(inside, axis=1)
    return found


def lasts(values: Floats, share: Floats) -> Floats:
    """(N, intervals) values of the last step of each interval, NaN where that is not known."""
    last = share.shape[0] - 1 - np.argmax(share[::-1] > 0.5, axis=0)
    inside = share[last, np.arange(share.shape[1])] > 0.5
    return np.asarray(np.where(inside, values[:, last], np.nan))


def _ends(intervals: Sequence[ReportInterval]) -> tuple[datetime, datetime]:
    return min(one.period.starts_at for one in intervals), max(one.period.ends_at for one in intervals)


def _bounds(one: ReportInterval) -> tuple[datetime, datetime]:
    return one.period.starts_at, one.period.ends_at


def _checked(steps: Steps) -> Steps:
    if steps.count > MOST_STEPS:
        raise ReportRequestError(
            f"a report over {steps.count} steps of {steps.step_s} s is longer than can be made"
        )
    return steps
