"""Times of a week at the home: whether a window holds now, and when a deadline comes next."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from vpp.protocols.ores.rules import Routine

_DAY = timedelta(days=1)


def local(at: int, zone: ZoneInfo) -> datetime:
    """What clocks at the home show at an instant [ms]."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)


def holds(routine: Routine, at: int, *, zone: ZoneInfo) -> bool:
    """Whether the window of a routine holds at an instant [ms], by the clock on the wall."""
    now = local(at, zone).replace(tzinfo=None)
    for begins in (now.date(), now.date() - _DAY):
        start = _on(begins, routine.starts)
        length = (_on(begins, routine.ends) - start) % _DAY
        if begins.weekday() in routine.days and start <= now < start + length:
            return True
    return False


def next_deadline(routine: Routine, at: int, *, zone: ZoneInfo) -> int:
    """When a routine's device has to be ready next [ms], after an instant [ms]."""
    today = local(at, zone).date()
    for ahead in range(9):
        day = today + ahead * _DAY
        due = round(_on(day, routine.ends).replace(tzinfo=zone).timestamp() * 1000)
        if day.weekday() in routine.days and due > at:
            return due
    raise AssertionError("a routine without a day")  # the type asks for one at least


def _on(day: date, text: str) -> datetime:
    return datetime.combine(day, time(int(text[:2]), int(text[3:])))
