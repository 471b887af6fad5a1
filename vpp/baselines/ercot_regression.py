"""ERCOT's statistical regression, in a reduced form: daily energy, hours' fractions, intervals' multipliers.

The load of an interval is kWh of the day x fraction of the hour x multiplier of the interval. Daily energy and
each hour's fraction are least-squares lines in the day's highest temperature above 18 degC and below it; the
multiplier is the interval's mean over its hour's. The product is multiplied by the event-day adjustment factor
(see `ercot_middle_eight_of_ten`).

Sources: the decomposition, and that weather, calendar and daylight explain daily energy and fractions, are from
ERCOT's "Default Baseline Methodology" (EILS) in extracts. Not reproduced: ERCOT's list of variables (days of the
week, seasons, daylight, earlier days' weather, humidity); like days stand in for the calendar, one temperature
for the weather. Choices of this library: 18 degC, 10 days as the least, a temperature beyond those of the past
days counts as the nearest of them, days whose net energy is not positive have no fractions and do not count.
"""

import numpy as np

from vpp.baselines.adjust import Correction, correction_of
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError
from vpp.baselines.ercot_middle_eight_of_ten import TWO_BEFORE
from vpp.baselines.result import NO_USABLE_WINDOW, WINDOW_OUTSIDE, BaselineResult, Bools, Floats, assemble
from vpp.baselines.weather_matching import without_temperature

MILD_C = 18.0


def ercot_regression(
    data: EventData, *, correction: Correction = TWO_BEFORE, min_days: int = 10
) -> BaselineResult:
    """Explain past days by their temperature, and scale by the hours before the event.

    See this module for the method, its sources and what could not be checked. A site without the event day's
    temperature has no baseline (`missing_temperature`).

    Parameters
    ----------
    data
        The event's meter data, with highest temperatures; its rows are whole days.
    correction
        The adjustment, a ratio.
    min_days
        How few complete days with a temperature are enough [1].

    Raises
    ------
    BaselineError
        For fewer than 3 days or a correction that is no ratio.
    """
    if min_days < 3 or correction.kind != "ratio":
        raise BaselineError(f"no line through {min_days} days, or a {correction.kind} correction")
    energy = data.history_kw.sum(axis=2) / data.intervals_per_hour
    used = ~np.isnan(energy) & ~np.isnan(data.temperature_distance_k) & (np.nan_to_num(energy) > 0)
    count = used.sum(axis=1)
    expected = _expected(data, used, energy=energy)
    window = correction.window(data)
    found = np.full(len(used), np.nan)
    if window is not None:
        base, actual = expected[:, window].mean(axis=1), data.event_day_kw[:, window].mean(axis=1)
        found = correction_of(base, actual, ratio=True, cap=correction.cap)
    result = assemble(
        expected[:, data.event_starts : data.event_ends],
        days_used=count,
        eligible=count,
        min_days=min_days,
        found=found,
        ratio=True,
        not_found=WINDOW_OUTSIDE if window is None else NO_USABLE_WINDOW,
    )
    return without_temperature(data, result)


def _expected(data: EventData, used: Bools, *, energy: Floats) -> Floats:
    """(S, N) the whole day's expected power [kW]."""
    days = np.where(used[:, :, None], data.history_kw, 0.0)
    if not used.any():
        return np.zeros((len(used), days.shape[2]))
    hour = np.arange(days.shape[2]) // data.intervals_per_hour
    begins = np.flatnonzero(np.diff(hour, prepend=-1))
    length = np.bincount(hour)
    by_hour = np.add.reduceat(days, begins, axis=2)
    total = np.where(used, energy, 1.0)
    fraction = by_hour / data.intervals_per_hour / total[:, :, None]
    target = np.concatenate([np.where(used, energy, 0.0)[:, :, None], fraction], axis=2)
    lines = _predicted(data, used, target=target)
    hourly_kw = np.maximum(lines[:, :1], 0.0) * lines[:, 1:] * data.intervals_per_hour / length
    mean_of_hour = by_hour.sum(axis=1)[:, hour] / length[hour]
    flat = np.ones_like(mean_of_hour)
    multiplier = np.divide(days.sum(axis=1), mean_of_hour, out=flat, where=mean_of_hour > 0)
    return np.asarray(hourly_kw[:, hour] * multiplier, dtype=np.float64)


def _predicted(data: EventData, used: Bools, *, target: Floats) -> Floats:
    """(S, K) least-squares lines through each site's (S, D, K) used targets, at the event day's temperature."""
    assert data.history_max_c is not None  # no day is used without
    assert data.event_day_max_c is not None
    past, today = data.history_max_c, data.event_day_max_c
    coldest = np.where(used, past, np.inf).min(axis=1)
    hottest = np.where(used, past, -np.inf).max(axis=1)
    today = np.where(np.isfinite(coldest), np.clip(today, coldest, hottest), 0.0)
    weight = used[:, :, None].astype(np.float64)
    count = np.maximum(weight.sum(axis=1, keepdims=True), 1.0)
    regressors = np.where(used[:, :, None], _degrees(past), 0.0)
    middle = regressors.sum(axis=1, keepdims=True) / count
    mean = (target * weight).sum(axis=1, keepdims=True) / count
    # Centered, so that temperatures which never change explain nothing instead of being split with the mean.
    slopes = np.linalg.pinv((regressors - middle) * weight) @ ((target - mean) * weight)
    return np.asarray((mean + (_degrees(today)[:, None, :] - middle) @ slopes)[:, 0], dtype=np.float64)


def _degrees(temperature_c: Floats) -> Floats:
    """(..., 2) degrees above and below the mild temperature [K]."""
    return np.stack(
        [np.maximum(temperature_c - MILD_C, 0.0), np.maximum(MILD_C - temperature_c, 0.0)], axis=-1
    )
