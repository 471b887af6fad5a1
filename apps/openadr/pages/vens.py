"""VENs of both protocols, connections to utilities, and the credentials behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q

from apps.accounts.models import ApiClient, Organization
from apps.accounts.scopes import scopes_of_role
from apps.accounts.selectors import api_clients_of_organization
from apps.openadr.guard import Connection
from apps.openadr.models import EventObject, ProgramObject, Ven2b, VenConnection2b, VenConnection3, VenObject
from apps.openadr.selectors import Viewer, events_seen, programs_seen, viewer_of

SHOWN_AT_MOST: Final = 200
OVERLAPS: Final = ((0, "at once"), (24, "in a day"), (168, "in a week"))


@dataclass(frozen=True)
class CredentialRow:
    """A credential, and when it last fetched a token (machine time)."""

    client: ApiClient
    token_at: datetime | None
    ven: VenObject | None


@dataclass(frozen=True)
class Vens:
    """Everybody at the other end of the wire."""

    vens: Sequence[VenObject]
    older: list[Ven2b]
    connections: list[Connection]
    names: dict[str, str]


@dataclass(frozen=True)
class Seen:
    """What a VEN sees now."""

    programs: list[ProgramObject]
    events: list[EventObject]
    hidden: int


def vens_page(*, organization: Organization) -> Vens:
    """Return the tenant's VENs and connections."""
    vens = list(
        VenObject.objects.filter(organization=organization)
        .annotate(resource_count=Count("resources"))
        .order_by("name")[:SHOWN_AT_MOST]
    )
    clients = ApiClient.objects.filter(
        organization=organization, client_id__in=[one.client_key for one in vens]
    )
    older = Ven2b.objects.filter(organization=organization).select_related("site").order_by("name")
    connections: list[Connection] = []
    for model in (VenConnection3, VenConnection2b):
        held = model.objects.filter(organization=organization).select_related("program")
        connections += held.order_by("name", "pk")[:SHOWN_AT_MOST]
    return Vens(
        vens,
        list(older[:SHOWN_AT_MOST]),
        connections,
        dict(clients.values_list("client_id", "name")),
    )


def credential_rows(*, organization: Organization) -> list[CredentialRow]:
    """Return the tenant's credentials, those in use first."""
    vens = {one.client_key: one for one in VenObject.objects.filter(organization=organization)}
    found = api_clients_of_organization(organization=organization)
    return [CredentialRow(one, getattr(one, "token_at", None), vens.get(one.client_id)) for one in found]


def scope_choices() -> list[tuple[str, list[str]]]:
    """Return each role with the scopes that its credentials may be narrowed to."""
    return [(role, scopes_of_role(role)) for role in ApiClient.Role.values if role != ApiClient.Role.APP]


def overlap_of(hours: str) -> timedelta:
    """Return for how long both secrets are to be good, as a form says; none for what is not offered."""
    return next((timedelta(hours=known) for known, _ in OVERLAPS if str(known) == hours), timedelta(0))


def credential_of(*, organization: Organization, credential_id: int) -> ApiClient | None:
    """Return the tenant's credential."""
    found: ApiClient | None = ApiClient.objects.filter(organization=organization, pk=credential_id).first()
    return found


def ven_of(*, organization: Organization, object_id: str) -> VenObject | None:
    """Return the tenant's VEN of OpenADR 3.1."""
    return VenObject.objects.filter(organization=organization, pk=object_id).first()


def ven2b_of(*, organization: Organization, ven_id: int) -> Ven2b | None:
    """Return the tenant's VEN of OpenADR 2.0b."""
    return Ven2b.objects.filter(organization=organization, pk=ven_id).select_related("site").first()


def seen_by_ven(*, ven: VenObject, now: datetime) -> Seen:
    """Return what a VEN of 3.1 sees: asked as it asks itself."""
    client = ApiClient.objects.filter(organization=ven.organization, client_id=ven.client_key).first()
    viewer = (
        viewer_of(client=client)
        if client is not None and client.role == ApiClient.Role.VEN
        else Viewer(ven.organization, client, is_business_logic=False, grants=frozenset(ven.grants))
    )
    events = events_seen(viewer=viewer, targets=[], program_id=None, active=True, now=now)
    everything = EventObject.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=now), organization=ven.organization, deleted_at=None
    )
    return Seen(
        list(programs_seen(viewer=viewer, targets=[])[:50]),
        list(events[:50]),
        everything.count() - events.count(),
    )
