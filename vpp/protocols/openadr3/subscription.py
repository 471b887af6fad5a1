"""The OpenADR 3.1 subscription: who wants to hear of which operations on which objects."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from vpp.protocols.openadr3.common import Name, ObjectID, Wire, decode
from vpp.protocols.openadr3.notification import ObjectType, Operation


class ObjectOperations(Wire, frozen=True, kw_only=True):
    """Objects, operations on them, and where to send word of these."""

    objects: list[ObjectType]
    operations: list[Operation]
    callback_url: Annotated[str, msgspec.Meta(min_length=2, max_length=8000)]
    bearer_token: str | None = None


class SubscriptionRequest(Wire, frozen=True, kw_only=True):
    """What a client says of a subscription."""

    client_name: Name
    object_operations: list[ObjectOperations]
    program_id: ObjectID | None = msgspec.field(name="programID", default=None)
    targets: list[Name] | None = None


class Subscription(SubscriptionRequest, frozen=True, kw_only=True):
    """A subscription as the VTN shows it; `client_id` is stamped from the sender's token."""

    id: ObjectID
    created_date_time: str
    modification_date_time: str
    object_type: Literal["SUBSCRIPTION"]
    client_id: Name = msgspec.field(name="clientID")


def decode_subscription(body: bytes | str | Mapping[str, Any]) -> SubscriptionRequest:
    """Read a client's subscription; `OpenADRFormatError` where it is none."""
    return decode(body, SubscriptionRequest)
