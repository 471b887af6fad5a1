"""Utilities' events."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.openadr import signals
from apps.openadr.errors import BodyError, ProgramUnknownError
from apps.openadr.models import EventObject, ProgramObject
from apps.openadr.models.objects import audience
from apps.openadr.notify.outbox import announce
from apps.openadr.reporting.wishes import event_reports_wanted
from apps.openadr.selectors import Viewer, objects_of
from apps.openadr.services.shared import locked, revised
from apps.openadr.wire import kept, understood
from vpp.errors import VppError
from vpp.intervals import FOREVER
from vpp.protocols.openadr3.event import EventRequest, decode_event
from vpp.protocols.openadr3.timing import is_void, lifespan


@transaction.atomic
def event_object_create(*, viewer: Viewer, body: dict[str, Any], now: datetime) -> EventObject:
    """Store a utility's event and have the platform's homes do their part."""
    request = understood(decode_event, body)
    event = EventObject(
        organization=viewer.organization, client=viewer.client, content=kept(request, body), created_at=now,
        modified_at=now, program_object=_program_object(viewer, request), ends_at=_ends_at(request, now=now),
        audience=audience(viewer.organization.pk, request.targets or ()),
    )  # fmt: skip
    event.signal = signals.event_taken_over(event=event, request=request, now=now)
    event.save(force_insert=True)
    event_reports_wanted(event=event, request=request, now=now)
    announce(event, "CREATE", now=now)
    return event


@transaction.atomic
def event_object_replace(
    *, viewer: Viewer, object_id: str, if_match: str | None, body: dict[str, Any], now: datetime
) -> EventObject:
    """Take over a changed event."""
    event = locked(kind=EventObject, viewer=viewer, object_id=object_id, if_match=if_match)
    request = understood(decode_event, body)
    if request.program_id != event.program_object_id:
        raise BodyError("an event cannot move to another program", code="program_changed")
    event.ends_at = now if is_void(request) else _ends_at(request, now=now)
    event.signal = signals.event_changed(event=event, request=request, now=now)
    event.content = kept(request, body)
    event.audience = audience(event.organization_id, request.targets or ())
    revised(event, now=now)
    event.save()
    event_reports_wanted(event=event, request=request, now=now)
    announce(event, "UPDATE", now=now)
    return event


@transaction.atomic
def event_object_delete(
    *, viewer: Viewer, object_id: str, if_match: str | None, now: datetime
) -> EventObject:
    """Delete an event as its utility asks."""
    event = locked(kind=EventObject, viewer=viewer, object_id=object_id, if_match=if_match)
    event_object_remove(event=event, now=now)
    return event


def event_object_remove(*, event: EventObject, now: datetime) -> None:
    """Show an event no more and cancel what it asked for; both stay on record. The caller has locked it."""
    signals.event_gone(event=event, now=now)
    announce(event, "DELETE", now=now)
    # The revision counts for 2.0b; `modified_at` stays what the answer to DELETE shows.
    event.deleted_at, event.audience, event.revision = now, [], event.revision + 1
    event.save(update_fields=["deleted_at", "audience", "revision"])


def _program_object(viewer: Viewer, request: EventRequest) -> ProgramObject:
    held = objects_of(kind=ProgramObject, organization=viewer.organization)
    # Locked, so that the program is not deleted while it gets one more event.
    found = held.select_related("program__organization").select_for_update(of=("self",), no_key=True)
    program = found.filter(pk=request.program_id).first()
    if program is None:
        raise ProgramUnknownError(f"there is no program {request.program_id}")
    return program


def _ends_at(request: EventRequest, *, now: datetime) -> datetime | None:
    try:
        period = lifespan(request, now=now)
    except VppError as error:
        raise BodyError(error.detail, code=error.code) from error
    return None if period is None or period.ends_at == FOREVER else period.ends_at
