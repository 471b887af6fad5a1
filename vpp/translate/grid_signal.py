"""What any utility's protocol is turned into, before the platform has accepted it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from vpp.errors import VppError
from vpp.intervals import Grid, Interval

LONGEST_SIGNAL = timedelta(days=7)
FINEST_INTERVAL_S = 60


class SignalError(VppError):
    """A utility's message that the platform cannot act on."""

    code = "unusable_signal"


class EventWithoutIntervals(SignalError):
    """Nothing is asked for."""

    code = "event_without_intervals"


class EventInThePast(SignalError):
    """The last interval has ended."""

    code = "event_in_the_past"


class EventTooLong(SignalError):
    """More than seven days, or without end."""

    code = "event_too_long"


class OverlappingIntervals(SignalError):
    """Two intervals ask for something at the same time."""

    code = "overlapping_intervals"


class IntervalTooFine(SignalError):
    """The intervals have no common step of a minute or more."""

    code = "interval_too_fine"


class UnsupportedPayload(SignalError):
    """A payload type, or a form of it, that the platform does not act on."""

    code = "unsupported_payload"


class EventWithoutPayload(SignalError):
    """An interval that says nothing."""

    code = "event_without_payload"


class UnsupportedUnits(SignalError):
    """A target in something else than kW."""

    code = "unsupported_units"


class PositiveSetpointUnsupported(SignalError):
    """The utility asks for more consumption."""

    code = "positive_setpoint_unsupported"


@dataclass(frozen=True, slots=True)
class GridSignalDraft:
    """A request on a regular grid: `target_kw` [kW], >= 0, is the shed asked for in each interval."""

    kind: Literal["shed"]
    starts_at: datetime
    ends_at: datetime
    interval_s: int
    target_kw: tuple[float, ...]

    @property
    def grid(self) -> Grid:
        """The draft's intervals."""
        return Grid(self.starts_at, self.interval_s, len(self.target_kw))


def draft_shed(
    pieces: Sequence[tuple[Interval, float]], *, now: datetime, longest_interval_s: int = 900
) -> GridSignalDraft:
    """Put targets on the coarsest regular grid that holds every boundary.

    The grid's step is the greatest common divisor of all lengths, halved, thirded, … until it is at most
    `longest_interval_s` [s], so that a plan has steps to work with. Gaps between intervals ask for nothing.

    Parameters
    ----------
    pieces
        Period and shed [kW], in any order.
    now
        Whether it is all over is judged here.

    Raises
    ------
    SignalError
        One of its kinds: no intervals, overlapping, too long, past, too fine.
    """
    if not pieces:
        raise EventWithoutIntervals("the event has no intervals")
    ordered = sorted(pieces, key=lambda piece: piece[0].starts_at)
    for (before, _), (after, _) in pairwise(ordered):
        if after.starts_at < before.ends_at:
            raise OverlappingIntervals(
                f"an interval starts at {after.starts_at} before one ends at {before.ends_at}"
            )
    starts_at, ends_at = ordered[0][0].starts_at, ordered[-1][0].ends_at
    if ends_at <= now:
        raise EventInThePast(f"the event ended at {ends_at.isoformat()}")
    if ends_at - starts_at > LONGEST_SIGNAL:
        raise EventTooLong(f"the event is longer than {LONGEST_SIGNAL.days} days")
    step_s = _step_s([piece for piece, _ in ordered], longest_interval_s=longest_interval_s)
    step = timedelta(seconds=step_s)
    target_kw = [0.0] * ((ends_at - starts_at) // step)
    for period, kw in ordered:
        for index in range((period.starts_at - starts_at) // step, (period.ends_at - starts_at) // step):
            target_kw[index] = kw
    return GridSignalDraft("shed", starts_at, ends_at, step_s, tuple(target_kw))


def _step_s(periods: Sequence[Interval], *, longest_interval_s: int) -> int:
    microsecond = timedelta(microseconds=1)
    origin = periods[0].starts_at
    marks = [(at - origin) // microsecond for period in periods for at in (period.starts_at, period.ends_at)]
    whole_s, rest = divmod(math.gcd(*marks), 1_000_000)
    if rest or whole_s < FINEST_INTERVAL_S:
        raise IntervalTooFine(f"the intervals have no common step of {FINEST_INTERVAL_S} s or more")
    for parts in range(-(-whole_s // longest_interval_s), whole_s // FINEST_INTERVAL_S + 1):
        if whole_s % parts == 0:
            return whole_s // parts
    return whole_s
