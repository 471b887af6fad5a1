"""OpenADR 3.1 event content into events of 2.0b, and events of 2.0b into the neutral form that 3.1 has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from vpp.intervals import FOREVER, format_duration
from vpp.intervals import Interval as Period
from vpp.protocols.openadr2b.event import Event2b, Signal, SignalInterval
from vpp.protocols.openadr2b.status import event_status
from vpp.protocols.openadr3.common import EventPayloadDescriptor, Interval, IntervalPeriod, ValuesMap
from vpp.protocols.openadr3.event import EventRequest
from vpp.protocols.openadr3.timing import TimedInterval, resolve
from vpp.translate.grid_signal import EventWithoutIntervals, SignalError, UnsupportedPayload

ENDLESS = timedelta(0)


@dataclass(frozen=True, slots=True)
class Meaning:
    """A 2.0b signal's name and type, its unit (with the scale's factor), and what a gap between intervals says."""

    name: str
    type: str
    measure: str = ""
    unit: str = ""
    factor: float = 1.0
    in_gaps: float | None = None


# 3.1 payload type -> 2.0b signal. Powers go as watts with scale k, so that the numbers stay in kW.
MEANINGS: Mapping[str, Meaning] = {
    "SIMPLE": Meaning("SIMPLE", "level", in_gaps=0.0),
    "PRICE": Meaning("ELECTRICITY_PRICE", "price", "currencyPerKWh"),
    "DISPATCH_SETPOINT": Meaning("LOAD_DISPATCH", "setpoint", "powerReal", "W", 1e3),
    "DISPATCH_SETPOINT_RELATIVE": Meaning("LOAD_DISPATCH", "delta", "powerReal", "W", 1e3, in_gaps=0.0),
    "CHARGE_STATE_SETPOINT": Meaning("CHARGE_STATE", "setpoint", "energyReal", "Wh", 1e3),
    "CONTROL_SETPOINT": Meaning("LOAD_CONTROL", "x-loadControlSetpoint"),
    "CONTROL_LEVEL_OFFSET": Meaning("LOAD_CONTROL", "x-loadControlLevelOffset", in_gaps=0.0),
    "CONTROL_LEVEL_OFFSET_PERCENT": Meaning("LOAD_CONTROL", "x-loadControlPercentOffset", in_gaps=0.0),
}
SUB_INTERVALS = frozenset({"PRICE"})
SIMPLE_LEVELS = frozenset({0.0, 1.0, 2.0, 3.0})


class NotIn2bError(SignalError):
    """An event of which 2.0b has no way to speak."""

    code = "not_in_2b"


def event_to_2b(
    event: EventRequest, *, event_id: str, modification_number: int, said_at: datetime, created_at: datetime,
    market_context: str, now: datetime, canceled: bool = False,
) -> Event2b:  # fmt: skip
    """Say a 3.1 event in 2.0b.

    Payload types of which 2.0b knows no signal are left out. Intervals become contiguous, as 2.0b has them:
    a gap asks for nothing where the signal can say so. A setpoint's percent has no unit in 2.0b.

    Parameters
    ----------
    event
        As decoded from the wire.
    event_id, modification_number, market_context
        The event's name, its count of changes and its program (a URI).
    said_at
        What a start of "now" means.
    created_at
        When the event was made.
    now
        For its status.
    canceled
        Whether it was taken back.

    Raises
    ------
    NotIn2bError
        Nothing of it can be said.
    TimingError
        Its intervals have no times.
    """
    timed = sorted(resolve(event, now=said_at), key=lambda one: one.period.starts_at)
    if not timed:
        raise NotIn2bError("the event has no intervals")
    types = dict.fromkeys(
        payload.type for one in timed for payload in one.payloads if payload.type in MEANINGS
    )
    currencies = {
        one.payload_type: one.currency for one in event.payload_descriptors or () if one.currency is not None
    }
    signals = [_signal(type_, timed, currency=currencies.get(type_)) for type_ in types]
    if not signals:
        raise NotIn2bError("none of the event's payloads has a signal in 2.0b")
    starts_at, ends_at = timed[0].period.starts_at, timed[-1].period.ends_at
    return Event2b(
        event_id=event_id,
        modification_number=modification_number,
        starts_at=starts_at,
        length=ENDLESS if ends_at == FOREVER else ends_at - starts_at,
        status=event_status(starts_at=starts_at, ends_at=ends_at, now=now, canceled=canceled),
        signals=tuple(signals),
        created_at=created_at,
        market_context=market_context,
        # 3.1 counts from 0, the highest; 2.0b from 1, and 0 means none.
        priority=0 if event.priority is None else event.priority + 1,
    )


def _signal(type_: str, timed: Sequence[TimedInterval], *, currency: str | None) -> Signal:
    meaning = MEANINGS[type_]
    pieces = [(one.period, _value(one, type_, meaning=meaning)) for one in timed]
    return Signal(
        name=meaning.name,
        type=meaning.type,
        id=type_,
        intervals=tuple(_contiguous(type_, pieces, timed=timed)),
        measure="" if meaning.unit == "" and currency is None else meaning.measure,
        unit=meaning.unit or (currency or ""),
        factor=meaning.factor,
    )


def _value(interval: TimedInterval, type_: str, *, meaning: Meaning) -> tuple[float, ...]:
    found = [payload for payload in interval.payloads if payload.type == type_]
    if not found:
        if meaning.in_gaps is None:
            raise NotIn2bError(f"interval {interval.id} says no {type_}, which 2.0b cannot leave out")
        return (meaning.in_gaps,)
    values = found[0].values
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values) or not values:
        raise NotIn2bError(f"interval {interval.id}: {type_} needs numbers")
    numbers = tuple(float(value) for value in values if isinstance(value, int | float))
    if len(numbers) > 1 and type_ not in SUB_INTERVALS:
        raise NotIn2bError(f"interval {interval.id}: {type_} needs one value")
    if type_ == "SIMPLE" and not set(numbers) <= SIMPLE_LEVELS:
        raise NotIn2bError(f"interval {interval.id}: SIMPLE is 0, 1, 2 or 3")
    return numbers


def _contiguous(
    type_: str, pieces: Sequence[tuple[Period, tuple[float, ...]]], *, timed: Sequence[TimedInterval]
) -> list[SignalInterval]:
    for before, after in pairwise(timed):
        if after.period.starts_at < before.period.ends_at:
            raise NotIn2bError("the event's intervals overlap")
    made: list[SignalInterval] = []
    follows: datetime | None = None
    for period, values in pieces:
        if follows is not None and period.starts_at > follows:
            made.append(SignalInterval(period.starts_at - follows, _in_gaps(type_)))
        made += _split(period, values)
        follows = period.ends_at
    return made


def _in_gaps(type_: str) -> float:
    value = MEANINGS[type_].in_gaps
    if value is None:
        raise NotIn2bError(f"there is a gap between the intervals, which 2.0b cannot say of {type_}")
    return value


def _split(period: Period, values: tuple[float, ...]) -> list[SignalInterval]:
    if period.ends_at == FOREVER:
        if len(values) > 1:
            raise NotIn2bError("an interval without end cannot be split")
        return [SignalInterval(ENDLESS, values[0])]
    whole = period.ends_at - period.starts_at
    return [SignalInterval(whole / len(values), value) for value in values]


def event_from_2b(event: Event2b, *, program_id: str, level_kw: Sequence[float] = ()) -> EventRequest:
    """Say a 2.0b event in 3.1's neutral form, of which `grid_signal_from_event` makes a grid signal.

    Parameters
    ----------
    event
        As read from the wire; its first interval begins with the active period.
    program_id
        The program that it belongs to.
    level_kw
        What SIMPLE levels 1, 2 and 3 mean in this program: shed [kW]. Without them SIMPLE stays SIMPLE.

    Raises
    ------
    UnsupportedPayload
        For a signal that 3.1 has no word for, or a unit that is not the signal's.
    EventWithoutIntervals
        For an event without signals.
    """
    if not event.signals or not event.signals[0].intervals:
        raise EventWithoutIntervals("the event has no intervals")
    payloads = [_payloads(signal, level_kw=level_kw) for signal in event.signals]
    lengths = [one.length for one in event.signals[0].intervals]
    if any([one.length for one in signal.intervals] != lengths for signal in event.signals):
        raise UnsupportedPayload("the event's signals have different intervals")
    return EventRequest(
        program_id=program_id,
        event_name=event.event_id,
        priority=None if event.priority == 0 else event.priority - 1,
        payload_descriptors=[descriptor for descriptor, _ in payloads],
        interval_period=IntervalPeriod(start=event.starts_at.isoformat()),
        intervals=[
            Interval(
                id=index,
                interval_period=IntervalPeriod(duration=_lasting(length, event=event, count=len(lengths))),
                payloads=[values[index] for _, values in payloads],
            )
            for index, length in enumerate(lengths)
        ],
    )


def _lasting(length: timedelta, *, event: Event2b, count: int) -> str:
    """An only interval may leave its length to the active period."""
    if length == ENDLESS and count == 1 and event.length:
        return format_duration(event.length)
    return "P9999Y" if length == ENDLESS else format_duration(length)


def _payloads(signal: Signal, *, level_kw: Sequence[float]) -> tuple[EventPayloadDescriptor, list[ValuesMap]]:
    numbers = [one.value for one in signal.intervals]
    if signal.name.upper() == "SIMPLE" and level_kw:
        sheds = (0.0, *level_kw)
        if not set(numbers) <= {float(level) for level in range(len(sheds))}:
            raise UnsupportedPayload("the program knows no shed for one of the event's levels")
        numbers = [-sheds[int(level)] for level in numbers]
        return _said("DISPATCH_SETPOINT_RELATIVE", numbers, units="KW")
    type_ = _type_of(signal)
    meaning = MEANINGS[type_]
    if meaning.unit:
        if signal.unit not in {"", meaning.unit}:
            raise UnsupportedPayload(
                f"{signal.name} in {signal.unit} is not supported, only in {meaning.unit}"
            )
        # Without a unit the numbers are kilos of it, which is what utilities mean by a bare number.
        factor = signal.factor / meaning.factor if signal.unit else 1.0
        units = "KW" if meaning.unit == "W" else "KWH"
        return _said(type_, [value * factor for value in numbers], units=units)
    return _said(type_, numbers, currency=signal.unit or None)


def _type_of(signal: Signal) -> str:
    for type_, meaning in MEANINGS.items():
        if (signal.name.upper(), signal.type) == (meaning.name, meaning.type):
            return type_
    raise UnsupportedPayload(f"{signal.name} of type {signal.type} is not supported")


def _said(
    type_: str, numbers: Sequence[float], *, units: str | None = None, currency: str | None = None
) -> tuple[EventPayloadDescriptor, list[ValuesMap]]:
    descriptor = EventPayloadDescriptor(payload_type=type_, units=units, currency=currency)
    return descriptor, [ValuesMap(type=type_, values=[number]) for number in numbers]
