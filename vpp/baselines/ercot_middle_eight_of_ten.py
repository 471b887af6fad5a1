"""ERCOT's middle 8-of-10 with the event-day adjustment factor.

Of the 10 latest like days the highest and the lowest are dropped and the others averaged. Every interval is
multiplied by actual kWh / average kWh over 2 h, that is eight intervals of 15 minutes, which end with the
start of the event ("two before") or 2 h earlier ("four before").

Sources: ERCOT, "Demand Response Baseline Methodologies" (19.0, 2019) and the EILS "Default Baseline
Methodologies", in extracts. Not found there: whether days are ranked by the whole day's energy (taken here,
so that a day needs all of its intervals) or the event's, bounds of the factor (none here), what is done with
fewer than 10 days (no baseline here). Of equal days the most recent counts as the highest and the earliest as
the lowest.
"""

import numpy as np

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import highest, latest
from vpp.baselines.data import EventData
from vpp.baselines.result import BaselineResult

TWO_BEFORE = Correction("ratio", hours=2, gap_hours=0)
FOUR_BEFORE = Correction("ratio", hours=2, gap_hours=2)


def ercot_middle_eight_of_ten(data: EventData, *, correction: Correction = TWO_BEFORE) -> BaselineResult:
    """Average 10 days without the highest and the lowest, and scale by the hours before the event.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    correction
        The adjustment: `TWO_BEFORE` or `FOUR_BEFORE`.
    """
    complete = data.has(np.arange(data.history_kw.shape[2]))
    eligible = latest(complete, 10)
    level = data.history_kw.mean(axis=2)
    used = highest(level, eligible, count=9) & ~highest(level, eligible, count=1)
    return average_and_correct(data, used, eligible=eligible, min_days=10, correction=correction)
