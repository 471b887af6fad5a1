"""Residential 5-of-10 with an adjustment before and after the event.

Weekday: mean of the 5 highest of the 10 latest weekdays. Otherwise: weighted mean of the 3 highest of the 5
latest weekend days and holidays. Every interval is multiplied by actual / average over hours before and after
the event.

Sources: the days, "weighted average" and "hours before and after the event" are PG&E's
(powersaver.pge.com/faq). From memory: weights of 50, 30 and 20 %, windows of 2 h with 2 h buffers, and bounds
of 1 / 1.4 and 1.4. Not found anywhere: whether "highest usage" means the event's hours (taken here) or the
day, how weights go with days (here the most recent day has the greatest), and how few days are enough (here
as many as are averaged). The tariff was not read.
"""

from dataclasses import replace

import numpy as np

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import highest, latest
from vpp.baselines.data import EventData
from vpp.baselines.result import BaselineResult, Bools, Floats

BEFORE_AND_AFTER = Correction("ratio", hours=2, gap_hours=2, after=True, cap=(1 / 1.4, 1.4))
BEFORE_ONLY = replace(BEFORE_AND_AFTER, after=False)
_WEEKEND_WEIGHTS = np.array([0.5, 0.3, 0.2])


def five_of_ten(data: EventData, *, correction: Correction = BEFORE_AND_AFTER) -> BaselineResult:
    """Average the 5 highest of 10 weekdays, or 3 of 5 others by weight, and scale by the hours around.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data; its rows reach 4 h beyond the event on either side, or nothing is adjusted.
    correction
        The adjustment.
    """
    weekday = data.day_type == "weekday"
    candidates, wanted = (10, 5) if weekday else (5, 3)
    eligible = latest(correction.usable_days(data), candidates)
    used = highest(data.event_level_kw, eligible, count=wanted)
    return average_and_correct(
        data,
        used,
        eligible=eligible,
        min_days=wanted,
        correction=correction,
        weights=None if weekday else _by_recency(used),
    )


def _by_recency(used: Bools) -> Floats:
    """(S, D) 50 % for a site's most recent used day, 30 % and 20 % for the next."""
    position = np.clip(np.cumsum(used, axis=1) - 1, 0, len(_WEEKEND_WEIGHTS) - 1)
    return np.asarray(_WEEKEND_WEIGHTS[position], dtype=np.float64)
