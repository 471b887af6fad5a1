"""Vens: whose credential is which, and what it is granted."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.openadr.errors import TargetsForbiddenError
from apps.openadr.models import VenObject
from apps.openadr.notify.outbox import announce
from apps.openadr.selectors import Viewer
from apps.openadr.services.shared import locked, revised, unique
from apps.openadr.wire import kept, understood
from vpp.protocols.openadr3.ven import BlVenRequest, VenVenRequest, decode_bl_ven, decode_ven_ven


def ven_request(viewer: Viewer, body: dict[str, Any]) -> BlVenRequest | VenVenRequest:
    """Read a ven in the words of whoever is speaking."""
    if viewer.is_business_logic:
        return understood(decode_bl_ven, body)
    return understood(decode_ven_ven, body)


def check_targets(viewer: Viewer, *, asked: list[str] | None, held: list[str]) -> list[str]:
    """Return the targets to keep; a VEN may repeat what business logic has set and change nothing."""
    if viewer.is_business_logic:
        return list(dict.fromkeys(asked or ()))
    if asked and asked != held:
        raise TargetsForbiddenError("only business logic may set targets")
    return held


def with_targets(content: dict[str, Any], targets: list[str]) -> dict[str, Any]:
    """Return a content that shows just these targets."""
    rest = {name: value for name, value in content.items() if name != "targets"}
    return {**rest, "targets": targets} if targets else rest


@transaction.atomic
def ven_create(*, viewer: Viewer, body: dict[str, Any], now: datetime) -> VenObject:
    """Store a ven; one of a VEN's own is its credential's."""
    request = ven_request(viewer, body)
    targets = check_targets(viewer, asked=request.targets, held=[])
    with unique():
        made = VenObject.objects.create(
            organization=viewer.organization, client=viewer.client, name=request.ven_name, targets=targets,
            client_key=request.client_id if isinstance(request, BlVenRequest) else viewer.client_key,
            grants=sorted(targets), content=with_targets(kept(request, body), targets), created_at=now, modified_at=now,
        )  # fmt: skip
    announce(made, "CREATE", now=now)
    return made


@transaction.atomic
def ven_replace(
    *, viewer: Viewer, object_id: str, if_match: str | None, body: dict[str, Any], now: datetime
) -> VenObject:
    """Take over a changed ven; its resources stay and follow it to another credential."""
    ven = locked(kind=VenObject, viewer=viewer, object_id=object_id, if_match=if_match)
    request = ven_request(viewer, body)
    ven.name = request.ven_name
    ven.targets = check_targets(viewer, asked=request.targets, held=ven.targets)
    if isinstance(request, BlVenRequest) and request.client_id != ven.client_key:
        ven.client_key = request.client_id
        ven.resources.update(client_key=request.client_id)
    ven.content = with_targets(kept(request, body), ven.targets)
    ven.grants = grants_of(ven)
    revised(ven, now=now)
    with unique():
        ven.save()
    announce(ven, "UPDATE", now=now)
    return ven


@transaction.atomic
def ven_delete(*, viewer: Viewer, object_id: str, if_match: str | None, now: datetime) -> VenObject:
    """Delete a ven with its resources; the object returned is as it was."""
    ven = locked(kind=VenObject, viewer=viewer, object_id=object_id, if_match=if_match)
    for resource in ven.resources.select_for_update().order_by("created_at", "pk"):
        announce(resource, "DELETE", now=now)
    announce(ven, "DELETE", now=now)
    VenObject.objects.filter(pk=ven.pk).delete()
    return ven


def grants_of(ven: VenObject) -> list[str]:
    """Return what a ven is granted: its own targets and those of its resources."""
    of_resources = ven.resources.values_list("targets", flat=True)
    return sorted({*ven.targets, *(target for targets in of_resources for target in targets)})
