"""Hand-sized meter data. A row has 12 h; the event is hour 6."""

import numpy as np

from vpp.baselines.data import EventData
from vpp.baselines.days import DayType
from vpp.baselines.result import Floats

EVENT = 6
HAND = [10.0, 12, 11, 13, 9, 14, 10, 12, 11, 8]  # optimization.md 4.2, event-hour kW, most recent first


def day(event_kw: float, *, otherwise_kw: float = 6.0) -> list[float]:
    row = [otherwise_kw] * 12
    row[EVENT] = event_kw
    return row


def event_of(
    days: list[float], *, today_kw: float = 6.0, otherwise_kw: float = 6.0, day_type: DayType = "weekday"
) -> EventData:
    """One site; its days differ in the event's hour only, and so does the event day from a flat one."""
    history = np.array([[day(value, otherwise_kw=otherwise_kw) for value in days]])
    today = np.full((1, 12), today_kw)
    return EventData(history.reshape(1, len(days), 12), today, EVENT, EVENT + 1, day_type=day_type)


def random_event(seed: int, *, sites: int = 4, missing: float = 0.01) -> EventData:
    rng = np.random.default_rng(seed)
    history: Floats = rng.normal(1, 1, (sites, 16, 12))
    today: Floats = rng.normal(1, 1, (sites, 12))
    for array in (history, today):
        array[rng.random(array.shape) < missing] = np.nan
    return EventData(
        history,
        today,
        5,
        7,
        day_type="weekday" if seed % 2 else "weekend",
        history_max_c=rng.normal(25, 8, (sites, 16)),
        event_day_max_c=np.where(rng.random(sites) < missing, np.nan, rng.normal(25, 8, sites)),
    )
