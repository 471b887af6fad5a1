"""Resources of vens; what they are granted, their ven is."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.openadr.errors import BodyError, ClientMismatchError, VenUnknownError
from apps.openadr.models import ResourceObject, VenObject
from apps.openadr.notify.outbox import announce
from apps.openadr.selectors import Viewer, visible
from apps.openadr.services.shared import locked, revised, unique
from apps.openadr.services.vens import check_targets, grants_of, with_targets
from apps.openadr.wire import kept, understood
from vpp.protocols.openadr3.resource import (
    BlResourceRequest,
    VenResourceRequest,
    decode_bl_resource,
    decode_ven_resource,
)


def _request(viewer: Viewer, body: dict[str, Any]) -> BlResourceRequest | VenResourceRequest:
    if viewer.is_business_logic:
        return understood(decode_bl_resource, body)
    return understood(decode_ven_resource, body)


@transaction.atomic
def resource_create(*, viewer: Viewer, body: dict[str, Any], now: datetime) -> ResourceObject:
    """Store a resource of a ven that the viewer sees."""
    request = _request(viewer, body)
    ven = _ven(viewer, request)
    targets = check_targets(viewer, asked=request.targets, held=[])
    with unique():
        made = ResourceObject.objects.create(
            organization=viewer.organization, client=viewer.client, client_key=ven.client_key, ven=ven,
            name=request.resource_name, targets=targets, content=with_targets(kept(request, body), targets),
            created_at=now, modified_at=now,
        )  # fmt: skip
    _refresh_grants(ven)
    announce(made, "CREATE", now=now)
    return made


@transaction.atomic
def resource_replace(
    *, viewer: Viewer, object_id: str, if_match: str | None, body: dict[str, Any], now: datetime
) -> ResourceObject:
    """Take over a changed resource."""
    ven = _ven_of(viewer, object_id)
    resource = locked(kind=ResourceObject, viewer=viewer, object_id=object_id, if_match=if_match)
    request = _request(viewer, body)
    if request.ven_id != resource.ven_id:
        raise BodyError("a resource cannot move to another ven", code="ven_changed")
    _check_client(ven or resource.ven, request)
    resource.name = request.resource_name
    resource.targets = check_targets(viewer, asked=request.targets, held=resource.targets)
    resource.content = with_targets(kept(request, body), resource.targets)
    revised(resource, now=now)
    with unique():
        resource.save()
    _refresh_grants(resource.ven)
    announce(resource, "UPDATE", now=now)
    return resource


@transaction.atomic
def resource_delete(*, viewer: Viewer, object_id: str, if_match: str | None, now: datetime) -> ResourceObject:
    """Delete a resource; the object returned is as it was."""
    _ven_of(viewer, object_id)
    resource = locked(kind=ResourceObject, viewer=viewer, object_id=object_id, if_match=if_match)
    announce(resource, "DELETE", now=now)
    ResourceObject.objects.filter(pk=resource.pk).delete()
    _refresh_grants(resource.ven)
    return resource


def _ven(viewer: Viewer, request: BlResourceRequest | VenResourceRequest) -> VenObject:
    found = visible(kind=VenObject, viewer=viewer).select_for_update(of=("self",))
    ven = found.filter(pk=request.ven_id).first()
    if ven is None:
        raise VenUnknownError(f"there is no ven {request.ven_id}")
    _check_client(ven, request)
    return ven


def _ven_of(viewer: Viewer, object_id: str) -> VenObject | None:
    """Lock a resource's ven before the resource: locks are taken in this order everywhere."""
    found = VenObject.objects.filter(organization=viewer.organization, resources=object_id)
    return found.select_for_update(of=("self",)).first()


def _check_client(ven: VenObject, request: BlResourceRequest | VenResourceRequest) -> None:
    if isinstance(request, BlResourceRequest) and request.client_id != ven.client_key:
        raise ClientMismatchError("clientID is not the ven's")


def _refresh_grants(ven: VenObject) -> None:
    VenObject.objects.filter(pk=ven.pk).update(grants=grants_of(ven))
