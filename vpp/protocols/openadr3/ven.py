"""The OpenADR 3.1 ven: business logic and the VEN itself say it in different words."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from vpp.protocols.openadr3.common import Name, ObjectID, ValuesMap, Wire, decode


class BlVenRequest(Wire, frozen=True, kw_only=True):
    """What business logic says of a ven. "VEN" is how an object that was read names itself."""

    object_type: Literal["BL_VEN_REQUEST", "VEN"]
    client_id: Name = msgspec.field(name="clientID")
    ven_name: Name
    targets: list[Name] | None = None
    attributes: list[ValuesMap] | None = None


class VenVenRequest(Wire, frozen=True, kw_only=True):
    """What a VEN says of itself; `targets` are business logic's, kept to tell whether they were changed."""

    object_type: Literal["VEN_VEN_REQUEST", "VEN"]
    ven_name: Name
    targets: list[Name] | None = None
    attributes: list[ValuesMap] | None = None


class Ven(Wire, frozen=True, kw_only=True):
    """A ven as the VTN shows it."""

    id: ObjectID
    created_date_time: str
    modification_date_time: str
    object_type: Literal["VEN"]
    client_id: Name = msgspec.field(name="clientID")
    ven_name: Name
    targets: list[Name] | None = None
    attributes: list[ValuesMap] | None = None


def decode_bl_ven(body: bytes | str | Mapping[str, Any]) -> BlVenRequest:
    """Read business logic's ven; `OpenADRFormatError` where it is none."""
    return decode(body, BlVenRequest)


def decode_ven_ven(body: bytes | str | Mapping[str, Any]) -> VenVenRequest:
    """Read a VEN's own ven; `OpenADRFormatError` where it is none."""
    return decode(body, VenVenRequest)
