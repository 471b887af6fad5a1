"""Meter Before / Meter After: the load just before the event, held flat, against the meter during the event.

"Before" is the reading this function holds; "after" is the meter once the event has been called, which the
caller compares with it. It suits fast, short events (reserves), and nothing whose load changes within the
event.

Source: the name and the idea are from NAESB WEQ-015 (FERC Orders 676-F and 676-G), from memory. The standard
was not read; the length of the reading and its distance from the event are a program's to set.
"""

from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError
from vpp.baselines.result import BaselineResult
from vpp.baselines.same_day import flat_level


def meter_before(data: EventData, *, hours: int = 1, gap_hours: int = 0) -> BaselineResult:
    """Hold the mean of the hours before the event over the event.

    See this module for the method, its source and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    hours, gap_hours
        Length of the reading, and its distance from the event [h].

    Raises
    ------
    BaselineError
        For a reading without length, or within the event.
    """
    if hours < 1 or gap_hours < 0:
        raise BaselineError(f"no reading of {hours} h at {gap_hours} h from the event")
    return flat_level(data, data.before(hours=hours, gap_hours=gap_hours))
