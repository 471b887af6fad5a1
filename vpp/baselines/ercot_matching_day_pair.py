"""ERCOT's matching day pair with the event-day adjustment factor.

The event day and the day before it are compared, as a pair, with earlier pairs: a row of meter data is taken
together with the 24 h before its event. The 10 pairs with the least squared difference to the event's, over
everything up to an hour before the event, are averaged; every interval is multiplied by the event-day
adjustment factor (see `ercot_middle_eight_of_ten`).

Sources: the method's name, that it is one of three default baselines, and that each has an event-day adjustment
are from ERCOT's "Default Baseline Methodology" (EILS) in extracts. From memory: that squared differences are
compared, and 10 pairs. Not found: which hours of the event day are compared (here those that are known before
the event), how far back pairs are sought (90 days here, where a year of data may be meant), and what is done with
fewer than 10 pairs (no baseline here).
"""

import numpy as np

from vpp.baselines.adjust import Correction, average_and_correct
from vpp.baselines.choose import highest
from vpp.baselines.data import EventData
from vpp.baselines.ercot_middle_eight_of_ten import TWO_BEFORE
from vpp.baselines.pjm_match_day import squared_distance
from vpp.baselines.result import BaselineResult


def ercot_matching_day_pair(
    data: EventData, *, pairs: int = 10, correction: Correction = TWO_BEFORE
) -> BaselineResult:
    """Average the pairs of days most like the event's, and scale by the hours before the event.

    See this module for the method, its sources and what could not be checked.

    Parameters
    ----------
    data
        The event's meter data; its rows begin 24 h or more before the event. What they hold of the day before
        is compared.
    pairs
        How many pairs to average, all needed [1].
    correction
        The adjustment.
    """
    known_before = np.arange(max(0, data.event_starts - data.intervals_per_hour))
    distance = squared_distance(data, known_before)
    eligible = correction.usable_days(data) & ~np.isnan(distance)
    used = highest(-distance, eligible, count=pairs)
    return average_and_correct(data, used, eligible=eligible, min_days=pairs, correction=correction)
