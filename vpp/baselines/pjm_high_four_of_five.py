"""PJM's default customer baseline: high 4 of 5, with the symmetric additive adjustment (SAA).

Weekday: mean of the 4 highest of the 5 latest weekdays. Saturday, and Sunday or holiday: the 2 highest of the
3 latest of the same kind (choose days with `day_type_with_saturday`). A day whose mean in the event's hours
is below 25 % of the chosen days' mean is replaced by an earlier one. The SAA adds mean(actual - average) over
the 3 h that end 1 h before the event, either way and without a cap.

Sources: all of this is from memory of Manual 11 and the Operating Agreement, neither of which could be read.
So are the look-back of 45 days in 60 and the least numbers of 4 and 2 days; a site with fewer days has no
baseline here, where PJM would go on to take event days. pjm.com confirms only that a baseline has to pass
RRMSE <= 20 %.
"""

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import highest, latest_without_low_usage
from vpp.baselines.data import EventData
from vpp.baselines.result import BaselineResult

SYMMETRIC_ADDITIVE = Correction("additive", hours=3, gap_hours=1)


def pjm_high_four_of_five(
    data: EventData, *, correction: Correction = SYMMETRIC_ADDITIVE, low_usage: float = 0.25
) -> BaselineResult:
    """Average the 4 highest of 5 weekdays, or 2 of 3 others, and add what the hours before show.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    correction
        The adjustment.
    low_usage
        Share of the chosen days' mean below which a day is replaced [1].
    """
    candidates, wanted, least = (5, 4, 4) if data.day_type == "weekday" else (3, 2, 2)
    level = data.event_level_kw
    days = correction.usable_days(data)
    eligible = latest_without_low_usage(level, days, count=candidates, share=low_usage)
    used = highest(level, eligible, count=wanted)
    return average_and_correct(data, used, eligible=eligible, min_days=least, correction=correction)
