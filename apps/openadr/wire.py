"""Objects as the VTN shows them, and what is kept of those that clients send."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from apps.openadr.errors import BodyError
from apps.openadr.models import (
    ClientObject,
    EventObject,
    ProgramObject,
    ReportObject,
    ResourceObject,
    SubscriptionObject,
    TargetedObject,
    VenObject,
    WireObject,
)
from apps.openadr.selectors import Viewer
from vpp.errors import VppError

R = TypeVar("R", bound=msgspec.Struct)
CLIENT_NAME = "ores-cloud"
OBJECT_TYPES: dict[type[WireObject], str] = {
    ProgramObject: "PROGRAM",
    EventObject: "EVENT",
    ReportObject: "REPORT",
    SubscriptionObject: "SUBSCRIPTION",
    VenObject: "VEN",
    ResourceObject: "RESOURCE",
}
_SERVER_SET = {"id", "createdDateTime", "modificationDateTime", "objectType", "clientID", "deliveryState"}


def wire(object_: WireObject, viewer: Viewer | None = None) -> dict[str, Any]:
    """Return an object as the VTN shows it to `viewer`, or to business logic."""
    shown = {
        **object_.content,
        "id": object_.id,
        "createdDateTime": _moment(object_.created_at),
        "modificationDateTime": _moment(object_.modified_at),
        "objectType": OBJECT_TYPES[type(object_)],
    }
    if isinstance(object_, ClientObject | ReportObject):
        shown["clientID"] = object_.client_key or CLIENT_NAME
    if isinstance(object_, SubscriptionObject):
        shown["deliveryState"] = _delivery_state(object_)
    if isinstance(object_, TargetedObject) and viewer is not None and not viewer.is_business_logic:
        return _targets_hidden(shown, grants=viewer.grants)
    return shown


def _delivery_state(subscription: SubscriptionObject) -> str:
    """Return how it goes with the callbacks: a property of ours, which clients may ignore."""
    if subscription.broken_at is not None:
        return "BROKEN"
    return "FAILING" if subscription.failures else "OK"


def _targets_hidden(shown: dict[str, Any], *, grants: Collection[str]) -> dict[str, Any]:
    if not shown.get("targets"):
        return shown
    return {**shown, "targets": [target for target in shown["targets"] if target in grants]}


def understood(decoder: Callable[[Mapping[str, Any]], R], body: dict[str, Any]) -> R:
    """Read a body by one of the protocol's decoders, or raise `BodyError`."""
    try:
        return decoder(body)
    except VppError as error:
        raise BodyError(error.detail, code=error.code) from error


def kept(request: msgspec.Struct, body: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a body: without what the server sets, and without properties that are null.

    Null means absent to OpenADR, and most properties may not be shown as null. What the protocol does not
    know is kept as it came.
    """
    known = set(request.__struct_encode_fields__)
    sent = {name: value for name, value in body.items() if name not in _SERVER_SET}
    return {
        name: _without_nulls(value) if name in known else value
        for name, value in sent.items()
        if value is not None or name not in known
    }


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value]
    return value


def rfc3339(at: datetime) -> str:
    """Return an instant as OpenADR writes it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _moment(at: datetime) -> str:
    """Return when something was done; finer than a second, so that two changes are two times to who compares them."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
