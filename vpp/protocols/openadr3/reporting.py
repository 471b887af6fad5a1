"""Which reports an event asks for, when each is due and which periods it covers.

Rules (OpenADR 3.1.0 description of reportDescriptor, and the User Guide's 7.5 and 8.3-8.8 where it is clear):

- Intervals are counted from 0 over all rounds of a repeated event. The first historical report comes at the end of
  `startInterval` and covers the `numIntervals` up to it; a report that looks ahead comes at the interval's start and
  covers those from it on. Every further one is `frequency` intervals later, `repeat` of them in all.
- `startInterval` -1 is the last interval; for repeated reports the one that completes the first set; for reports that look
  ahead the first, and that report comes up to a day before it. `numIntervals` -1 is as many as the event lists;
  `frequency` -1 is the same as `numIntervals`; 0 leaves the choice to us, and we take every interval.
- An event without intervals implies as many of its `intervalPeriod`'s length as are needed, by default quarter-hours.
  Where the frequency is ours too, the first report comes at once, on the time just before.
- Of reports that were due before the event was said, only the newest is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, islice
from typing import Final

from vpp.errors import VppError
from vpp.intervals import FOREVER, INFINITE, parse_duration
from vpp.intervals import Interval as Period
from vpp.protocols.openadr3.common import ReportDescriptor, parse_start
from vpp.protocols.openadr3.event import EventRequest
from vpp.protocols.openadr3.timing import Draw, expand, no_shift

QUARTER: Final = timedelta(minutes=15)
LEAD: Final = timedelta(days=1)
LONGEST_PART: Final = timedelta(days=2)
MOST_INTERVALS: Final = 1000
_EPOCH: Final = parse_start("1970-01-01T00:00:00Z") or FOREVER


class ReportRequestError(VppError):
    """A report that cannot be made as asked."""

    code = "report_request"


@dataclass(frozen=True, slots=True)
class ReportInterval:
    """A period to report on; `id` is the event's own number where the event has one for it."""

    id: int
    period: Period


@dataclass(frozen=True, slots=True)
class DueReport:
    """A report to be made at `at`."""

    at: datetime
    intervals: tuple[ReportInterval, ...]


@dataclass(frozen=True, slots=True)
class _Rounds:
    """An event's intervals, one round of them and how often it comes again."""

    once: tuple[ReportInterval, ...]
    starts_at: datetime
    span: timedelta
    rounds: int
    over_at: datetime
    implied: bool

    def get(self, index: int) -> ReportInterval | None:
        """Interval `index` counted over all rounds; None where the event ends before it."""
        number, place = divmod(index, len(self.once))
        if number >= self.rounds:
            return None
        one, shift = self.once[place], self.span * number if number else timedelta(0)
        if self.over_at - one.period.starts_at <= shift:
            return None
        starts_at = one.period.starts_at + shift
        late = self.over_at - one.period.ends_at <= shift
        ends_at = self.over_at if late else one.period.ends_at + shift
        return ReportInterval(index if self.implied else one.id, Period(starts_at, ends_at))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A descriptor with its defaults filled in."""

    first: int
    count: int
    step: int
    repeat: int | None
    ahead: bool
    lead: timedelta


def reports_due(
    descriptor: ReportDescriptor,
    event: EventRequest,
    *,
    said_at: datetime,
    since: datetime | None = None,
    until: datetime,
    draw: Draw = no_shift,
) -> Iterator[DueReport]:
    """Give the reports that are due after `since` (exclusive) up to `until`, in their order.

    Parameters
    ----------
    descriptor, event
        What is asked for, as decoded from the wire.
    said_at
        When the event was created or changed: what a start of "now" means. Of what was due until then only the
        newest is given.
    since
        Up to when reports have been given before; None for never.
    draw
        For random shifts of starts, see `timing.resolve`.

    Raises
    ------
    ReportRequestError
        For numbers that mean nothing.
    TimingError
        Where the event's own times cannot be told.
    """
    rounds = _rounds(descriptor, event, said_at=said_at, draw=draw)
    if rounds is None:
        return
    plan = _plan(descriptor, rounds)
    missed: tuple[datetime, int] | None = None
    for at, index in _times(rounds, plan, after=max(said_at, since or said_at), until=until):
        if at > until or (since is not None and at <= since):
            continue
        if at <= said_at:
            missed = max(missed, (at, index)) if missed else (at, index)
            continue
        if missed:
            yield _report(rounds, plan, descriptor=descriptor, place=missed)
            missed = None
        yield _report(rounds, plan, descriptor=descriptor, place=(at, index))
    if missed:
        yield _report(rounds, plan, descriptor=descriptor, place=missed)


def next_due(
    descriptor: ReportDescriptor,
    event: EventRequest,
    *,
    said_at: datetime,
    after: datetime,
    draw: Draw = no_shift,
) -> datetime | None:
    """Give when the first report after `after` is due; None where no more comes. Errors as in `reports_due`."""
    rounds = _rounds(descriptor, event, said_at=said_at, draw=draw)
    if rounds is None:
        return None
    times = _times(rounds, _plan(descriptor, rounds), after=after, until=FOREVER)
    return next((at for at, _ in times if at > after), None)


def _rounds(
    descriptor: ReportDescriptor, event: EventRequest, *, said_at: datetime, draw: Draw
) -> _Rounds | None:
    if not event.intervals:
        return _implied(descriptor, event, said_at=said_at)
    found = tuple(islice(expand(event, now=said_at, draw=draw), len(event.intervals)))
    once = tuple(ReportInterval(one.id, one.period) for one in found)
    if not once:
        return None
    starts_at = min(one.period.starts_at for one in once)
    ends_at = max(one.period.ends_at for one in once)
    length = parse_duration(event.duration) if event.duration is not None else ends_at - starts_at
    over_at = FOREVER if length >= FOREVER - starts_at else starts_at + length
    return _repeated(once, starts_at=starts_at, ends_at=ends_at, over_at=over_at)


def _implied(descriptor: ReportDescriptor, event: EventRequest, *, said_at: datetime) -> _Rounds | None:
    """Intervals of an event that lists none; ours to choose where it does not say how long they are."""
    period = event.interval_period
    said = parse_start(period.start) if period is not None and period.start is not None else None
    starts_at = said or said_at
    step = parse_duration(period.duration) if period is not None and period.duration else timedelta(0)
    if not step or step == INFINITE or step >= FOREVER - starts_at:
        step = QUARTER
    length = parse_duration(event.duration) if event.duration is not None else INFINITE
    over_at = FOREVER if length >= FOREVER - starts_at else starts_at + length
    if descriptor.frequency == 0 and descriptor.historical:
        starts_at -= step
    if over_at <= starts_at:
        return None
    once = (ReportInterval(0, Period(starts_at, starts_at + step)),)
    return _repeated(once, starts_at=starts_at, ends_at=starts_at + step, over_at=over_at, implied=True)


def _repeated(
    once: tuple[ReportInterval, ...],
    *,
    starts_at: datetime,
    ends_at: datetime,
    over_at: datetime,
    implied: bool = False,
) -> _Rounds:
    span = ends_at - starts_at
    rounds = 1 if ends_at == FOREVER else -((starts_at - over_at) // span)
    return _Rounds(once, starts_at, span, rounds, over_at, implied)


def _plan(descriptor: ReportDescriptor, rounds: _Rounds) -> _Plan:
    _check(descriptor)
    listed = len(rounds.once)
    covered = listed if descriptor.num_intervals == -1 else descriptor.num_intervals
    step = {-1: covered, 0: 1}.get(descriptor.frequency, descriptor.frequency)
    first = descriptor.start_interval
    ahead = not descriptor.historical
    lead = LEAD if ahead and first == -1 else timedelta(0)
    if first == -1 and ahead:
        first = 0
    elif first == -1 and rounds.implied:
        first = covered - 1
    elif first == -1:
        sets = descriptor.repeat != 1 and (rounds.rounds > 1 or step <= listed)
        first = step - 1 if sets else listed - 1
    repeat = None if descriptor.repeat == -1 else descriptor.repeat
    return _Plan(first, covered, step, repeat, ahead, lead)


def _check(descriptor: ReportDescriptor) -> None:
    least = {"start_interval": 0, "num_intervals": 1, "frequency": 0, "repeat": 1}
    for name, lowest in least.items():
        value = getattr(descriptor, name)
        if value != -1 and value < lowest:
            raise ReportRequestError(f"a report of {name.replace('_', ' ')} {value} cannot be made")


def _times(
    rounds: _Rounds, plan: _Plan, *, after: datetime, until: datetime
) -> Iterator[tuple[datetime, int]]:
    """Give when reports are due and by which interval, from the last one at or before `after` on."""
    for number in count(_first_number(rounds, plan, after=after)):
        index = plan.first + number * plan.step
        round_ = index // len(rounds.once)
        if (plan.repeat is not None and number >= plan.repeat) or round_ >= rounds.rounds:
            return
        if round_ and rounds.starts_at + rounds.span * round_ - plan.lead > until:
            return
        interval = rounds.get(index)
        if interval is None or (not plan.ahead and interval.period.ends_at == FOREVER):
            continue
        lead = plan.lead if number == 0 else timedelta(0)
        yield (interval.period.starts_at - lead if plan.ahead else interval.period.ends_at), index


def _first_number(rounds: _Rounds, plan: _Plan, *, after: datetime) -> int:
    """The first report that need be looked at: an event that repeats for ever may be years old."""
    passed = max(0, (after - rounds.starts_at) // rounds.span - 1)
    number = max(0, (passed * len(rounds.once) - plan.first) // plan.step - 1)
    return number if plan.repeat is None else min(number, plan.repeat - 1)


def _report(
    rounds: _Rounds, plan: _Plan, *, descriptor: ReportDescriptor, place: tuple[datetime, int]
) -> DueReport:
    at, index = place
    some = min(plan.count, MOST_INTERVALS)
    indices = range(index, index + some) if plan.ahead else range(max(0, index - some + 1), index + 1)
    covered = [one for one in map(rounds.get, indices) if one is not None]
    if descriptor.report_intervals == "INTERVALS":
        parts = [one for one in covered if one.period.ends_at != FOREVER]
    elif descriptor.report_intervals == "SUB_INTERVALS":
        parts = _parts(covered if plan.ahead else covered[::-1])
        parts = parts if plan.ahead else sorted(parts, key=lambda one: one.period.starts_at)
    else:
        parts = _open(covered)
    return DueReport(at, tuple(parts[:MOST_INTERVALS] if plan.ahead else parts[-MOST_INTERVALS:]))


def _parts(covered: list[ReportInterval]) -> list[ReportInterval]:
    """Quarter-hours of intervals, whole intervals until there are enough."""
    parts: list[ReportInterval] = []
    for one in covered:
        if len(parts) >= MOST_INTERVALS:
            break
        parts += [ReportInterval(one.id, part) for part in _bounded(one.period).steps(QUARTER)]
    return parts


def _open(covered: list[ReportInterval]) -> list[ReportInterval]:
    """Whole quarter-hours of the clock within the intervals; the span itself where none fits."""
    if not covered:
        return []
    spans = [_bounded(one.period) for one in covered]
    span = Period(min(one.starts_at for one in spans), max(one.ends_at for one in spans))
    first = span.starts_at + (_EPOCH - span.starts_at) % QUARTER
    fitting = (span.ends_at - first) // QUARTER
    if fitting < 1:
        return [ReportInterval(0, span)]
    starts = (first + index * QUARTER for index in range(min(fitting, MOST_INTERVALS)))
    return [ReportInterval(index, Period(at, at + QUARTER)) for index, at in enumerate(starts)]


def _bounded(period: Period) -> Period:
    """A period without end is told of two days at a time."""
    return Period(period.starts_at, period.starts_at + LONGEST_PART) if period.ends_at == FOREVER else period
