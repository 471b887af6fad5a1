"""When an event's intervals are: OpenADR 3.1's relative and defaulted times as half-open periods.

Rules (OpenADR 3.1.0 User Guide and Definition, as summarized in the project's notes): the event's
`intervalPeriod` gives the defaults; an interval's own one overrides either part; an interval without a
start of its own follows the one before; a start in the year 1 means "now" for the first interval and
"follow" for the others; ``P9999Y`` has no end. A `randomizeStart` shifts a start by up to its length either
way, and with it the intervals that follow. The event's own duration, counted from the earliest start, cuts
its intervals short or repeats them as a whole, for ever if it is ``P9999Y``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, islice

from vpp.errors import VppError
from vpp.intervals import FOREVER, INFINITE, parse_duration
from vpp.intervals import Interval as Period
from vpp.protocols.openadr3.common import Interval, IntervalPeriod, ValuesMap, parse_start
from vpp.protocols.openadr3.event import EventRequest

MOST_INTERVALS = 100_000
Draw = Callable[[int], float]


class TimingError(VppError):
    """Intervals whose times cannot be told."""

    code = "invalid_timing"


class IntervalWithoutStart(TimingError):
    """The first interval has no start, neither of its own nor from the event."""

    code = "interval_without_start"


class IntervalWithoutDuration(TimingError):
    """An interval has no duration, neither of its own nor from the event."""

    code = "interval_without_duration"


class EmptyInterval(TimingError):
    """An interval, or the whole event, of no length."""

    code = "empty_interval"


class EndlessEvent(TimingError):
    """Intervals that repeat for ever, asked for all at once."""

    code = "endless_event"


class TooManyIntervals(TimingError):
    """An event whose repetitions are more than anybody can act on."""

    code = "too_many_intervals"


@dataclass(frozen=True, slots=True)
class TimedInterval:
    """An interval's number, its period (`FOREVER` where it has no end) and its payloads."""

    id: int
    period: Period
    payloads: tuple[ValuesMap, ...]


def no_shift(index: int) -> float:
    """The draw of one who randomizes nothing."""
    return 0.0


def resolve(
    event: EventRequest,
    *,
    now: datetime,
    until: datetime | None = None,
    since: datetime | None = None,
    draw: Draw = no_shift,
) -> tuple[TimedInterval, ...]:
    """Give each interval of an event its absolute period, in the order sent, round after round.

    Parameters
    ----------
    event
        As decoded from the wire; without intervals the result is empty.
    now
        What a start of "now" means: the instant the event was created or changed, so that resolving
        again later gives the same.
    until
        Rounds of a repeated event that begin at or after it are left out.
    since
        Rounds of a repeated event that are over by then are left out: one that runs for years is not counted from
        its beginning.
    draw
        Gives for the interval at an index (0 is the first) how far of its `randomizeStart` its start is
        shifted, from -1 to 1.

    Raises
    ------
    TimingError
        One of its kinds, with its own code: see this module.
    """
    found = tuple(islice(expand(event, now=now, until=until, since=since, draw=draw), MOST_INTERVALS + 1))
    if len(found) <= MOST_INTERVALS:
        return found
    if until is None and event.duration is not None and parse_duration(event.duration) == INFINITE:
        raise EndlessEvent("the event repeats its intervals for ever")
    raise TooManyIntervals(f"the event has more than {MOST_INTERVALS} intervals")


def expand(
    event: EventRequest,
    *,
    now: datetime,
    until: datetime | None = None,
    since: datetime | None = None,
    draw: Draw = no_shift,
) -> Iterator[TimedInterval]:
    """The same as `resolve` one after the other, without end where the event has none.

    What is wrong with the event's own intervals is raised before the first is given.
    """
    once = _once(event, now=now, draw=draw)
    if not once:
        return iter(())
    starts_at, ends_at = _span(once)
    length = None if event.duration is None else parse_duration(event.duration)
    if length is not None and not length:
        raise EmptyInterval("the event has no length; to end an event, delete it")
    over_at = ends_at if length is None else _end(starts_at, length)
    last = min(over_at, until or FOREVER)
    if ends_at == FOREVER:
        return _rounds(once, numbers=iter([0]), span=timedelta(0), last=last, over_at=over_at)
    first = max(0, (since - starts_at) // (ends_at - starts_at)) if since is not None else 0
    return _rounds(once, numbers=count(first), span=ends_at - starts_at, last=last, over_at=over_at)


def lifespan(event: EventRequest, *, now: datetime) -> Period | None:
    """From the earliest start to the end of the last interval or of the event's duration.

    None where the event has no intervals. `now` is as in `resolve`; random shifts are not counted.
    """
    once = _once(event, now=now, draw=no_shift)
    if not once:
        return None
    starts_at, ends_at = _span(once)
    length = None if event.duration is None else parse_duration(event.duration)
    if length is not None and not length:
        raise EmptyInterval("the event has no length; to end an event, delete it")
    return Period(starts_at, ends_at if length is None else _end(starts_at, length))


def is_void(event: EventRequest) -> bool:
    """Whether every interval has no length, by which business logic may end an event it does not delete."""
    default = event.interval_period or IntervalPeriod()
    texts = [_duration_text(interval, default) for interval in event.intervals or ()]
    if event.duration is not None and not parse_duration(event.duration):
        return True
    return bool(texts) and all(text is not None and not parse_duration(text) for text in texts)


def _rounds(
    once: list[TimedInterval], *, numbers: Iterator[int], span: timedelta, last: datetime, over_at: datetime
) -> Iterator[TimedInterval]:
    """The intervals of these rounds, each `span` after the one before, as far as they begin before `last`."""
    starts_at = min(one.period.starts_at for one in once)
    for number in numbers:
        shift = span * number
        if last - starts_at <= shift:
            return
        for interval in once:
            moved = _moved(interval, shift=shift, over_at=over_at)
            if moved is not None:
                yield moved


def _moved(interval: TimedInterval, *, shift: timedelta, over_at: datetime) -> TimedInterval | None:
    if over_at - interval.period.starts_at <= shift:
        return None
    starts_at = interval.period.starts_at + shift
    ends_at = min(_end(interval.period.ends_at, shift), over_at)
    return TimedInterval(interval.id, Period(starts_at, ends_at), interval.payloads)


def _span(once: list[TimedInterval]) -> tuple[datetime, datetime]:
    return min(one.period.starts_at for one in once), max(one.period.ends_at for one in once)


def _once(event: EventRequest, *, now: datetime, draw: Draw) -> list[TimedInterval]:
    default = event.interval_period or IntervalPeriod()
    timed: list[TimedInterval] = []
    follows: datetime | None = None
    for index, interval in enumerate(event.intervals or ()):
        starts_at = _start(interval, default, follows=follows, now=now)
        starts_at = _shifted(starts_at, _randomized(interval, default, index=index), draw=draw, index=index)
        ends_at = _end(starts_at, _duration(interval, default))
        timed.append(TimedInterval(interval.id, Period(starts_at, ends_at), tuple(interval.payloads)))
        follows = ends_at
    return timed


def _start(
    interval: Interval, default: IntervalPeriod, *, follows: datetime | None, now: datetime
) -> datetime:
    own = interval.interval_period or IntervalPeriod()
    text = own.start if own.start is not None or follows is not None else default.start
    if text is not None and (at := parse_start(text)) is not None:
        return at
    if follows == FOREVER:
        raise TimingError(f"interval {interval.id} follows one that has no end")
    if follows is not None:
        return follows
    if text is None:
        raise IntervalWithoutStart(f"interval {interval.id} is the first and has no start")
    return now


def _randomized(interval: Interval, default: IntervalPeriod, *, index: int) -> timedelta:
    """How far a start may be shifted: the event's own value belongs to its start, so to the first interval."""
    own = interval.interval_period
    text = own.randomize_start if own is not None else None
    if text is None and index == 0:
        text = default.randomize_start
    return parse_duration(text) if text is not None else timedelta(0)


def _shifted(starts_at: datetime, most: timedelta, *, draw: Draw, index: int) -> datetime:
    if not most:
        return starts_at
    share = draw(index)
    if not -1.0 <= share <= 1.0:
        raise TimingError(f"a draw of {share} does not lie between -1 and 1")
    try:
        shift = most * share
        return starts_at + shift
    except OverflowError:
        raise TimingError(f"randomizeStart of {most.days} days leads out of the calendar") from None


def _duration_text(interval: Interval, default: IntervalPeriod) -> str | None:
    own = interval.interval_period
    return own.duration if own is not None and own.duration is not None else default.duration


def _duration(interval: Interval, default: IntervalPeriod) -> timedelta:
    text = _duration_text(interval, default)
    if text is None:
        raise IntervalWithoutDuration(f"interval {interval.id} has no duration")
    length = parse_duration(text)
    if not length:
        raise EmptyInterval(f"interval {interval.id} has no length; to end an event, delete it")
    return length


def _end(starts_at: datetime, length: timedelta) -> datetime:
    if length == INFINITE or length >= FOREVER - starts_at:
        return FOREVER
    return starts_at + length
