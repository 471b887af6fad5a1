"""NYISO's average-day baseline: high 5 of 10, with the weather-sensitive adjustment.

Weekday: of the 10 latest weekdays the 5 with the highest mean in the event's hours are averaged. Otherwise:
the 2 highest of the 3 latest weekend days and holidays. Days below 25 % of the chosen days' mean are replaced
by earlier ones. Every interval is multiplied by actual / average over the 2 h that start 4 h before the
event, within 80 and 120 %.

Sources: all from memory of the Emergency Demand Response Program Manual, whose text could not be read. NYISO
finds low usage with a running average that starts from a seed value, which is not reproduced: here the rule
is the one of `latest_without_low_usage`. Fewer than 5 weekdays or 2 others give no baseline (a choice of this
library).
"""

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import highest, latest_without_low_usage
from vpp.baselines.data import EventData
from vpp.baselines.result import BaselineResult

WEATHER_SENSITIVE = Correction("ratio", hours=2, gap_hours=2, cap=(0.8, 1.2))


def nyiso_high_five_of_ten(
    data: EventData, *, correction: Correction = WEATHER_SENSITIVE, low_usage: float = 0.25
) -> BaselineResult:
    """Average the 5 highest of 10 weekdays, or 2 of 3 others, and scale by two hours before.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    correction
        The adjustment; ``Correction("none")`` for resources that are not weather-sensitive.
    low_usage
        Share of the chosen days' mean below which a day is replaced [1].
    """
    candidates, wanted = (10, 5) if data.day_type == "weekday" else (3, 2)
    level = data.event_level_kw
    days = correction.usable_days(data)
    eligible = latest_without_low_usage(level, days, count=candidates, share=low_usage)
    used = highest(level, eligible, count=wanted)
    return average_and_correct(data, used, eligible=eligible, min_days=wanted, correction=correction)
