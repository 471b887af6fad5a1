"""Durations and validity of what a resource manager said."""

from bisect import insort
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from s2python.generated.gen_s2 import Duration

T = TypeVar("T")
_MOST = 24
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# What a peer says is valid from now on is valid, though its clock be a little ahead of ours.
CLOCKS_DIFFER = timedelta(seconds=2)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def seconds(duration: Duration | None) -> float:
    """A duration in seconds [s]; none is none."""
    return 0.0 if duration is None else duration.root / 1000.0


def after(at: datetime, duration: Duration | None) -> datetime:
    """The instant a duration later."""
    try:
        return min(at + timedelta(seconds=seconds(duration)), LATEST)
    except OverflowError:
        return LATEST


class Timeline(Generic[T]):
    """Successive descriptions, each valid from an instant on; the one sent last counts where two begin alike."""

    def __init__(self) -> None:
        self._said: list[tuple[datetime, int, T]] = []
        self._count = 0

    def add(self, valid_from: datetime, said: T) -> None:
        """Take up one more; the oldest of too many are dropped."""
        self._count += 1
        insort(self._said, (valid_from, self._count, said), key=lambda entry: entry[:2])
        del self._said[:-_MOST]

    def at(self, now: datetime) -> T | None:
        """What is valid now."""
        valid = [said for valid_from, _, said in self._said if valid_from <= now + CLOCKS_DIFFER]
        return valid[-1] if valid else None

    def all(self) -> list[T]:
        """Everything said, in order of validity."""
        return [said for _, _, said in self._said]

    def drop(self, gone: Callable[[T], bool]) -> bool:
        """Forget what was revoked; whether there was any."""
        kept = [entry for entry in self._said if not gone(entry[2])]
        found, self._said = len(kept) < len(self._said), kept
        return found
