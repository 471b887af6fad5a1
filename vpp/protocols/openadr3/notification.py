"""The OpenADR 3.1 notification, and what names the objects and operations it speaks of."""

from collections.abc import Mapping
from typing import Any, Literal

from vpp.protocols.openadr3.common import Name, Wire, decode

ObjectType = Literal["PROGRAM", "EVENT", "REPORT", "SUBSCRIPTION", "VEN", "RESOURCE"]
Operation = Literal["READ", "CREATE", "UPDATE", "DELETE"]


class Notification(Wire, frozen=True, kw_only=True):
    """The body sent to a callback or published on a topic; `object` is shown as the VTN would show it."""

    object_type: ObjectType
    operation: Operation
    object: dict[str, Any]
    targets: list[Name] | None = None


def decode_notification(body: bytes | str | Mapping[str, Any]) -> Notification:
    """Read a notification; `OpenADRFormatError` where it is none."""
    return decode(body, Notification)
