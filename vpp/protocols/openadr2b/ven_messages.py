"""What a VEN says to a VTN, read from XSD-valid messages."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from vpp.protocols.openadr2b.read import child, children, instant, length, number, text
from vpp.protocols.openadr2b.vocabulary import OK


@dataclass(frozen=True, slots=True)
class PartyRegistration:
    """A wish to be registered; `ven_id` and `registration_id` are empty at the first time."""

    ven_id: str
    registration_id: str
    ven_name: str
    profile_name: str
    transport_name: str
    pull: bool
    report_only: bool


@dataclass(frozen=True, slots=True)
class EventResponse:
    """A VEN's answer to one event."""

    event_id: str
    modification_number: int
    opt_type: str
    response_code: int


@dataclass(frozen=True, slots=True)
class Availability:
    """A stretch of an opt's schedule."""

    starts_at: datetime
    length: timedelta


@dataclass(frozen=True, slots=True)
class OptRequest:
    """An opt for a schedule, or a later word on an event."""

    opt_id: str
    opt_type: str
    reason: str
    event_id: str
    modification_number: int
    market_context: str
    schedule: tuple[Availability, ...]
    targets: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ReportPoint:
    """A data point that a VEN can report."""

    r_id: str
    report_type: str
    reading_type: str
    resource: str
    measure: str
    unit: str
    scale: str
    min_period: timedelta | None
    max_period: timedelta | None


@dataclass(frozen=True, slots=True)
class ReportOffer:
    """A report that a VEN can make."""

    specifier_id: str
    name: str
    points: tuple[ReportPoint, ...]


@dataclass(frozen=True, slots=True)
class ReportedValue:
    """One value; a status has no number but says `online` and `overridden`."""

    r_id: str
    at: datetime
    length: timedelta | None
    value: float | None
    online: bool | None = None
    overridden: bool | None = None
    quality: str = ""


@dataclass(frozen=True, slots=True)
class ReportUpdate:
    """A report's values."""

    request_id: str
    specifier_id: str
    name: str
    values: tuple[ReportedValue, ...] = field(default=())


def read_registration(message: Element) -> PartyRegistration:
    """Read an oadrCreatePartyRegistration."""
    return PartyRegistration(
        ven_id=text(message, "ei:venID"),
        registration_id=text(message, "ei:registrationID"),
        ven_name=text(message, "oadr:oadrVenName"),
        profile_name=text(message, "oadr:oadrProfileName"),
        transport_name=text(message, "oadr:oadrTransportName"),
        pull=text(message, "oadr:oadrHttpPullModel") in {"true", "1"},
        report_only=text(message, "oadr:oadrReportOnly") in {"true", "1"},
    )


def read_event_responses(message: Element) -> tuple[int, tuple[EventResponse, ...]]:
    """Read an oadrCreatedEvent: its own response code and the answers."""
    created = child(message, "pyld:eiCreatedEvent")
    answers = tuple(
        EventResponse(
            event_id=text(one, "ei:qualifiedEventID/ei:eventID"),
            modification_number=int(text(one, "ei:qualifiedEventID/ei:modificationNumber")),
            opt_type=text(one, "ei:optType"),
            response_code=_code(text(one, "ei:responseCode")),
        )
        for one in children(created, "ei:eventResponses/ei:eventResponse")
    )
    return _code(text(created, "ei:eiResponse/ei:responseCode")), answers


def read_opt(message: Element) -> OptRequest:
    """Read an oadrCreateOpt."""
    stretches = children(message, "xcal:vavailability/xcal:components/xcal:available/xcal:properties")
    target = child(message, "ei:eiTarget")
    return OptRequest(
        opt_id=text(message, "ei:optID"),
        opt_type=text(message, "ei:optType"),
        reason=text(message, "ei:optReason"),
        event_id=text(message, "ei:qualifiedEventID/ei:eventID"),
        modification_number=int(text(message, "ei:qualifiedEventID/ei:modificationNumber") or 0),
        market_context=text(message, "emix:marketContext"),
        schedule=tuple(
            Availability(
                instant(text(one, "xcal:dtstart/xcal:date-time")),
                length(text(one, "xcal:duration/xcal:duration")),
            )
            for one in stretches
        ),
        targets=tuple((str(one.tag).rpartition("}")[2], (one.text or "").strip()) for one in target),
    )


def read_report_offers(message: Element) -> tuple[ReportOffer, ...]:
    """Read an oadrRegisterReport."""
    return tuple(
        ReportOffer(
            specifier_id=text(one, "ei:reportSpecifierID"),
            name=text(one, "ei:reportName"),
            points=tuple(_point(point) for point in children(one, "oadr:oadrReportDescription")),
        )
        for one in children(message, "oadr:oadrReport")
    )


def read_report_updates(message: Element) -> tuple[ReportUpdate, ...]:
    """Read an oadrUpdateReport."""
    return tuple(
        ReportUpdate(
            request_id=text(one, "ei:reportRequestID"),
            specifier_id=text(one, "ei:reportSpecifierID"),
            name=text(one, "ei:reportName"),
            values=tuple(
                value
                for interval in children(one, "strm:intervals/ei:interval")
                for value in _values(interval)
            ),
        )
        for one in children(message, "oadr:oadrReport")
    )


def read_pending_reports(message: Element) -> tuple[str, ...]:
    """Read the report request ids of an oadrCreatedReport."""
    found = children(message, "oadr:oadrPendingReports/ei:reportRequestID")
    return tuple((one.text or "").strip() for one in found)


def _code(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 6 else OK


def _point(point: Element) -> ReportPoint:
    measure = unit = scale = ""
    for part in point:
        inside = {str(one.tag).rpartition("}")[2]: (one.text or "").strip() for one in part}
        if "itemUnits" in inside:
            measure, unit, scale = (
                str(part.tag).rpartition("}")[2],
                inside["itemUnits"],
                inside.get("siScaleCode", "none"),
            )
    shortest, longest = (
        text(point, f"oadr:oadrSamplingRate/oadr:oadr{name}Period") for name in ("Min", "Max")
    )
    return ReportPoint(
        r_id=text(point, "ei:rID"),
        report_type=text(point, "ei:reportType"),
        reading_type=text(point, "ei:readingType"),
        resource=text(point, "ei:reportDataSource/ei:resourceID"),
        measure=measure,
        unit=unit,
        scale=scale,
        min_period=length(shortest) if shortest else None,
        max_period=length(longest) if longest else None,
    )


def _values(interval: Element) -> list[ReportedValue]:
    at = instant(text(interval, "xcal:dtstart/xcal:date-time"))
    lasting = text(interval, "xcal:duration/xcal:duration")
    return [
        _value(payload, at=at, lasting=length(lasting) if lasting else None)
        for payload in children(interval, "oadr:oadrReportPayload")
    ]


def _value(payload: Element, *, at: datetime, lasting: timedelta | None) -> ReportedValue:
    amount = text(payload, "ei:payloadFloat/ei:value")
    status = "oadr:oadrPayloadResourceStatus/oadr:oadr"
    online, overridden = (text(payload, status + name) for name in ("Online", "ManualOverride"))
    return ReportedValue(
        r_id=text(payload, "ei:rID"),
        at=at,
        length=lasting,
        value=number(amount) if amount else None,
        online=online in {"true", "1"} if online else None,
        overridden=overridden in {"true", "1"} if overridden else None,
        quality=text(payload, "oadr:oadrDataQuality"),
    )
