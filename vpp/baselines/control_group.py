"""Matched control group: what homes like these did, who were not called.

Each called home is matched with those of a pool whose mean day before the event is nearest to its own, by the
squared difference over all intervals [kW²], which compares size and shape at once. Its baseline is what its
controls drew in the event plus how much more it used to draw than they did (difference in differences):

    baseline_t = controls' actual_t + mean over past days (home_t - controls_t)

A group is validated before it is used: matched on the older half of the past days, it guesses the later half.

Sources: that California settles by control groups, matched or randomized, which have to show little bias and
enough precision before, is from the headings of Nexant's draft for CAISO's Baseline Accuracy Work Group (2017).
From memory: bias within 5 % and an error of 10 %. The tariff (4.13.4), with its least size of a group (150 meters
from memory) and its confidence level, was not read; the size of a group is the caller's to judge. Matching by
nearest mean days, with controls used more than once, is this library's choice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.baselines.accuracy import Accuracy, accuracy
from vpp.baselines.data import EventData, checked
from vpp.baselines.days import BaselineError
from vpp.baselines.result import BaselineResult, Bools, Floats, assemble

NO_CONTROLS = "no_controls: the pool has too few homes with complete data"
SITES_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class ControlPool:
    """Homes that were not called.

    Parameters
    ----------
    history_kw
        (C, D, N) mean power on the days of the event data [kW]; NaN is missing.
    event_day_kw
        (C, N) power on the event day [kW], the event's intervals included.

    Raises
    ------
    BaselineError
        For arrays that do not fit each other, or infinite values.
    """

    history_kw: Floats
    event_day_kw: Floats

    def __post_init__(self) -> None:
        history, today = checked(self.history_kw, dimensions=3), checked(self.event_day_kw, dimensions=2)
        if today.shape != (history.shape[0], history.shape[2]):
            raise BaselineError(f"shapes {history.shape} and {today.shape} do not fit")
        object.__setattr__(self, "history_kw", history)
        object.__setattr__(self, "event_day_kw", today)


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """Baselines with the (S, K) places of each home's controls in the pool; -1 where it has none."""

    result: BaselineResult
    controls: NDArray[np.int64]


def matched_control_group(
    data: EventData, pool: ControlPool, *, controls: int = 4, min_days: int = 5
) -> ControlGroup:
    """Match every home with controls, and take the difference in differences.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The called homes' meter data.
    pool
        The others', of the same days and intervals.
    controls
        How many controls a home gets [1].
    min_days
        How few complete past days are enough, for a home and for a control [1].

    Raises
    ------
    BaselineError
        For a pool of other days or intervals, or impossible counts.
    """
    if pool.history_kw.shape[1:] != data.history_kw.shape[1:]:
        raise BaselineError(f"shapes {data.history_kw.shape} and {pool.history_kw.shape} do not fit")
    if controls < 1 or min_days < 1:
        raise BaselineError(f"cannot match {controls} controls by {min_days} days")
    event = slice(data.event_starts, data.event_ends)
    own, own_days = _mean_day(data.history_kw)
    theirs, their_days = _mean_day(pool.history_kw)
    good = (their_days >= min_days) & ~np.isnan(pool.event_day_kw[:, event]).any(axis=1)
    places = np.flatnonzero(good)
    if len(places) < controls:
        nobody = np.full((len(own), controls), -1)
        return ControlGroup(_without_controls(data, own_days), nobody)
    chosen = places[_nearest(own, theirs[places], count=controls)]
    change = pool.event_day_kw[:, event] - theirs[:, event]
    baseline = own[:, event] + change[chosen].mean(axis=1)
    result = assemble(baseline, days_used=own_days, eligible=own_days, min_days=min_days)
    return ControlGroup(result, np.where(result.ok[:, None], chosen, -1))


def control_group_accuracy(
    data: EventData, pool: ControlPool, *, controls: int = 4, min_days: int = 5
) -> Accuracy:
    """Match on the older half of the past days, and let the group guess the later half.

    Parameters
    ----------
    data, pool, controls, min_days
        As for `matched_control_group`; the event day is not looked at.

    Raises
    ------
    BaselineError
        For fewer than two past days, and as for `matched_control_group`.
    """
    days = data.history_kw.shape[1]
    if days < 2:
        raise BaselineError(f"{days} past days cannot be halved")
    later = days // 2
    guesses = []
    for day in range(later):
        placebo = EventData(
            data.history_kw[:, later:],
            data.history_kw[:, day],
            data.event_starts,
            data.event_ends,
            intervals_per_hour=data.intervals_per_hour,
            day_type=data.day_type,
        )
        others = ControlPool(pool.history_kw[:, later:], pool.history_kw[:, day])
        found = matched_control_group(placebo, others, controls=controls, min_days=min_days)
        guesses.append(found.result.baseline_kw)
    return accuracy(np.stack(guesses, axis=1), data.event_history_kw[:, :later])


def control_group_valid(
    found: Accuracy, *, greatest_bias: float = 0.05, greatest_cvrmse: float = 0.1
) -> bool:
    """Tell whether a group may be used, by its portfolio's bias and error on placebo days.

    Parameters
    ----------
    found
        From `control_group_accuracy`; where nothing can be told, the group is not valid.
    greatest_bias, greatest_cvrmse
        Thresholds of bias either way, and of error [1].
    """
    return abs(found.portfolio_bias) <= greatest_bias and found.portfolio_cvrmse <= greatest_cvrmse


def _mean_day(history_kw: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """(S, N) mean of the complete days [kW], and (S,) how many there are."""
    complete: Bools = np.asarray(~np.isnan(history_kw).any(axis=2))
    count = complete.sum(axis=1)
    total = np.where(complete[:, :, None], history_kw, 0.0).sum(axis=1)
    return total / np.maximum(count, 1)[:, None], count


def _nearest(own: Floats, theirs: Floats, *, count: int) -> NDArray[np.int64]:
    """(S, count) places of the nearest in `theirs`, the first of equals."""
    found = np.empty((len(own), count), dtype=np.int64)
    for begin in range(0, len(own), SITES_AT_ONCE):
        some = own[begin : begin + SITES_AT_ONCE]
        # |a - b|² less |a|², which is the same for all of a row.
        distance = (theirs**2).sum(axis=1) - 2 * some @ theirs.T
        found[begin : begin + SITES_AT_ONCE] = np.argsort(distance, axis=1, kind="stable")[:, :count]
    return found


def _without_controls(data: EventData, days: NDArray[np.int64]) -> BaselineResult:
    nothing = np.full((len(days), data.event_ends - data.event_starts), np.nan)
    return BaselineResult(
        nothing,
        nothing.copy(),
        np.zeros(len(days)),
        days,
        np.zeros(len(days), dtype=np.bool_),
        (NO_CONTROLS,) * len(days),
    )
