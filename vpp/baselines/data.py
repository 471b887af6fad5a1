"""The meter data of one event, the same for every baseline method."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vpp.baselines.days import BaselineError, DayType
from vpp.baselines.result import Bools, Floats

Positions = NDArray[np.int64]


def checked(values: Floats, *, dimensions: int) -> Floats:
    """Take finite or missing powers of the wanted number of dimensions, with at least one interval."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or 0 in array.shape[2:]:
        raise BaselineError(f"an array of shape {array.shape} has not {dimensions} dimensions with intervals")
    if np.isinf(array).any():
        raise BaselineError("a power is infinite")
    return array


@dataclass(frozen=True, slots=True)
class EventData:
    """Power of S sites on D past days and on the event day, N intervals a day.

    A day is a row of intervals with the same local wall-clock times on every day: usually 0 to 24 h, but it
    may begin on the evening before, or run on past midnight, where an event's adjustment window does. An hour
    that a day does not have (spring) is missing; of an hour that it has twice (autumn) the mean is given.
    Past days are of the event's day type, without event days and outages (see `select_days`).

    Parameters
    ----------
    history_kw
        (S, D, N) mean power [kW], load convention, most recent day first; NaN is missing.
    event_day_kw
        (S, N) the event day's power [kW]. The event's own intervals are forgotten at once, so that no
        baseline can depend on what was delivered.
    event_starts, event_ends
        Positions of the event in a row, half-open [1].
    intervals_per_hour
        Intervals in an hour [1/h].
    day_type
        Of the event day; a holiday counts as weekend.
    history_max_c, event_day_max_c
        (S, D) and (S,) highest outdoor temperature of the past days and of the event day [degC], for methods
        that compare them; NaN is missing, and without both nothing is known.

    Raises
    ------
    BaselineError
        For arrays that do not fit each other, infinite values, or an event outside the row.
    """

    history_kw: Floats
    event_day_kw: Floats
    event_starts: int
    event_ends: int
    intervals_per_hour: int = 1
    day_type: DayType = "weekday"
    history_max_c: Floats | None = None
    event_day_max_c: Floats | None = None

    def __post_init__(self) -> None:
        history, today = checked(self.history_kw, dimensions=3), checked(self.event_day_kw, dimensions=2)
        if today.shape != (history.shape[0], history.shape[2]):
            raise BaselineError(f"shapes {history.shape} and {today.shape} do not fit")
        if not 0 <= self.event_starts < self.event_ends <= history.shape[2]:
            raise BaselineError(
                f"no event from {self.event_starts} to {self.event_ends} in {history.shape[2]}"
            )
        if self.intervals_per_hour < 1:
            raise BaselineError(f"an hour cannot have {self.intervals_per_hour} intervals")
        self._check_temperatures(history.shape)
        today = today.copy()
        today[:, self.event_starts : self.event_ends] = np.nan
        object.__setattr__(self, "history_kw", history)
        object.__setattr__(self, "event_day_kw", today)

    @property
    def event_history_kw(self) -> Floats:
        """(S, D, T) the past days' power in the event's intervals [kW]."""
        return self.history_kw[:, :, self.event_starts : self.event_ends]

    @property
    def event_level_kw(self) -> Floats:
        """(S, D) the past days' mean power in the event's intervals [kW]; NaN where one is missing."""
        return np.asarray(self.event_history_kw.mean(axis=2), dtype=np.float64)

    @property
    def temperature_distance_k(self) -> Floats:
        """(S, D) how far each past day's highest temperature is from the event day's [K]; NaN where unknown."""
        if self.history_max_c is None or self.event_day_max_c is None:
            return np.full(self.history_kw.shape[:2], np.nan)
        return np.abs(self.history_max_c - self.event_day_max_c[:, None])

    def before(self, *, hours: int, gap_hours: int) -> Positions | None:
        """Positions of the hours that end `gap_hours` before the event; None where they leave the row."""
        ends = self.event_starts - gap_hours * self.intervals_per_hour
        return self._positions(ends - hours * self.intervals_per_hour, ends)

    def after(self, *, hours: int, gap_hours: int) -> Positions | None:
        """Positions of the hours that start `gap_hours` after the event; None where they leave the row."""
        starts = self.event_ends + gap_hours * self.intervals_per_hour
        return self._positions(starts, starts + hours * self.intervals_per_hour)

    def outside_event(self, *, gap_hours: int) -> Positions:
        """Positions of everything that is `gap_hours` or more away from the event."""
        gap = gap_hours * self.intervals_per_hour
        every = np.arange(self.history_kw.shape[2])
        return every[(every < self.event_starts - gap) | (every >= self.event_ends + gap)]

    def has(self, positions: Positions) -> Bools:
        """(S, D) whether a past day misses none of these intervals."""
        return np.asarray(~np.isnan(self.history_kw[:, :, positions]).any(axis=2), dtype=np.bool_)

    def _positions(self, starts: int, ends: int) -> Positions | None:
        inside = starts >= 0 and ends <= self.history_kw.shape[2]
        return np.arange(starts, ends) if inside else None

    def _check_temperatures(self, shape: tuple[int, ...]) -> None:
        if self.history_max_c is None or self.event_day_max_c is None:
            return
        past, today = np.asarray(self.history_max_c), np.asarray(self.event_day_max_c)
        if past.shape != shape[:2] or today.shape != shape[:1]:
            raise BaselineError(f"temperatures of shapes {past.shape} and {today.shape} do not fit")
        if np.isinf(past).any() or np.isinf(today).any():
            raise BaselineError("a temperature is infinite")
