"""PJM's Match Day: the mean of the three non-event days most alike in the non-event hours.

The hour before and the hour after the event are no non-event hours.

Source: PJM's briefing on Manual 11 as reported by RTO Insider ("Improved DR Baseline Processes OKd"). The
manual itself was not read. Not found: how likeness is measured (here the mean squared difference; of equally
like days the most recent), whether only days of the same type compete (the caller chooses the days), and what
is done about missing hours: here an event day that misses a non-event hour is compared by the others, and a
past day needs every hour that is compared. There is no adjustment.
"""

import numpy as np

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import highest
from vpp.baselines.data import EventData, Positions
from vpp.baselines.result import BaselineResult, Floats


def pjm_match_day(data: EventData, *, days: int = 3) -> BaselineResult:
    """Average the days whose other hours were most like the event day's.

    See this module for the method, its source and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data.
    days
        How many days to average, all needed [1].
    """
    distance = squared_distance(data, data.outside_event(gap_hours=1))
    event = np.arange(data.event_starts, data.event_ends)
    eligible = data.has(event) & ~np.isnan(distance)
    used = highest(-distance, eligible, count=days)
    none = Correction("none")
    return average_and_correct(data, used, eligible=eligible, min_days=days, correction=none)


def squared_distance(data: EventData, hours: Positions) -> Floats:
    """(S, D) mean squared difference to the event day at `hours` [kW²]; NaN where the two cannot be compared.

    What the event day misses is not compared; a past day needs all that is.
    """
    today = data.event_day_kw[:, hours]
    known = ~np.isnan(today)
    squares = np.where(known[:, None, :], (data.history_kw[:, :, hours] - today[:, None, :]) ** 2, 0.0)
    count = known.sum(axis=1)[:, None]
    return np.where(count > 0, squares.sum(axis=2) / np.maximum(count, 1), np.nan)
