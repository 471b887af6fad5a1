"""The OpenADR 3.1 report."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from vpp.protocols.openadr3.common import (
    Interval,
    IntervalPeriod,
    Name,
    ObjectID,
    ReportPayloadDescriptor,
    Wire,
    decode,
)


class ReportResource(Wire, frozen=True, kw_only=True):
    """One resource's data; ``AGGREGATED_REPORT`` as its name stands for several together."""

    resource_name: Name
    intervals: list[Interval]
    interval_period: IntervalPeriod | None = None


class ReportRequest(Wire, frozen=True, kw_only=True):
    """What a client reports about an event."""

    event_id: ObjectID = msgspec.field(name="eventID")
    client_name: Name
    resources: list[ReportResource]
    report_name: str | None = None
    payload_descriptors: list[ReportPayloadDescriptor] | None = None


class Report(ReportRequest, frozen=True, kw_only=True):
    """A report as the VTN shows it; `client_id` is stamped from the sender's token."""

    id: ObjectID
    created_date_time: str
    modification_date_time: str
    object_type: Literal["REPORT"]
    client_id: Name = msgspec.field(name="clientID")


def decode_report(body: bytes | str | Mapping[str, Any]) -> ReportRequest:
    """Read a client's report; `OpenADRFormatError` where it is none."""
    return decode(body, ReportRequest)
