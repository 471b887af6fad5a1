"""What every forecasting method is asked: a history that ends when the forecast is issued, and a period."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from vpp.errors import VppError
from vpp.intervals import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

QUARTER_S: Final = 900
DAY_S: Final = 86_400
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
LEVELS: Final = (0.1, 0.5, 0.9)


class ForecastError(VppError):
    """A forecast that is asked for wrongly: shapes, infinities, levels or periods that make no sense."""

    code = "invalid_forecast_request"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site's PV stands; without tilt and azimuth its shape is that of horizontal irradiance.

    Degrees: latitude north, longitude east, tilt from horizontal, azimuth clockwise from north [deg].
    """

    latitude_deg: float
    longitude_deg: float
    tilt_deg: float | None = None
    azimuth_deg: float | None = None

    def __post_init__(self) -> None:
        bounds = ((self.latitude_deg, 90.0), (self.longitude_deg, 180.0))
        if not all(-bound <= value <= bound for value, bound in bounds):
            raise ForecastError(f"latitude {self.latitude_deg}, longitude {self.longitude_deg} is no place")
        if (self.tilt_deg is None) != (self.azimuth_deg is None):
            raise ForecastError("a tilt needs an azimuth, and the other way round")
        tilted = self.tilt_deg is not None and self.azimuth_deg is not None
        if tilted and not (0 <= (self.tilt_deg or 0) <= 90 and 0 <= (self.azimuth_deg or 0) <= 360):
            raise ForecastError(f"tilt {self.tilt_deg}, azimuth {self.azimuth_deg} is no orientation")


@dataclass(frozen=True, slots=True)
class Question:
    """Means of N sites on L regular intervals, and the T intervals asked for.

    Whatever ends after `issued_at` is cut off at once, so that no method can see the future.

    Parameters
    ----------
    history
        (N, L) values, such as powers [kW] in load convention or prices; NaN is a gap.
    history_starts_at
        Start of the first interval.
    grid
        The T intervals asked for; their length is the history's too, and both lie on one raster.
    issued_at
        When the forecast is made: what ended later was not known.
    zone
        Where days begin and end: the same time of day is the same wall-clock time.
    levels
        Q levels of quantiles, rising [0-1].
    places
        N places, for methods that follow the sun; empty or None where unknown.
    holidays
        Local dates that count as weekend.

    Raises
    ------
    ForecastError
        For shapes that do not fit, infinite values, levels outside 0 to 1, periods off the raster.
    """

    history: Floats
    history_starts_at: datetime
    grid: Grid
    issued_at: datetime
    zone: ZoneInfo
    levels: tuple[float, ...] = LEVELS
    places: tuple[Place | None, ...] = ()
    holidays: Collection[date] = frozenset()

    def __post_init__(self) -> None:
        history = np.asarray(self.history, dtype=np.float64)
        if history.ndim != 2:
            raise ForecastError(f"a history of shape {history.shape} is not one row a site")
        if np.isinf(history).any():
            raise ForecastError("a value of the history is infinite")
        if self.places and len(self.places) != len(history):
            raise ForecastError(f"{len(self.places)} places do not fit {len(history)} sites")
        check_levels(self.levels)
        if self.history_starts_at.tzinfo is None or self.issued_at.tzinfo is None:
            raise ForecastError("an instant needs a time zone")
        if self.grid.count < 1 or self.step_s > DAY_S or DAY_S % self.step_s:
            raise ForecastError(f"{self.grid.count} intervals of {self.step_s} s do not make up days")
        if (self.grid.starts_at - self.history_starts_at) % self.step:
            raise ForecastError("the period asked for does not lie on the history's raster")
        known = min(max((self.issued_at - self.history_starts_at) // self.step, 0), history.shape[1])
        object.__setattr__(self, "history", history[:, :known])

    @property
    def step_s(self) -> int:
        """Length of an interval [s]."""
        return self.grid.interval_s

    @property
    def step(self) -> timedelta:
        """The same as a duration."""
        return timedelta(seconds=self.step_s)

    @property
    def history_grid(self) -> Grid:
        """The history's intervals."""
        return Grid(self.history_starts_at, self.step_s, self.history.shape[1])

    @property
    def places_or_none(self) -> tuple[Place | None, ...]:
        """One place or None for each site."""
        return self.places or (None,) * len(self.history)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of N sites in T intervals, as known at `issued_at`.

    `mean` is (N, T), `quantiles` (N, T, Q) at `levels`, both in the history's unit, NaN where there is no
    answer; `notes` (N,) says why, empty for a site without remark.
    """

    method: str
    issued_at: datetime
    grid: Grid
    levels: tuple[float, ...]
    mean: Floats
    quantiles: Floats
    notes: tuple[str, ...]


def check_levels(levels: tuple[float, ...]) -> None:
    """Refuse levels that do not rise within 0 to 1, both excluded."""
    inside = [level for level in levels if math.isfinite(level) and 0 < level < 1]
    if len(inside) != len(levels) or sorted(set(levels)) != list(levels):
        raise ForecastError(f"levels {levels} do not rise between 0 and 1")


def local_slots(grid: Grid, zone: ZoneInfo) -> tuple[list[date], Ints]:
    """The local date and the time of day, as a number of intervals since midnight, of each interval."""
    starts_s = int(grid.starts_at.timestamp()) + grid.interval_s * np.arange(grid.count, dtype=np.int64)
    local_s = starts_s + _offsets_s(starts_s, zone)
    days, seconds = local_s // DAY_S, local_s % DAY_S
    dates = {day: date.fromordinal(EPOCH_DAY + day) for day in np.unique(days).tolist()}
    return [dates[day] for day in days.tolist()], seconds // grid.interval_s


def _offsets_s(starts_s: Ints, zone: ZoneInfo) -> Ints:
    """East of UTC [s] at rising instants: looked up once a day, and one by one on days whose two ends differ."""
    if not len(starts_s):
        return starts_s
    marks = np.arange(starts_s[0], starts_s[-1] + DAY_S + 1, DAY_S)
    offsets = np.array([_offset_s(at, zone) for at in marks.tolist()], dtype=np.int64)
    which = (starts_s - starts_s[0]) // DAY_S
    found: Ints = offsets[which]
    for index in np.flatnonzero(found != offsets[which + 1]):
        found[index] = _offset_s(int(starts_s[index]), zone)
    return found


def _offset_s(at_s: int, zone: ZoneInfo) -> int:
    offset = datetime.fromtimestamp(at_s, zone).utcoffset()
    assert offset is not None  # a ZoneInfo has one
    return round(offset.total_seconds())


def onto_grid(values: Floats, source: Grid, *, target: Grid) -> Floats:
    """Means over the intervals of `target` of (N, T) means over those of `source`, weighted by overlap.

    NaN where the source does not cover an interval or is NaN in it.

    Raises
    ------
    ForecastError
        For values that do not lie on `source`.
    """
    if values.ndim != 2 or values.shape[1] != source.count:
        raise ForecastError(f"values of shape {values.shape} do not lie on {source.count} intervals")
    from_s, to_s = _edges(source, source), _edges(target, source)
    overlap = np.minimum(from_s[1:, None], to_s[None, 1:]) - np.maximum(from_s[:-1, None], to_s[None, :-1])
    weight = np.maximum(overlap, 0.0) / target.interval_s
    gap = np.isnan(values).astype(np.float64) @ weight > 0
    covered = weight.sum(axis=0) > 1 - 1e-9
    return np.where(gap | ~covered, np.nan, np.nan_to_num(values) @ weight)


def _edges(grid: Grid, origin: Grid) -> Floats:
    first = (grid.starts_at - origin.starts_at).total_seconds()
    return first + grid.interval_s * np.arange(grid.count + 1, dtype=np.float64)
