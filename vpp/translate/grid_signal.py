"""What any utility's protocol is turned into, before the platform has accepted it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal, get_args

from vpp.errors import VppError
from vpp.intervals import Grid, Interval

LONGEST_SIGNAL = timedelta(days=7)
FINEST_INTERVAL_S = 60

# What is asked, per interval, and in which unit the values are:
# shed          so much less than the baseline [kW], >= 0
# setpoint      so much drawn by all homes together [kW]
# level         0 nothing, 1 moderate, 2 high, 3 all there is, by the program's shares
# price, export_price   what a kWh costs, or earns [currency/kWh]
# ghg           what a kWh emits [g/kWh]
# charge_state  how full batteries are to be: a share [0-1], or energy of all together [kWh]
# import_limit, export_limit   most power through the meter, each direction [kW], >= 0
# device        for devices that know it; nothing for the platform to decide
# notice        for people; nothing to do
SignalKind = Literal[
    "shed", "setpoint", "level", "price", "export_price", "ghg", "charge_state", "import_limit", "export_limit",
    "device", "notice",
]  # fmt: skip
KINDS: Final[tuple[str, ...]] = get_args(SignalKind)


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
    """More than seven days."""

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
    """Values in units that the platform does not read."""

    code = "unsupported_units"


class PositiveSetpointUnsupported(SignalError):
    """The utility asks for more consumption than usual."""

    code = "positive_setpoint_unsupported"


@dataclass(frozen=True, slots=True)
class GridSignalDraft:
    """A request on a regular grid.

    Attributes
    ----------
    kind
        What is asked, and the unit of the values; see `SignalKind`.
    starts_at, ends_at, interval_s
        The grid [s].
    values
        One an interval; None where nothing is asked. All None for devices and notices.
    part
        Which part of the utility's event this is, where it asks for several things at once.
    detail
        What goes with the kind: ``currency``, ``unit``, ``fallback_kw``, ``alert`` and ``text``, ``payload`` and
        ``content`` (per interval) for devices, ``endless``.
    """

    kind: SignalKind
    starts_at: datetime
    ends_at: datetime
    interval_s: int
    values: tuple[float | None, ...]
    part: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def grid(self) -> Grid:
        """The draft's intervals."""
        return Grid(self.starts_at, self.interval_s, len(self.values))

    @property
    def target_kw(self) -> tuple[float, ...]:
        """The shed asked for in each interval [kW]; 0 for all other kinds, whose shed, if any, follows from a plan."""
        return tuple(value or 0.0 if self.kind == "shed" else 0.0 for value in self.values)


@dataclass(frozen=True, slots=True)
class OnGrid:
    """Pieces on a regular grid: which piece, by its number, each interval lies in; None for a gap."""

    starts_at: datetime
    ends_at: datetime
    interval_s: int
    piece: tuple[int | None, ...]


def draft_shed(
    pieces: Sequence[tuple[Interval, float]], *, now: datetime, longest_interval_s: int = 900
) -> GridSignalDraft:
    """A draft that asks for a shed [kW] in each piece, and for nothing in the gaps; see `put_on_grid`."""
    grid = put_on_grid([period for period, _ in pieces], now=now, longest_interval_s=longest_interval_s)
    values = tuple(0.0 if place is None else pieces[place][1] for place in grid.piece)
    return GridSignalDraft("shed", grid.starts_at, grid.ends_at, grid.interval_s, values)


def put_on_grid(periods: Sequence[Interval], *, now: datetime, longest_interval_s: int = 900) -> OnGrid:
    """Put periods, in any order, on the coarsest regular grid that holds every boundary.

    The grid's step is the greatest common divisor of all lengths, halved, thirded, … until it is at most
    `longest_interval_s` [s], so that a plan has steps to work with.

    Parameters
    ----------
    periods
        Half-open, none overlapping another.
    now
        Whether it is all over is judged here.

    Raises
    ------
    SignalError
        One of its kinds: no intervals, overlapping, too long, past, too fine.
    """
    if not periods:
        raise EventWithoutIntervals("the event has no intervals")
    order = sorted(range(len(periods)), key=lambda place: periods[place].starts_at)
    for before, after in pairwise([periods[place] for place in order]):
        if after.starts_at < before.ends_at:
            raise OverlappingIntervals(
                f"an interval starts at {after.starts_at} before one ends at {before.ends_at}"
            )
    starts_at, ends_at = periods[order[0]].starts_at, periods[order[-1]].ends_at
    if ends_at <= now:
        raise EventInThePast(f"the event ended at {ends_at.isoformat()}")
    if ends_at - starts_at > LONGEST_SIGNAL:
        raise EventTooLong(f"the event is longer than {LONGEST_SIGNAL.days} days")
    step_s = _step_s([periods[place] for place in order], longest_interval_s=longest_interval_s)
    step = timedelta(seconds=step_s)
    piece: list[int | None] = [None] * ((ends_at - starts_at) // step)
    for place in order:
        first = (periods[place].starts_at - starts_at) // step
        after_last = (periods[place].ends_at - starts_at) // step
        piece[first:after_last] = [place] * (after_last - first)
    return OnGrid(starts_at, ends_at, step_s, tuple(piece))


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
