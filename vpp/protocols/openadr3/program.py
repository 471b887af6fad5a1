"""The OpenADR 3.1 program."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from vpp.protocols.openadr3.common import (
    EventPayloadDescriptor,
    IntervalPeriod,
    Name,
    ObjectID,
    ReportPayloadDescriptor,
    ValuesMap,
    Wire,
    decode,
)


class ProgramDescription(Wire, frozen=True, kw_only=True):
    """Where a program is described."""

    url: Annotated[str, msgspec.Meta(min_length=2, max_length=8000)] = msgspec.field(name="URL")


class ProgramRequest(Wire, frozen=True, kw_only=True):
    """What a client says of a program."""

    program_name: Name
    interval_period: IntervalPeriod | None = None
    program_descriptions: list[ProgramDescription] | None = None
    payload_descriptors: list[EventPayloadDescriptor | ReportPayloadDescriptor] | None = None
    attributes: list[ValuesMap] | None = None
    targets: list[Name] | None = None


class Program(ProgramRequest, frozen=True, kw_only=True):
    """A program as the VTN shows it."""

    id: ObjectID
    created_date_time: str
    modification_date_time: str
    object_type: Literal["PROGRAM"]


def decode_program(body: bytes | str | Mapping[str, Any]) -> ProgramRequest:
    """Read a client's program; `OpenADRFormatError` where it is none."""
    return decode(body, ProgramRequest)
