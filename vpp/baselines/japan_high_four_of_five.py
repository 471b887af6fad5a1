"""Japan's "High 4 of 5" (ERAB guideline), in units of 30 minutes.

Weekday: of the 5 latest weekdays within 30 days the 4 with the highest mean in the event's hours are
averaged; of equal days the one farthest from the event is dropped. Weekend and holiday: 2 of 3. A day below
25 % of the chosen days' mean is left out and an earlier one takes its place. The same-day correction adds
mean(actual - average).

Sources: an aggregator's contract clause and iGrid's help text for the days, the tie, the 25 %, the 30 days,
the truncation and the floor at zero. From memory: that the correction is additive over the 3 h that end 1 h
before the event, and that 4 days (2) are enough. The guideline itself was not read. Not clear from the
clause: whether "overall mean" in the 25 % rule is the chosen days' (taken here), and whether truncation "at
the third decimal" keeps two decimals (taken here) or three (`decimals=3`).
"""

import numpy as np

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import highest, latest_without_low_usage
from vpp.baselines.data import EventData, checked
from vpp.baselines.days import BaselineError
from vpp.baselines.result import BaselineResult, Floats

SAME_DAY = Correction("additive", hours=3, gap_hours=1)


def japan_high_four_of_five(
    data: EventData, *, correction: Correction = SAME_DAY, low_usage: float = 0.25
) -> BaselineResult:
    """Average the 4 highest of 5 weekdays, or 2 of 3 others, and add what the hours before show.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    correction
        The adjustment; ``Correction("none")`` where a program has none.
    low_usage
        Share of the chosen days' mean below which a day is left out [1].
    """
    candidates, wanted, least = (5, 4, 4) if data.day_type == "weekday" else (3, 2, 2)
    level = data.event_level_kw
    days = correction.usable_days(data)
    eligible = latest_without_low_usage(level, days, count=candidates, share=low_usage)
    used = highest(level, eligible, count=wanted)
    return average_and_correct(data, used, eligible=eligible, min_days=least, correction=correction)


def japan_reduction_kwh(
    baseline_kw: Floats, actual_kw: Floats, *, hours: float = 0.5, decimals: int = 2
) -> Floats:
    """Sum a day's reduction; below zero it is zero, and decimals beyond the kept ones are cut off.

    Parameters
    ----------
    baseline_kw, actual_kw
        (S, T) power in the event's intervals [kW].
    hours
        Length of an interval [h].
    decimals
        Decimals kept [1].

    Returns
    -------
    (S,) reductions [kWh]; NaN where an interval is missing.

    Raises
    ------
    BaselineError
        For shapes that differ, infinite values, or an interval without length.
    """
    baseline, actual = checked(baseline_kw, dimensions=2), checked(actual_kw, dimensions=2)
    if baseline.shape != actual.shape or not 0 < hours < np.inf:
        raise BaselineError(f"no reduction of {baseline.shape} by {actual.shape} in {hours} h")
    total = (baseline - actual).sum(axis=1) * hours
    # 1.23 is stored as a little less: what is a whole unit up to rounding errors stays one.
    units = np.floor(np.round(np.maximum(total, 0.0) * 10**decimals, 6))
    return np.asarray(units / 10**decimals, dtype=np.float64)
