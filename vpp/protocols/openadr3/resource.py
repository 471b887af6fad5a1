"""The OpenADR 3.1 resource of a ven."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from vpp.protocols.openadr3.common import Name, ObjectID, ValuesMap, Wire, decode


class BlResourceRequest(Wire, frozen=True, kw_only=True):
    """What business logic says of a resource. "RESOURCE" is how an object that was read names itself."""

    object_type: Literal["BL_RESOURCE_REQUEST", "RESOURCE"]
    client_id: Name = msgspec.field(name="clientID")
    resource_name: Name
    ven_id: ObjectID = msgspec.field(name="venID")
    targets: list[Name] | None = None
    attributes: list[ValuesMap] | None = None


class VenResourceRequest(Wire, frozen=True, kw_only=True):
    """What a VEN says of its resource; `targets` are business logic's, kept to tell whether they were changed."""

    object_type: Literal["VEN_RESOURCE_REQUEST", "RESOURCE"]
    resource_name: Name
    ven_id: ObjectID = msgspec.field(name="venID")
    targets: list[Name] | None = None
    attributes: list[ValuesMap] | None = None


class Resource(Wire, frozen=True, kw_only=True):
    """A resource as the VTN shows it."""

    id: ObjectID
    created_date_time: str
    modification_date_time: str
    object_type: Literal["RESOURCE"]
    client_id: Name = msgspec.field(name="clientID")
    resource_name: Name
    ven_id: ObjectID = msgspec.field(name="venID")
    targets: list[Name] | None = None
    attributes: list[ValuesMap] | None = None


def decode_bl_resource(body: bytes | str | Mapping[str, Any]) -> BlResourceRequest:
    """Read business logic's resource; `OpenADRFormatError` where it is none."""
    return decode(body, BlResourceRequest)


def decode_ven_resource(body: bytes | str | Mapping[str, Any]) -> VenResourceRequest:
    """Read a VEN's own resource; `OpenADRFormatError` where it is none."""
    return decode(body, VenResourceRequest)
