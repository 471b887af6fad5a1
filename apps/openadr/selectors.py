"""Reads of OpenADR objects; each takes who is asking, a viewer of one tenant."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db.models import Q, QuerySet

from apps.accounts.models import ApiClient, Organization
from apps.openadr.models import (
    EventObject,
    ProgramObject,
    ReportObject,
    ResourceObject,
    SubscriptionObject,
    TargetedObject,
    VenObject,
    WireObject,
)
from apps.openadr.models.objects import audience

W = TypeVar("W", bound=WireObject)
T = TypeVar("T", ProgramObject, EventObject)


@dataclass(frozen=True)
class Viewer:
    """A client of a tenant: business logic sees everything, a VEN what it is granted and what is its own.

    The tenant's own operators are business logic without a client.
    """

    organization: Organization
    client: ApiClient | None
    is_business_logic: bool
    grants: frozenset[str] = frozenset()

    @property
    def client_key(self) -> str:
        return "" if self.client is None else str(self.client.client_id)

    def audiences(self) -> list[str]:
        """Return the audiences that a VEN belongs to."""
        organization_id = self.organization.pk
        return [*audience(organization_id, ()), *audience(organization_id, sorted(self.grants))]


def viewer_of(*, client: ApiClient) -> Viewer:
    """Return what a credential may see."""
    if client.role == ApiClient.Role.UTILITY:
        return Viewer(client.organization, client, is_business_logic=True)
    grants = (
        VenObject.objects.filter(organization_id=client.organization_id, client_key=client.client_id)
        .values_list("grants", flat=True)
        .first()
    )
    return Viewer(client.organization, client, is_business_logic=False, grants=frozenset(grants or ()))


def operators_view(*, organization: Organization) -> Viewer:
    """Return what a tenant's operators may see: all of it, as its business logic."""
    return Viewer(organization, None, is_business_logic=True)


def objects_of(*, kind: type[W], organization: Organization) -> QuerySet[W]:
    """Return the tenant's objects of a kind in their total order."""
    found = kind.objects.filter(organization=organization).order_by("created_at", "id")  # type: ignore[attr-defined]
    return found.filter(deleted_at=None) if issubclass(kind, TargetedObject) else found  # type: ignore[no-any-return]


def visible(*, kind: type[W], viewer: Viewer) -> QuerySet[W]:
    """Return what of a kind the viewer may see, in its total order."""
    found = objects_of(kind=kind, organization=viewer.organization)
    if viewer.is_business_logic:
        return found
    if issubclass(kind, TargetedObject):
        return found.filter(audience__overlap=viewer.audiences())
    return found.filter(client_key=viewer.client_key)


def _targeted(found: QuerySet[T], *, viewer: Viewer, targets: list[str]) -> QuerySet[T]:
    """Keep what has all of `targets`; a VEN cannot find out about targets it is not granted."""
    if not targets:
        return found
    if not viewer.is_business_logic and not viewer.grants.issuperset(targets):
        return found.none()
    return found.filter(audience__contains=audience(viewer.organization.pk, targets))


def programs_seen(*, viewer: Viewer, targets: list[str]) -> QuerySet[ProgramObject]:
    """Return programs, with all of `targets` if there are any."""
    return _targeted(visible(kind=ProgramObject, viewer=viewer), viewer=viewer, targets=targets)


def events_seen(
    *, viewer: Viewer, targets: list[str], program_id: str | None, active: bool, now: datetime
) -> QuerySet[EventObject]:
    """Return events; `active` leaves out those that are over."""
    found = _targeted(visible(kind=EventObject, viewer=viewer), viewer=viewer, targets=targets)
    found = found.filter(program_object_id=program_id) if program_id else found
    return found.filter(Q(ends_at=None) | Q(ends_at__gt=now)) if active else found


def reports_seen(
    *, viewer: Viewer, event_id: str | None, program_id: str | None, client_name: str | None
) -> QuerySet[ReportObject]:
    """Return reports, of one event, program or client's name if asked."""
    wanted = {"event_id": event_id, "event__program_object_id": program_id, "client_name": client_name}
    return visible(kind=ReportObject, viewer=viewer).filter(**_asked(wanted))


def vens_seen(*, viewer: Viewer, targets: list[str], name: str | None) -> QuerySet[VenObject]:
    """Return vens, of one name if asked."""
    found = visible(kind=VenObject, viewer=viewer).filter(**_asked({"name": name}))
    return found.filter(targets__contains=targets) if targets else found


def resources_seen(
    *, viewer: Viewer, targets: list[str], name: str | None, ven_id: str | None
) -> QuerySet[ResourceObject]:
    """Return resources, of one name or ven if asked."""
    found = visible(kind=ResourceObject, viewer=viewer).filter(**_asked({"name": name, "ven_id": ven_id}))
    return found.filter(targets__contains=targets) if targets else found


def subscriptions_seen(
    *, viewer: Viewer, program_id: str | None, client_name: str | None, objects: list[str]
) -> QuerySet[SubscriptionObject]:
    """Return subscriptions; those to all of `objects` if there are any."""
    wanted = {"program_object_id": program_id, "content__clientName": client_name}
    found = visible(kind=SubscriptionObject, viewer=viewer).filter(**_asked(wanted))
    for kind in objects:
        found = found.filter(content__contains={"objectOperations": [{"objects": [kind]}]})
    return found


def _asked(wanted: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if value is not None}
