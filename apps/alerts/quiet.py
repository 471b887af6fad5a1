"""Quiet hours by the wall clock: when something that comes now may be told. Pure."""

from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
# Quiet hours last less than a day; the clocks go back by an hour at most.
LONGEST_MIN = 25 * 60


class Quiet(NamedTuple):
    """From when (included) to when (not included) the wall clock must show; over midnight where `end` is earlier."""

    start: time
    end: time

    def holds(self, at: datetime, zone: ZoneInfo) -> bool:
        """Whether it is quiet at an instant. The same start and end: never."""
        wall = at.astimezone(zone).time()
        if self.start <= self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end


def told_at(now: datetime, quiet: Quiet | None, *, zone: ZoneInfo) -> datetime:
    """Return `now`, or the first whole minute after it that is not quiet.

    Wall clocks are asked minute by minute: where they jump, an end that they skip has passed, and an hour that they
    show twice is judged by what they show.
    """
    if quiet is None or not quiet.holds(now, zone):
        return now
    at = now.astimezone(UTC).replace(second=0, microsecond=0)
    for _ in range(LONGEST_MIN):
        at += MINUTE
        if not quiet.holds(at, zone):
            return at
    return at
