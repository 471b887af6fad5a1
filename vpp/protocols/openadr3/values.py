"""Which value of a payload counts when: some types list several, each for an equal part of the interval."""

from dataclasses import dataclass

from vpp.intervals import FOREVER
from vpp.intervals import Interval as Period
from vpp.protocols.openadr3.common import Value, ValuesMap
from vpp.protocols.openadr3.timing import TimedInterval, TimingError

# One number per part of the interval; others (CURVE, say) need all their values at once.
SUBDIVIDED = frozenset(
    {"SIMPLE", "PRICE", "EXPORT_PRICE", "GHG", "CHARGE_STATE_SETPOINT", "DISPATCH_SETPOINT", "DISPATCH_SETPOINT_RELATIVE"}
    | {f"{way}_CAPACITY_{what}" for way in ("IMPORT", "EXPORT") for what in
       ("LIMIT", "SUBSCRIPTION", "RESERVATION", "RESERVATION_FEE", "AVAILABLE", "AVAILABLE_PRICE")}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimedValues:
    """Values and the period they count in."""

    period: Period
    values: tuple[Value, ...]


def values_over_time(interval: TimedInterval, payload: ValuesMap) -> tuple[TimedValues, ...]:
    """Cut an interval into as many equal parts as the payload has values, where its type means it so.

    The parts follow each other without a gap, whatever the rounding to whole microseconds.

    Raises
    ------
    TimingError
        For several values in an interval without end, or more of them than microseconds.
    """
    values = tuple(payload.values)
    if len(values) <= 1 or payload.type not in SUBDIVIDED:
        return (TimedValues(interval.period, values),)
    starts_at, ends_at = interval.period.starts_at, interval.period.ends_at
    if ends_at == FOREVER:
        raise TimingError(f"interval {interval.id} lists {len(values)} values and has no end")
    length = ends_at - starts_at
    marks = [starts_at + length * index // len(values) for index in range(len(values) + 1)]
    if len(set(marks)) != len(marks):
        raise TimingError(f"interval {interval.id} is too short for {len(values)} values")
    return tuple(
        TimedValues(Period(marks[index], marks[index + 1]), (value,)) for index, value in enumerate(values)
    )
