"""Reads of who is at the other end of the tenant's wires, and of what was said; each takes the tenant first."""

from django.db.models import Count, Q, QuerySet

from apps.accounts.models import Organization
from apps.openadr.models import (
    EventObject,
    MessageEntry,
    Ven2b,
    VenConnection2b,
    VenConnection3,
    VenObject,
)


def vens_of_organization(*, organization: Organization) -> QuerySet[VenObject]:
    """Return the tenant's VENs of OpenADR 3.1, with how many resources each has."""
    found = VenObject.objects.filter(organization=organization)
    return found.annotate(resource_count=Count("resources"))


def vens_2b_of_organization(*, organization: Organization) -> QuerySet[Ven2b]:
    """Return the tenant's VENs of OpenADR 2.0b."""
    return Ven2b.objects.filter(organization=organization)


def connections_of_organization(*, organization: Organization) -> QuerySet[VenConnection3]:
    """Return the tenant's connections to utilities' VTNs of OpenADR 3.x."""
    return VenConnection3.objects.filter(organization=organization).select_related("organization", "program")


def connections_2b_of_organization(*, organization: Organization) -> QuerySet[VenConnection2b]:
    """Return the tenant's connections to utilities' VTNs of OpenADR 2.0b."""
    return VenConnection2b.objects.filter(organization=organization).select_related("organization", "program")


def messages_of_organization(*, organization: Organization) -> QuerySet[MessageEntry]:
    """Return what was said over the tenant's wires, the newest first."""
    return MessageEntry.objects.filter(organization=organization).order_by("-pk")


def events_of_organization(
    *, organization: Organization, program: int | None = None, canceled: bool | None = None
) -> QuerySet[EventObject]:
    """Return the tenant's OpenADR events, the newest first; of one program, canceled ones or the others."""
    found = EventObject.objects.filter(organization=organization).select_related(
        "program_object__program", "organization", "client"
    )
    wanted = Q() if program is None else Q(program_object__program_id=program)
    if canceled is not None:
        wanted &= Q(deleted_at__isnull=not canceled)
    return found.filter(wanted).order_by("-created_at", "-pk")
