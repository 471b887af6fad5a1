"""The OpenADR 3.1 event."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from vpp.protocols.openadr3.common import (
    EventPayloadDescriptor,
    Interval,
    IntervalPeriod,
    Name,
    ObjectID,
    ReportDescriptor,
    Wire,
    check_duration,
    decode,
)


class EventRequest(Wire, frozen=True, kw_only=True):
    """What a client says of an event. `intervals` may be absent in 3.1; `priority` 0 is the highest."""

    program_id: ObjectID = msgspec.field(name="programID")
    event_name: str | None = None
    duration: str | None = None
    priority: Annotated[int, msgspec.Meta(ge=0)] | None = None
    targets: list[Name] | None = None
    report_descriptors: list[ReportDescriptor] | None = None
    payload_descriptors: list[EventPayloadDescriptor] | None = None
    interval_period: IntervalPeriod | None = None
    intervals: list[Interval] | None = None

    def __post_init__(self) -> None:
        check_duration(self.duration)


class Event(EventRequest, frozen=True, kw_only=True):
    """An event as the VTN shows it."""

    id: ObjectID
    created_date_time: str
    modification_date_time: str
    object_type: Literal["EVENT"]


def decode_event(body: bytes | str | Mapping[str, Any]) -> EventRequest:
    """Read a client's event; `OpenADRFormatError` where it is none."""
    return decode(body, EventRequest)
