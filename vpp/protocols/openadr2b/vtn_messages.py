"""What a VTN says to a VEN beside its events, read from XSD-valid messages."""

from dataclasses import dataclass
from datetime import timedelta
from xml.etree.ElementTree import Element

from vpp.protocols.openadr2b.read import children, length, text


@dataclass(frozen=True, slots=True)
class Registered:
    """An answer to a registration; without a `registration_id` it is none."""

    registration_id: str
    ven_id: str
    vtn_id: str
    poll: timedelta | None


@dataclass(frozen=True, slots=True)
class ReportWish:
    """A report that the VTN asks for; a granularity of zero asks for it once."""

    request_id: str
    specifier_id: str
    r_ids: tuple[str, ...]
    granularity: timedelta
    back: timedelta


def read_registered(message: Element) -> Registered:
    """Read an oadrCreatedPartyRegistration."""
    poll = text(message, "oadr:oadrRequestedOadrPollFreq/xcal:duration")
    return Registered(
        registration_id=text(message, "ei:registrationID"),
        ven_id=text(message, "ei:venID"),
        vtn_id=text(message, "ei:vtnID"),
        poll=length(poll) if poll else None,
    )


def read_report_wishes(message: Element) -> tuple[ReportWish, ...]:
    """Read the requests of an oadrRegisteredReport or an oadrCreateReport."""
    return tuple(_wish(one) for one in children(message, "oadr:oadrReportRequest"))


def read_canceled_reports(message: Element) -> tuple[str, ...]:
    """Read the request ids of an oadrCancelReport."""
    return tuple((one.text or "").strip() for one in children(message, "ei:reportRequestID"))


def _wish(one: Element) -> ReportWish:
    specifier = "ei:reportSpecifier"
    granularity = text(one, f"{specifier}/xcal:granularity/xcal:duration")
    back = text(one, f"{specifier}/ei:reportBackDuration/xcal:duration")
    found = children(one, f"{specifier}/ei:specifierPayload/ei:rID")
    return ReportWish(
        request_id=text(one, "ei:reportRequestID"),
        specifier_id=text(one, f"{specifier}/ei:reportSpecifierID"),
        r_ids=tuple((r_id.text or "").strip() for r_id in found),
        granularity=length(granularity or "PT0S"),
        back=length(back or "PT0S"),
    )
