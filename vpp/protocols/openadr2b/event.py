"""A 2.0b event as plain data, whoever sends it, and how it is read from an XSD-valid message."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from vpp.protocols.openadr2b.read import child, children, instant, length, number, text
from vpp.protocols.openadr2b.vocabulary import CANCELED, NAMESPACES, SCALES


@dataclass(frozen=True, slots=True)
class SignalInterval:
    """One interval of a signal; a `length` of zero has no end."""

    length: timedelta
    value: float


@dataclass(frozen=True, slots=True)
class Signal:
    """A signal's name, type, intervals in order, and the unit of its values as sent (`factor` times `unit`)."""

    name: str
    type: str
    id: str
    intervals: tuple[SignalInterval, ...]
    measure: str = ""
    unit: str = ""
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Event2b:
    """An event, with `priority` 0 for none (the lowest) and 1 for the highest."""

    event_id: str
    modification_number: int
    starts_at: datetime
    length: timedelta
    status: str
    signals: tuple[Signal, ...]
    created_at: datetime
    market_context: str = ""
    priority: int = 0
    test_event: bool = False
    response_required: bool = True
    tolerance: timedelta | None = None
    targets: tuple[tuple[str, str], ...] = ()

    @property
    def canceled(self) -> bool:
        """Whether the sender took it back."""
        return self.status == CANCELED


def read_events(distribute: Element) -> tuple[str, str, tuple[Event2b, ...]]:
    """Return the request id, the VTN's id and the events of an oadrDistributeEvent."""
    events = tuple(_event(item) for item in children(distribute, "oadr:oadrEvent"))
    return text(distribute, "pyld:requestID"), text(distribute, "ei:vtnID"), events


def _event(item: Element) -> Event2b:
    event = child(item, "ei:eiEvent")
    described = child(event, "ei:eventDescriptor")
    period = child(event, "ei:eiActivePeriod/xcal:properties")
    tolerance = text(period, "xcal:tolerance/xcal:tolerate/xcal:startafter")
    return Event2b(
        event_id=text(described, "ei:eventID"),
        modification_number=int(text(described, "ei:modificationNumber")),
        starts_at=instant(text(period, "xcal:dtstart/xcal:date-time")),
        length=length(text(period, "xcal:duration/xcal:duration")),
        status=text(described, "ei:eventStatus"),
        signals=tuple(_signal(one) for one in children(event, "ei:eiEventSignals/ei:eiEventSignal")),
        created_at=instant(text(described, "ei:createdDateTime")),
        market_context=text(described, "ei:eiMarketContext/emix:marketContext"),
        priority=int(text(described, "ei:priority") or 0),
        # Rule 6 of the conformance rules: whatever is not "false" is a test.
        test_event=text(described, "ei:testEvent").lower() not in {"", "false", "0"},
        response_required=text(item, "oadr:oadrResponseRequired") == "always",
        tolerance=length(tolerance) if tolerance else None,
        targets=_targets(event),
    )


def _signal(item: Element) -> Signal:
    measure, unit, factor = _measure(item)
    intervals = children(item, "strm:intervals/ei:interval")
    return Signal(
        name=text(item, "ei:signalName"),
        type=text(item, "ei:signalType"),
        id=text(item, "ei:signalID"),
        intervals=tuple(
            SignalInterval(
                length(text(one, "xcal:duration/xcal:duration") or "PT0S"),
                number(text(one, "ei:signalPayload/ei:payloadFloat/ei:value")),
            )
            for one in intervals
        ),
        measure=measure,
        unit=unit,
        factor=factor,
    )


def _measure(item: Element) -> tuple[str, str, float]:
    """Return name, unit and factor of the one element that says what is measured."""
    for part in item:
        units = next((text_of for text_of in _named(part, "itemUnits")), "")
        if units:
            scale = next(iter(_named(part, "siScaleCode")), "none")
            return str(part.tag).rpartition("}")[2], units, SCALES.get(scale, 1.0)
    return "", "", 1.0


def _named(part: Element, name: str) -> list[str]:
    return [(one.text or "").strip() for one in part if str(one.tag).endswith("}" + name)]


def _targets(event: Element) -> tuple[tuple[str, str], ...]:
    target = event.find("ei:eiTarget", NAMESPACES)
    if target is None:
        return ()
    return tuple((str(one.tag).rpartition("}")[2], (one.text or "").strip()) for one in target)
