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

from datetime import datetime, timedelta

import numpy as np

from vpp.baselines.adjust import Adjustment, correction_of, mean_of_days
from vpp.baselines.choose import latest
from vpp.baselines.data import checked
from vpp.baselines.days import BaselineError
from vpp.baselines.result import BaselineResult, Bools, Floats, assemble
from vpp.intervals import Interval


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
    history = checked(history_kw, dimensions=3)
    complete: Bools = np.asarray(~np.isnan(history).any(axis=2))
    window = None
    if adjustment != "none":
        window = _checked_window(adjust_history_kw, adjust_actual_kw, history=history)
        complete &= ~np.isnan(window[0]).any(axis=2)
    used = latest(complete, days)
    days_used = used.sum(axis=1)
    ratio = adjustment == "ratio"
    found = None
    if window is not None:
        past = mean_of_days(window[0], used).mean(axis=1)
        found = correction_of(past, window[1].mean(axis=1), ratio=ratio, cap=ratio_cap)
    return assemble(
        mean_of_days(history, used),
        days_used=days_used,
        eligible=days_used,
        min_days=min_days,
        found=found,
        ratio=ratio,
    )


def _check_request(*, days: int, min_days: int, ratio_cap: tuple[float, float]) -> None:
    if not 1 <= min_days <= days:
        raise BaselineError(f"cannot average {days} days where {min_days} are the least")
    if not 0 < ratio_cap[0] <= ratio_cap[1] < float("inf"):
        raise BaselineError(f"ratio bounds {ratio_cap} are reversed or not positive")


def _checked_window(past: Floats | None, actual: Floats | None, *, history: Floats) -> tuple[Floats, Floats]:
    if past is None or actual is None:
        raise BaselineError("an adjustment needs the window's power on the past days and on the event day")
    past, actual = checked(past, dimensions=3), checked(actual, dimensions=2)
    if past.shape[:2] != history.shape[:2] or actual.shape != (past.shape[0], past.shape[2]):
        raise BaselineError(f"shapes {history.shape}, {past.shape} and {actual.shape} do not fit")
    return past, actual
