"""ISO New England's mean 10-of-10.

The mean of the 10 latest days of the event day's type, moved by mean(actual - average) in the adjustment
window.

Sources: ISO-NE's 2015 filing replaces the 90/10 rolling baseline by "mean 10 of 10". That the adjustment is
additive is from memory. Market Rule 1 (III.8) was not read, and nothing was found about the window, for which
PJM's 3 h that end 1 h before the event stand in, about fewer days on weekends, or how few are enough (here
5): set them from the rule before money depends on them.
"""

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import latest
from vpp.baselines.data import EventData
from vpp.baselines.result import BaselineResult

ADDITIVE = Correction("additive", hours=3, gap_hours=1)


def iso_ne_ten_of_ten(
    data: EventData, *, correction: Correction = ADDITIVE, days: int = 10, min_days: int = 5
) -> BaselineResult:
    """Average the latest 10 days of one type and add what the hours before show.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    correction
        The adjustment.
    days, min_days
        How many days to average, and how few are enough [1].
    """
    used = latest(correction.usable_days(data), days)
    return average_and_correct(data, used, eligible=used, min_days=min_days, correction=correction)
