"""Baselines from the event day alone: a level held flat over the event."""

import numpy as np

from vpp.baselines.data import EventData, Positions
from vpp.baselines.result import BaselineResult

NOT_MEASURED = "missing_measurement: the event day's reference hours are not complete"
OUTSIDE = "missing_measurement: the data does not reach over the event day's reference hours"


def flat_level(data: EventData, *windows: Positions | None) -> BaselineResult:
    """Hold the mean of the event day's windows over the event; without all of them there is no baseline.

    Parameters
    ----------
    data
        The event's meter data; its past days are not looked at.
    windows
        Positions in the event day; None for one that leaves the data.
    """
    sites, intervals = len(data.event_day_kw), data.event_ends - data.event_starts
    inside = [window for window in windows if window is not None]
    level = np.full(sites, np.nan)
    if len(inside) == len(windows):
        level = data.event_day_kw[:, np.concatenate(inside)].mean(axis=1)
    ok = ~np.isnan(level)
    flat = np.repeat(level[:, None], intervals, axis=1)
    why = NOT_MEASURED if len(inside) == len(windows) else OUTSIDE
    return BaselineResult(
        flat,
        flat.copy(),
        np.zeros(sites),
        np.zeros(sites, dtype=np.int64),
        ok,
        tuple("" if good else why for good in ok.tolist()),
    )
