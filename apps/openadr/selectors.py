"""Reads of OpenADR objects; each takes the tenant."""

from typing import TypeVar

from django.db.models import QuerySet

from apps.accounts.models import Organization
from apps.openadr.models import EventObject, ReportObject, WireObject

W = TypeVar("W", bound=WireObject)


def objects_of(*, kind: type[W], organization: Organization) -> QuerySet[W]:
    """Return the tenant's objects of a kind in their total order."""
    return kind.objects.filter(organization=organization).order_by("created_at", "id")  # type: ignore[attr-defined, no-any-return]


def events_of_program(*, organization: Organization, program_id: str | None) -> QuerySet[EventObject]:
    """Return events, of one program if asked."""
    found = objects_of(kind=EventObject, organization=organization)
    return found.filter(program_object_id=program_id) if program_id else found


def reports_of_event(
    *, organization: Organization, event_id: str | None, program_id: str | None
) -> QuerySet[ReportObject]:
    """Return reports, of one event or program if asked."""
    found = objects_of(kind=ReportObject, organization=organization)
    if event_id:
        found = found.filter(event_id=event_id)
    return found.filter(event__program_object_id=program_id) if program_id else found
