"""Mean 10-of-10 baseline with a same-day adjustment.

A day counts for a site when none of its event intervals, and with an adjustment none of its window's, is
missing. The latest of those are averaged with equal weight (CAISO and ISO-NE "10 of 10").

- Additive: every interval moves by mean(actual) - mean(average day) of the window, either way, without a
  cap (PJM's symmetric additive adjustment; ISO-NE's is additive as well).
- Ratio: every interval is multiplied by the quotient of the two, held within bounds (CAISO's 20 %).

A site whose window has no complete measurement, or for the ratio an average of zero or less, keeps its
unadjusted baseline. The tariffs themselves could not be read here; the rules are from secondary sources
(Nexant's 2017 draft for CAISO, a 2015 filing for ISO-NE) and, for PJM, from memory.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vpp.baselines.days import BaselineError
from vpp.intervals import Interval

Floats = NDArray[np.float64]
Adjustment = Literal["additive", "ratio", "none"]


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """Baselines of S sites over T intervals; NaN where `ok` is False.

    `adjustment` is what was added [kW] or multiplied [1]. `reason` is empty for a site without remark; it
    says why a site has no baseline, or why its baseline is not adjusted (then `ok` stays True).
    """

    baseline_kw: Floats
    unadjusted_kw: Floats
    adjustment: Floats
    days_used: NDArray[np.int64]
    ok: NDArray[np.bool_]
    reason: tuple[str, ...]


def adjustment_window(
    event_starts_at: datetime,
    *,
    length: timedelta = timedelta(hours=3),
    gap: timedelta = timedelta(hours=1),
) -> Interval:
    """The hours whose measured power corrects the baseline: 3 h that end 1 h before the event.

    PJM's symmetric additive adjustment takes these hours, CAISO's hours 2, 3 and 4 before the event are
    the same ones. Neither was checked in the tariff's own text; both are from secondary sources.
    """
    ends_at = event_starts_at - gap
    return Interval(ends_at - length, ends_at)


def mean_ten_of_ten(
    history_kw: Floats,
    *,
    adjust_history_kw: Floats | None = None,
    adjust_actual_kw: Floats | None = None,
    adjustment: Adjustment = "additive",
    ratio_cap: tuple[float, float] = (0.8, 1.2),
    days: int = 10,
    min_days: int = 5,
) -> BaselineResult:
    """Average the latest complete days and correct the average by the hours before the event.

    See this module for the method and its sources.

    Parameters
    ----------
    history_kw
        (S, D, T) mean power [kW], load convention, of D past days, most recent first; NaN is missing.
    adjust_history_kw
        (S, D, A) the same days' power [kW] in the adjustment window; not needed for ``"none"``.
    adjust_actual_kw
        (S, A) the event day's power [kW] in the window.
    ratio_cap
        Least and greatest ratio [1].
    days, min_days
        How many days to average, and how few are enough [1].

    Raises
    ------
    BaselineError
        For arrays that do not fit each other, infinite values, or reversed bounds.
    """
    _check_request(days=days, min_days=min_days, ratio_cap=ratio_cap)
    history = _checked(history_kw, dimensions=3)
    complete = ~np.isnan(history).any(axis=2)
    window = None
    if adjustment != "none":
        window = _checked_window(adjust_history_kw, adjust_actual_kw, history=history)
        complete &= ~np.isnan(window[0]).any(axis=2)
    used = complete & (np.cumsum(complete, axis=1) <= days)
    days_used = used.sum(axis=1)
    unadjusted = _mean_of_days(history, used)
    ok = days_used >= min_days
    unadjusted[~ok] = np.nan
    reasons = [f"too_few_days: {n} of {min_days}" if n < min_days else "" for n in days_used.tolist()]
    correction = np.full(len(history), 1.0 if adjustment == "ratio" else 0.0)
    if window is not None:
        past = _mean_of_days(window[0], used).mean(axis=1)
        found = _correction(past, window[1].mean(axis=1), ratio=adjustment == "ratio", cap=ratio_cap)
        correction = np.where(ok & ~np.isnan(found), found, correction)
        for site in np.flatnonzero(ok & np.isnan(found)):
            reasons[site] = "not_adjusted: the adjustment window has no usable measurement"
    columns = correction[:, None]
    baseline = unadjusted * columns if adjustment == "ratio" else unadjusted + columns
    return BaselineResult(baseline, unadjusted, correction, days_used, ok, tuple(reasons))


def _check_request(*, days: int, min_days: int, ratio_cap: tuple[float, float]) -> None:
    if not 1 <= min_days <= days:
        raise BaselineError(f"cannot average {days} days where {min_days} are the least")
    if not 0 < ratio_cap[0] <= ratio_cap[1] < float("inf"):
        raise BaselineError(f"ratio bounds {ratio_cap} are reversed or not positive")


def _checked(values: Floats, *, dimensions: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or 0 in array.shape[2:]:
        raise BaselineError(f"an array of shape {array.shape} has not {dimensions} dimensions with intervals")
    if np.isinf(array).any():
        raise BaselineError("a power is infinite")
    return array


def _checked_window(past: Floats | None, actual: Floats | None, *, history: Floats) -> tuple[Floats, Floats]:
    if past is None or actual is None:
        raise BaselineError("an adjustment needs the window's power on the past days and on the event day")
    past, actual = _checked(past, dimensions=3), _checked(actual, dimensions=2)
    if past.shape[:2] != history.shape[:2] or actual.shape != (past.shape[0], past.shape[2]):
        raise BaselineError(f"shapes {history.shape}, {past.shape} and {actual.shape} do not fit")
    return past, actual


def _mean_of_days(values: Floats, used: NDArray[np.bool_]) -> Floats:
    total: Floats = np.where(used[:, :, None], values, 0.0).sum(axis=1)
    mean: Floats = total / np.maximum(used.sum(axis=1), 1)[:, None]
    return mean


def _correction(past: Floats, actual: Floats, *, ratio: bool, cap: tuple[float, float]) -> Floats:
    """Per site what to add or to multiply by; NaN where that cannot be told."""
    if not ratio:
        return actual - past
    quotient = np.divide(actual, past, out=np.full(len(past), np.nan), where=past > 0)
    clipped: Floats = np.clip(quotient, *cap)
    return clipped
