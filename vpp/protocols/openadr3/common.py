"""What every OpenADR 3.1 object is made of, and the one way to read and write them.

Property names are the published description's, to the letter. Unknown properties are ignored, as the
specification allows ("Unknown properties MAY be ignored"); a property that is absent or null is None.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from vpp.errors import VppError
from vpp.intervals import DurationError, parse_duration

AGGREGATED_REPORT = "AGGREGATED_REPORT"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
ObjectID = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_-]*\Z")]
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class OpenADRFormatError(VppError):
    """A body that is not the OpenADR object it should be."""

    code = "openadr_format"


class Wire(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True, frozen=True):
    """Base of every wire type: camelCase names, absent optional properties are left out."""


class Problem(Wire, frozen=True, kw_only=True):
    """The body of every 4xx and 5xx answer, sent as application/json."""

    type: str = "about:blank"
    title: str | None = None
    status: int | None = None
    detail: str | None = None
    instance: str | None = None


class Point(Wire, frozen=True, kw_only=True):
    """A pair of numbers on a two-dimensional grid."""

    x: float
    y: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise ValueError("a point's coordinates must be finite")


Value = float | int | str | bool | Point


class ValuesMap(Wire, frozen=True, kw_only=True):
    """One or more values of a type, such as PRICE or DISPATCH_SETPOINT_RELATIVE."""

    type: Name
    values: list[Value]

    def __post_init__(self) -> None:
        if any(isinstance(value, float) and not math.isfinite(value) for value in self.values):
            raise ValueError("values must be finite")


class IntervalPeriod(Wire, frozen=True, kw_only=True):
    """Start (RFC 3339), duration and randomization (ISO 8601) as sent; `timing` resolves them."""

    start: str | None = None
    duration: str | None = None
    randomize_start: str | None = None

    def __post_init__(self) -> None:
        if self.start is not None:
            parse_start(self.start)
        for text in (self.duration, self.randomize_start):
            check_duration(text)


class Interval(Wire, frozen=True, kw_only=True):
    """A window of time and its payloads; `id` is the client's own number."""

    id: Int32
    payloads: list[ValuesMap]
    interval_period: IntervalPeriod | None = None


class EventPayloadDescriptor(
    Wire, frozen=True, kw_only=True, tag_field="objectType", tag="EVENT_PAYLOAD_DESCRIPTOR"
):
    """Units and currency of an event's payload type."""

    payload_type: Name
    units: Name | None = None
    currency: str | None = None


class ReportPayloadDescriptor(
    Wire, frozen=True, kw_only=True, tag_field="objectType", tag="REPORT_PAYLOAD_DESCRIPTOR"
):
    """Units and quality of a report's payload type."""

    payload_type: Name
    reading_type: Name | None = None
    units: Name | None = None
    accuracy: float | None = None
    confidence: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None

    def __post_init__(self) -> None:
        if self.accuracy is not None and not math.isfinite(self.accuracy):
            raise ValueError("accuracy must be finite")


class ReportDescriptor(Wire, frozen=True, kw_only=True):
    """A request for a report, carried by an event."""

    payload_type: Name
    reading_type: Name | None = None
    units: Name | None = None
    targets: list[Name] | None = None
    aggregate: bool = False
    start_interval: Int32 = -1
    num_intervals: Int32 = -1
    historical: bool = True
    frequency: Int32 = -1
    repeat: Int32 = 1
    report_intervals: Literal["INTERVALS", "SUB_INTERVALS", "OPEN_INTERVALS"] = "INTERVALS"


def parse_start(text: str) -> datetime | None:
    """An RFC 3339 instant; None for the year 1, by which OpenADR 3.1 says "now".

    Raises
    ------
    ValueError
        For text that is no date and time, or one without an offset from UTC.
    """
    if text[:10] == "0001-01-01":
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"start {text[:64]!r} is no RFC 3339 date and time") from None
    if at.tzinfo is None or len(text) < len("2026-01-01T00:00Z"):
        raise ValueError(f"start {text!r} needs a time and an offset from UTC")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"start {text!r} lies outside the calendar") from None


def check_duration(text: str | None) -> None:
    """Refuse text that can be no duration; None passes."""
    if text is None:
        return
    try:
        parse_duration(text)
    except DurationError as error:
        raise ValueError(error.detail) from None


_W = TypeVar("_W", bound=msgspec.Struct)
# What msgspec was seen to raise on hostile input beside its own errors.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError, MemoryError, TypeError)


def decode(body: bytes | str | Mapping[str, Any], kind: type[_W]) -> _W:
    """Read a body (JSON text, or an already parsed object) as `kind`.

    Raises
    ------
    OpenADRFormatError
        Whatever is wrong with it; the detail names the property.
    """
    try:
        if isinstance(body, bytes | str):
            return msgspec.json.decode(body, type=kind)
        return msgspec.convert(body, type=kind)
    except _UNREADABLE as error:
        raise OpenADRFormatError(str(error)[:500] or type(error).__name__) from None


def encode(wire: msgspec.Struct) -> bytes:
    """Write a wire object as JSON."""
    return msgspec.json.encode(wire)


def to_builtins(wire: msgspec.Struct) -> dict[str, Any]:
    """The same as plain dictionaries, lists and scalars, under the wire's names."""
    plain: dict[str, Any] = msgspec.to_builtins(wire)
    return plain
