"""Quarter-hours of past days at the same wall-clock times, as rows of arrays."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.telemetry.arrays import quarter_values_at

Floats = NDArray[np.float64]
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
MISSING = -1


@dataclasses.dataclass(frozen=True)
class Intervals:
    """A stretch of equal intervals [s]."""

    starts_at: datetime
    interval_s: int
    count: int

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=self.interval_s)

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + self.count * self.step


@dataclasses.dataclass(frozen=True)
class SignalIntervals(Intervals):
    """The intervals of a grid signal, as this app needs them (signals live above)."""

    signal_id: UUID


@dataclasses.dataclass(frozen=True)
class Row:
    """`count` quarter-hours from the wall-clock time `starts`; the event is [event_starts, event_ends) of them."""

    starts: datetime
    count: int
    event_starts: int
    event_ends: int
    event_date: date
    zone: ZoneInfo

    def position(self, at: datetime) -> int:
        """Return where the quarter-hour that begins at `at` stands."""
        return (_wall(at, self.zone) - self.starts) // QUARTER

    def instants_on(self, day: date) -> list[tuple[datetime, ...]]:
        """Return the quarter-hours of each position on `day`: none in spring's gap, two in autumn's doubled hour."""
        first = self.starts + (day - self.event_date)
        return [_instants(first + index * QUARTER, self.zone) for index in range(self.count)]


def parts_of(intervals: Intervals) -> list[list[datetime]]:
    """Return the quarter-hours that a signal touches, in parts of a day at most."""
    first = intervals.starts_at - (intervals.starts_at - datetime.min.replace(tzinfo=UTC)) % QUARTER
    count = -((first - intervals.ends_at) // QUARTER)
    quarters = [first + index * QUARTER for index in range(count)]
    length = DAY // QUARTER
    return [quarters[begin : begin + length] for begin in range(0, count, length)]


def part_row(
    part: Sequence[datetime], *, zone: ZoneInfo, hours: tuple[int, int], whole_day: bool = False
) -> Row:
    """Return the row of an event with so many hours before and after it, or at least its whole day."""
    walls = [_wall(at, zone) for at in part]
    return wall_row(min(walls), max(walls) + QUARTER, zone=zone, hours=hours, whole_day=whole_day)


def wall_row(
    begin: datetime, end: datetime, *, zone: ZoneInfo, hours: tuple[int, int], whole_day: bool
) -> Row:
    """Return the row of an event between two wall-clock times."""
    starts, ends = begin - timedelta(hours=hours[0]), end + timedelta(hours=hours[1])
    if whole_day:
        midnight = datetime.combine(begin.date(), time())
        starts, ends = min(starts, midnight), max(ends, midnight + DAY)
    return Row(
        starts,
        (ends - starts) // QUARTER,
        (begin - starts) // QUARTER,
        (end - starts) // QUARTER,
        begin.date(),
        zone,
    )


def rows_of_days(
    *,
    site_ids: Sequence[int],
    row: Row,
    days: Sequence[date],
    hidden: tuple[datetime, datetime] | None = None,
    column: str = "grid_kw",
) -> Floats:
    """Return (sites, days, quarter-hours) means [kW], NaN where nothing was measured or in the `hidden` period."""
    places = [row.instants_on(day) for day in days]
    instants = sorted(
        {
            at
            for day in places
            for found in day
            for at in found
            if hidden is None or not hidden[0] - QUARTER < at < hidden[1]
        }
    )
    index = {at: position for position, at in enumerate(instants)}
    # One more column stands for everything that is missing.
    values = np.full((len(site_ids), len(instants) + 1), np.nan)
    values[:, :-1] = quarter_values_at(site_ids=site_ids, column=column, instants=instants)
    first, last = (
        np.array(
            [[index.get(found[side], MISSING) if found else MISSING for found in day] for day in places],
            dtype=np.int64,
        ).reshape(len(days), row.count)
        for side in (0, -1)
    )
    chosen: Floats = values[:, first]
    doubled = first != last
    if doubled.any():
        chosen[:, doubled] = (chosen[:, doubled] + values[:, last[doubled]]) / 2
    return chosen


def _wall(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None)


def _instants(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    both = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(at for at in both if _wall(at, zone) == wall))
