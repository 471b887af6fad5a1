"""OpenADR 3.1 events into grid signals: one for each thing that an event asks for.

An event of another protocol is first put into 3.1's form, so that a signal means the same whoever sends it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from vpp.intervals import FOREVER, INFINITE, Interval, parse_duration
from vpp.protocols.openadr3.common import Point, Value, ValuesMap
from vpp.protocols.openadr3.event import EventRequest
from vpp.protocols.openadr3.timing import Draw, TimedInterval, lifespan, no_shift, resolve
from vpp.protocols.openadr3.values import values_over_time
from vpp.translate.grid_signal import (
    LONGEST_SIGNAL,
    EventInThePast,
    EventWithoutIntervals,
    EventWithoutPayload,
    GridSignalDraft,
    PositiveSetpointUnsupported,
    SignalKind,
    UnsupportedPayload,
    UnsupportedUnits,
    put_on_grid,
)

QUARTER: Final = timedelta(minutes=15)
DAY: Final = timedelta(days=1)
MOST_LEVEL: Final = 3
PASSED_ON: Final = ("CURVE", "OLS", "DISPATCH_INSTRUCTION")
PASSED_ON_PREFIXES: Final = ("CTA2045_", "CONTROL_")
# What an alert asks of homes, beside being shown: a level of shedding, or batteries kept full. Others are only shown.
ALERT_LEVELS: Final[Mapping[str, int]] = {
    "ALERT_GRID_EMERGENCY": 3,
    "ALERT_BLACK_START": 3,
    "ALERT_FLEX_ALERT": 1,
}
ALERTS_HOLD: Final = frozenset(
    {"ALERT_POSSIBLE_OUTAGE", "ALERT_FIRE", "ALERT_FREEZING", "ALERT_WIND", "ALERT_TSUNAMI"}
)
FALLBACKS: Final[Mapping[str, str]] = {
    "IMPORT_CAPACITY_LIMIT": "IMPORT_CAPACITY_SUBSCRIPTION",
    "EXPORT_CAPACITY_LIMIT": "EXPORT_CAPACITY_SUBSCRIPTION",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """How a payload type's number is read: its grid signal, and the factor into its unit by the units it may be in."""

    kind: SignalKind
    units: Mapping[str | None, float]
    sign: float = 1.0


_KW: Final = {None: 1.0, "KW": 1.0, "W": 1e-3, "MW": 1e3}
_PER_KWH: Final = {None: 1.0, "KWH": 1.0, "MWH": 1e-3}
RULES: Final[Mapping[str, Rule]] = {
    "SIMPLE": Rule("level", {None: 1.0}),
    "DISPATCH_SETPOINT": Rule("setpoint", _KW),
    # The change of consumption, so a shed is negative: the Definition's wording ("relative change of consumption"). The
    # published enumeration bounds the value to >= 0, which would leave a shed unsayable.
    "DISPATCH_SETPOINT_RELATIVE": Rule("shed", _KW, sign=-1.0),
    "PRICE": Rule("price", _PER_KWH),
    "EXPORT_PRICE": Rule("export_price", _PER_KWH),
    "GHG": Rule("ghg", {None: 1.0, "GHG": 1.0, "G_PER_KWH": 1.0}),
    "CHARGE_STATE_SETPOINT": Rule("charge_state", {None: 1.0, "PERCENT": 1.0, "KWH": 1.0}),
    "IMPORT_CAPACITY_LIMIT": Rule("import_limit", _KW),
    "EXPORT_CAPACITY_LIMIT": Rule("export_limit", _KW),
}


@dataclass(frozen=True, slots=True)
class Drafted:
    """What an event asks the platform for, and payload types that it does not act on."""

    drafts: tuple[GridSignalDraft, ...]
    ignored: tuple[str, ...] = ()


@dataclass(slots=True)
class _Part:
    """The pieces of one payload type."""

    periods: list[Interval] = field(default_factory=list)
    values: list[tuple[Value, ...]] = field(default_factory=list)


def signals_from_event(
    event: EventRequest,
    *,
    now: datetime,
    said_at: datetime | None = None,
    draw: Draw = no_shift,
    longest_interval_s: int = 900,
) -> Drafted:
    """Turn an event into drafts of grid signals, one for each payload type that the platform acts on.

    Parameters
    ----------
    event
        As decoded from the wire.
    now
        To tell an event in the past, and where one without end is cut: `LONGEST_SIGNAL` from now.
    said_at
        When the event was created or changed, which is what a start of "now" means; `now` by default.
    draw
        For random shifts of starts, see `resolve`.
    longest_interval_s
        The grid's step is at most this [s]; see `put_on_grid`.

    Raises
    ------
    SignalError, TimingError
        Each reason is a kind of its own with a stable code, e.g. ``event_without_intervals``,
        ``event_in_the_past``, ``overlapping_intervals``, ``unsupported_units``.
    """
    repeats = event.duration is not None and parse_duration(event.duration) == INFINITE
    timed = _timed(event, now=now, said_at=said_at or now, draw=draw, repeats=repeats)
    if not timed:
        raise EventWithoutIntervals("the event has no intervals")
    if not any(interval.payloads for interval in timed):
        return Drafted(())
    endless = repeats or any(one.period.ends_at == FOREVER for one in timed)
    cut = _cut(timed, now=now) if endless else timed
    parts: dict[str, _Part] = {}
    for interval in cut:
        if not interval.payloads:
            raise EventWithoutPayload(f"interval {interval.id} has no payload")
        for payload in interval.payloads:
            _collect(parts.setdefault(payload.type, _Part()), interval, payload=payload)
    drafts = [
        _detailed(draft, event, parts=parts, endless=endless)
        for name, part in parts.items()
        if (draft := _draft(name, part, event=event, now=now, longest_interval_s=longest_interval_s))
        is not None
    ]
    for way, subscription in FALLBACKS.items():
        if subscription in parts and way not in parts:
            drafts.append(_only_subscription(way, parts, now=now, endless=endless))
    acted_on = {draft.part for draft in drafts} | set(FALLBACKS.values())
    return Drafted(tuple(drafts), tuple(name for name in parts if name not in acted_on))


def _timed(
    event: EventRequest, *, now: datetime, said_at: datetime, draw: Draw, repeats: bool
) -> tuple[TimedInterval, ...]:
    """An event's intervals; of one that repeats them for ever, the rounds round about what can be planned."""
    if not repeats:
        return resolve(event, now=said_at, draw=draw)
    life = lifespan(event, now=said_at)
    if life is None:
        return ()
    until = max(now, life.starts_at) + LONGEST_SIGNAL + DAY
    return resolve(event, now=said_at, until=until, since=now - DAY, draw=draw)


def _cut(timed: Sequence[TimedInterval], *, now: datetime) -> tuple[TimedInterval, ...]:
    """Intervals without end, cut to a length that can be planned; the past of what began long ago is dropped."""
    begin = min(one.period.starts_at for one in timed)
    if now - begin > DAY:
        begin += (now - begin) // QUARTER * QUARTER  # on the event's own steps
    window = Interval(begin, begin + LONGEST_SIGNAL)
    within = [(one, one.period.overlap(window)) for one in timed]
    kept = tuple(replace(one, period=period) for one, period in within if period is not None)
    if all(one.period.ends_at <= now for one in kept):
        raise EventInThePast("the event is over")
    return kept


def _collect(part: _Part, interval: TimedInterval, *, payload: ValuesMap) -> None:
    for piece in values_over_time(interval, payload):
        part.periods.append(piece.period)
        part.values.append(piece.values)


def _draft(
    name: str, part: _Part, *, event: EventRequest, now: datetime, longest_interval_s: int
) -> GridSignalDraft | None:
    reader = _reader(name, event)
    if reader is None:
        return None
    kind, read = reader
    numbers = [read(values) for values in part.values]
    grid = put_on_grid(part.periods, now=now, longest_interval_s=longest_interval_s)
    gap = 0.0 if kind == "shed" else None
    chosen = tuple(gap if place is None else numbers[place] for place in grid.piece)
    detail = {} if kind != "device" else _content(name, part, piece=grid.piece)
    if name.startswith("ALERT_"):
        detail = {
            "alert": name,
            "text": next((str(one) for values in part.values for one in values), "")[:300],
        }
    return GridSignalDraft(kind, grid.starts_at, grid.ends_at, grid.interval_s, chosen, name, detail)


def _reader(
    name: str, event: EventRequest
) -> tuple[SignalKind, Callable[[tuple[Value, ...]], float | None]] | None:
    """Which kind of signal a payload type is, and what reads its values; None for a type not acted on."""
    if name in RULES:
        units = next((one.units for one in event.payload_descriptors or () if one.payload_type == name), None)
        return RULES[name].kind, lambda values: _number(name, values, units=units)
    if name in ALERT_LEVELS:
        return "level", lambda _: float(ALERT_LEVELS[name])
    if name in ALERTS_HOLD:
        return "charge_state", lambda _: 1.0
    if name.startswith("ALERT_"):
        return "notice", lambda _: None
    if name in PASSED_ON or name.startswith(PASSED_ON_PREFIXES):
        return "device", lambda _: None
    return None


def _number(name: str, values: tuple[Value, ...], *, units: str | None) -> float:
    rule = RULES[name]
    if units not in rule.units:
        known = ", ".join(sorted(unit for unit in rule.units if unit))
        raise UnsupportedUnits(f"{name} in {units} is not supported, only in {known or 'no units'}")
    if len(values) != 1 or isinstance(values[0], bool) or not isinstance(values[0], int | float):
        raise UnsupportedPayload(f"{name} needs a number for each interval")
    value = float(values[0]) * rule.units[units] * rule.sign
    return _checked(name, value, units=units)


def _checked(name: str, value: float, *, units: str | None) -> float:
    if name == "SIMPLE" and value not in range(MOST_LEVEL + 1):
        raise UnsupportedPayload(f"SIMPLE is 0, 1, 2 or 3, not {value:g}")
    if name == "DISPATCH_SETPOINT_RELATIVE":
        if value < 0:
            raise PositiveSetpointUnsupported(
                f"{-value:g} kW more consumption is asked for; only a shed (below 0) is supported"
            )
        return abs(value)
    if name == "CHARGE_STATE_SETPOINT" and units != "KWH":
        # PERCENT is written as -1 to 1 in one place of the text and as 0 to 100 in another.
        value = value if value <= 1 else value / 100
        if not 0 <= value <= 1:
            raise UnsupportedPayload(f"{name} of {value * 100:g} % lies outside 0 to 100 %")
    if value < 0 and RULES[name].kind in {"ghg", "charge_state", "import_limit", "export_limit"}:
        raise UnsupportedPayload(f"{name} of {value:g} is below 0")
    return value


def _detailed(
    draft: GridSignalDraft, event: EventRequest, *, parts: Mapping[str, _Part], endless: bool
) -> GridSignalDraft:
    detail = dict(draft.detail)
    if endless:
        detail["endless"] = True
    descriptor = next(
        (one for one in event.payload_descriptors or () if one.payload_type == draft.part), None
    )
    if draft.kind in {"price", "export_price"} and descriptor is not None and descriptor.currency:
        detail["currency"] = descriptor.currency
    if draft.kind == "charge_state":
        detail["unit"] = "kWh" if descriptor is not None and descriptor.units == "KWH" else "share"
    subscription = parts.get(FALLBACKS.get(draft.part, ""))
    if subscription is not None:
        detail["fallback_kw"] = _subscribed(FALLBACKS[draft.part], subscription)
    return replace(draft, detail=detail)


def _only_subscription(
    way: str, parts: Mapping[str, _Part], *, now: datetime, endless: bool
) -> GridSignalDraft:
    """What a household has subscribed to, without a limit for now: what holds when nobody says otherwise."""
    part = parts[FALLBACKS[way]]
    grid = put_on_grid(part.periods, now=now)
    detail = {"fallback_kw": _subscribed(FALLBACKS[way], part)} | ({"endless": True} if endless else {})
    nothing = (None,) * len(grid.piece)
    return GridSignalDraft(
        RULES[way].kind, grid.starts_at, grid.ends_at, grid.interval_s, nothing, way, detail
    )


def _subscribed(name: str, part: _Part) -> float:
    value = part.values[0][0] if part.values[0] else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise UnsupportedPayload(f"{name} needs a number of 0 or more")
    return float(value)


def _content(name: str, part: _Part, *, piece: Sequence[int | None]) -> dict[str, Any]:
    values = [[_plain(value) for value in values] for values in part.values]
    return {"payload": name, "content": [None if place is None else values[place] for place in piece]}


def _plain(value: Value) -> Any:
    return {"x": value.x, "y": value.y} if isinstance(value, Point) else value
