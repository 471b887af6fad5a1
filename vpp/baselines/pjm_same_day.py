"""PJM's Same Day (3+2): the mean of three hours before and two hours after the event, one hour left out each
side.

Source: PJM's briefing on Manual 11 as reported by RTO Insider ("Improved DR Baseline Processes OKd"): for an
event in hours ending 13 to 17, hours ending 9 to 11 and 19 to 20. The manual itself was not read; what it
does about a missing hour was not found, so here a site with one has no baseline.
"""

from vpp.baselines.data import EventData
from vpp.baselines.result import BaselineResult
from vpp.baselines.same_day import flat_level


def pjm_same_day(data: EventData) -> BaselineResult:
    """Average five hours around the event, each with the same weight, and hold the mean over the event.

    See this module for the method, its source and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data; its rows reach 4 h before the event and 3 h beyond.
    """
    return flat_level(data, data.before(hours=3, gap_hours=1), data.after(hours=2, gap_hours=1))


def three_hours_before(data: EventData) -> BaselineResult:
    """Hold the mean of the three hours before the event: what can be said while the two after it are to come.

    A provisional stand-in of this library, for dispatch only; the rule itself knows no such thing.

    Parameters
    ----------
    data
        The event's meter data; its rows reach 4 h before the event.
    """
    return flat_level(data, data.before(hours=3, gap_hours=1))
