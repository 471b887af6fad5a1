"""Half-open periods of time, as instants with a zone or as integer milliseconds since the Unix epoch."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from vpp.errors import VppError
from vpp.units import MS_PER_SECOND, SECONDS_PER_HOUR

FOREVER: Final = datetime.max.replace(tzinfo=UTC)
INFINITE: Final = timedelta.max

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class IntervalError(VppError):
    """A period that ends before it starts, or an instant without a time zone."""

    code = "invalid_interval"


class DurationError(VppError):
    """Text that is no ISO 8601 duration, or one that is negative or beyond every calendar."""

    code = "invalid_duration"


class CalendarDurationError(DurationError):
    """Months or years: how long they last depends on the date, so they are refused."""

    code = "calendar_duration"


@dataclass(frozen=True, slots=True)
class Interval:
    """The period [starts_at, ends_at)."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None or self.ends_at.tzinfo is None:
            raise IntervalError("an interval needs instants with a time zone")
        if self.ends_at.astimezone(UTC) <= self.starts_at.astimezone(UTC):
            raise IntervalError(f"interval ends at {self.ends_at} but starts at {self.starts_at}")
        # Python subtracts and compares two instants of one zone by their wall clocks, wrong on a 23 h day.
        object.__setattr__(self, "starts_at", self.starts_at.astimezone(UTC))
        object.__setattr__(self, "ends_at", self.ends_at.astimezone(UTC))

    @property
    def seconds(self) -> float:
        """Length [s]."""
        return (self.ends_at - self.starts_at).total_seconds()

    def contains(self, at: datetime) -> bool:
        """Whether `at` lies in the period; its end does not."""
        return self.starts_at <= at < self.ends_at

    def overlap(self, other: "Interval") -> "Interval | None":
        """The common part, or None."""
        starts_at = max(self.starts_at, other.starts_at)
        ends_at = min(self.ends_at, other.ends_at)
        return Interval(starts_at, ends_at) if starts_at < ends_at else None

    def steps(self, step: timedelta) -> Iterator["Interval"]:
        """Consecutive parts of length `step`; the last may be shorter."""
        if step <= timedelta(0):
            raise IntervalError("a step must be longer than nothing")
        starts_at = self.starts_at
        while starts_at < self.ends_at:
            ends_at = min(starts_at + step, self.ends_at)
            yield Interval(starts_at, ends_at)
            starts_at = ends_at


def to_ms(at: datetime) -> int:
    """Milliseconds since the Unix epoch, rounded down."""
    if at.tzinfo is None:
        raise IntervalError("an instant needs a time zone")
    return (at - _EPOCH) // _MILLISECOND


def from_ms(at_ms: int) -> datetime:
    """The instant (UTC) of milliseconds since the Unix epoch."""
    return _EPOCH + timedelta(milliseconds=at_ms)


def floor_ms(at_ms: int, step_s: float) -> int:
    """The last whole step of `step_s` [s] at or before `at_ms`."""
    step_ms = round(step_s * MS_PER_SECOND)
    return at_ms - at_ms % step_ms


def index_at(at_ms: int, *, starts_at_ms: int, interval_s: int, count: int) -> int | None:
    """Which of `count` contiguous intervals `at_ms` lies in, or None outside of them."""
    index = (at_ms - starts_at_ms) // (interval_s * MS_PER_SECOND)
    return index if 0 <= index < count else None


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` contiguous half-open intervals of `interval_s` [s] each, from `starts_at` (kept in UTC)."""

    starts_at: datetime
    interval_s: int
    count: int

    def __post_init__(self) -> None:
        if self.starts_at.tzinfo is None:
            raise IntervalError("a grid needs a start with a time zone")
        if self.interval_s <= 0 or self.count < 0:
            raise IntervalError(f"a grid of {self.count} intervals of {self.interval_s} s is none")
        object.__setattr__(self, "starts_at", self.starts_at.astimezone(UTC))

    @property
    def ends_at(self) -> datetime:
        """End of the last interval; the start where there is none."""
        return self.starts_at + timedelta(seconds=self.interval_s * self.count)

    @property
    def hours(self) -> float:
        """Length of one interval [h]."""
        return self.interval_s / SECONDS_PER_HOUR

    def interval(self, index: int) -> Interval:
        """Interval `index`, from 0."""
        if not 0 <= index < self.count:
            raise IntervalError(f"interval {index} lies outside a grid of {self.count}")
        starts_at = self.starts_at + timedelta(seconds=self.interval_s * index)
        return Interval(starts_at, starts_at + timedelta(seconds=self.interval_s))

    def index(self, at: datetime) -> int | None:
        """Which interval `at` lies in, or None outside of the grid."""
        if at.tzinfo is None:
            raise IntervalError("an instant needs a time zone")
        index = (at - self.starts_at) // timedelta(seconds=self.interval_s)
        return index if 0 <= index < self.count else None

    def boundaries(self) -> tuple[datetime, ...]:
        """The `count` + 1 instants that bound the intervals."""
        return tuple(
            self.starts_at + timedelta(seconds=self.interval_s * index) for index in range(self.count + 1)
        )


_DURATION = re.compile(
    r"(?P<sign>-?)P(?=\d|T\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds.

    ``P9999Y`` is OpenADR 3's infinity and gives `INFINITE`; any other year or month is refused because
    its length depends on the calendar.

    Raises
    ------
    CalendarDurationError
        For years and months.
    DurationError
        For anything else that is not a duration of zero or more.
    """
    match = _DURATION.fullmatch(text) if len(text) <= 64 else None
    if match is None:
        raise DurationError(f"{text[:64]!r} is not an ISO 8601 duration like PT15M or P1DT2H")
    if text == "P9999Y":
        return INFINITE
    part = {name: value for name, value in match.groupdict().items() if value and name != "sign"}
    if float(part.pop("years", 0)) or float(part.pop("months", 0)):
        raise CalendarDurationError(f"{text!r}: months and years have no fixed length, use days or hours")
    try:
        length = timedelta(**{name: float(value) for name, value in part.items()})
    except OverflowError:
        raise DurationError(f"{text!r} is longer than any calendar (P9999Y means without end)") from None
    if match["sign"] and length:
        raise DurationError(f"{text!r} is negative")
    return length


def format_duration(length: timedelta) -> str:
    """Write a duration as ISO 8601; `INFINITE` as ``P9999Y``. `parse_duration` reads it back."""
    if length == INFINITE:
        return "P9999Y"
    if length < timedelta(0):
        raise DurationError(f"{length} is negative")
    minutes, seconds = divmod(length.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{length.microseconds:06d}".rstrip("0") if length.microseconds else ""
    clock = "".join(f"{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M")) if value)
    if seconds or fraction:
        clock += f"{seconds}{fraction}S"
    days = f"{length.days}D" if length.days else ""
    return f"P{days}T{clock}" if clock else f"P{days}" if days else "PT0S"


def local_day(day: date, zone: ZoneInfo) -> Interval:
    """The local calendar day as instants: 23, 24 or 25 hours where clocks change."""
    midnight = datetime.combine(day, time(), zone)
    next_midnight = datetime.combine(day + timedelta(days=1), time(), zone)
    return Interval(midnight, next_midnight)


def local_day_grid(day: date, zone: ZoneInfo, *, interval_s: int) -> Grid:
    """The local day cut into intervals of `interval_s` [s]: 92, 96 or 100 quarter-hours."""
    whole = local_day(day, zone)
    count = whole.seconds / interval_s if interval_s > 0 else math.nan
    if not count.is_integer():
        raise IntervalError(f"{day} in {zone} is no whole number of intervals of {interval_s} s")
    return Grid(whole.starts_at, interval_s, int(count))


def local_date(at: datetime, zone: ZoneInfo) -> date:
    """The calendar date of an instant in `zone`."""
    if at.tzinfo is None:
        raise IntervalError("an instant needs a time zone")
    return at.astimezone(zone).date()


def same_local_time(at: datetime, *, day: date, zone: ZoneInfo) -> datetime:
    """The instant on `day` that shows the wall-clock time `at` shows in `zone`.

    A wall-clock time that `day` skips gives the instant as far after the gap's start (02:30 becomes 03:30);
    one that `day` has twice gives the first.
    """
    if at.tzinfo is None:
        raise IntervalError("an instant needs a time zone")
    wall = at.astimezone(zone).time()
    return datetime.combine(day, wall.replace(fold=0), zone).astimezone(UTC)
