"""When an event's intervals are: OpenADR 3.1's relative and defaulted times as half-open periods.

Rules (OpenADR 3.1.0 User Guide and Definition, as summarized in the project's notes): the event's
`intervalPeriod` gives the defaults; an interval's own one overrides either part; an interval without a
start of its own follows the one before; a start in the year 1 means "now" for the first interval and
"follow" for the others; ``P9999Y`` has no end.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from vpp.errors import VppError
from vpp.intervals import FOREVER, INFINITE, format_duration, parse_duration
from vpp.intervals import Interval as Period
from vpp.protocols.openadr3.common import Interval, IntervalPeriod, ValuesMap, parse_start
from vpp.protocols.openadr3.event import EventRequest


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
    """An interval of no length."""

    code = "empty_interval"


class RandomizeStartUnsupported(TimingError):
    """The sender asks for a random shift of the start."""

    code = "randomize_start_unsupported"


class EventDurationUnsupported(TimingError):
    """The event's own duration would loop or cut its intervals."""

    code = "event_duration_unsupported"


@dataclass(frozen=True, slots=True)
class TimedInterval:
    """An interval's number, its period (`FOREVER` where it has no end) and its payloads."""

    id: int
    period: Period
    payloads: tuple[ValuesMap, ...]


def resolve(event: EventRequest, *, now: datetime) -> tuple[TimedInterval, ...]:
    """Give each interval of an event its absolute period, in the order sent.

    `now` is what a start of "now" means: the instant the event was created or changed, so that
    resolving again later gives the same. An event without intervals gives an empty tuple.

    Raises
    ------
    TimingError
        One of its kinds, with its own code: see this module.
    """
    default = event.interval_period or IntervalPeriod()
    timed: list[TimedInterval] = []
    follows: datetime | None = None
    for interval in event.intervals or ():
        starts_at = _start(interval, default, follows=follows, now=now)
        ends_at = _end(starts_at, _duration(interval, default))
        timed.append(TimedInterval(interval.id, Period(starts_at, ends_at), tuple(interval.payloads)))
        follows = ends_at
    if event.duration is not None and timed:
        _check_event_duration(parse_duration(event.duration), timed)
    return tuple(timed)


def _start(
    interval: Interval, default: IntervalPeriod, *, follows: datetime | None, now: datetime
) -> datetime:
    own = interval.interval_period or IntervalPeriod()
    shift = own.randomize_start or default.randomize_start
    if shift is not None and parse_duration(shift):
        raise RandomizeStartUnsupported(f"interval {interval.id} asks to randomize its start by {shift}")
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


def _duration(interval: Interval, default: IntervalPeriod) -> timedelta:
    own = interval.interval_period
    text = own.duration if own is not None and own.duration is not None else default.duration
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


def _check_event_duration(asked: timedelta, timed: list[TimedInterval]) -> None:
    endless = any(interval.period.ends_at == FOREVER for interval in timed)
    total = timedelta(0)
    for interval in timed:
        total = INFINITE if endless else total + (interval.period.ends_at - interval.period.starts_at)
    if asked != total:
        raise EventDurationUnsupported(
            f"the event's duration {format_duration(asked)} is not the sum of its intervals, "
            f"{format_duration(total)}; repeating or cutting them is not supported"
        )
