"""Utilities' programs: each is one of the platform's too."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.openadr.models import ProgramObject
from apps.openadr.models.objects import audience
from apps.openadr.notify.outbox import announce
from apps.openadr.selectors import Viewer
from apps.openadr.services.events import event_object_remove
from apps.openadr.services.shared import locked, revised
from apps.openadr.wire import kept, understood
from apps.programs import services as programs
from vpp.protocols.openadr3.program import decode_program


@transaction.atomic
def program_object_create(*, viewer: Viewer, body: dict[str, Any], now: datetime) -> ProgramObject:
    """Store a utility's program and make it one of the platform's."""
    request = understood(decode_program, body)
    program = programs.program_create(organization=viewer.organization, name=request.program_name, now=now)
    made = ProgramObject.objects.create(
        organization=viewer.organization, client=viewer.client, content=kept(request, body), program=program,
        audience=audience(viewer.organization.pk, request.targets or ()), created_at=now, modified_at=now,
    )  # fmt: skip
    announce(made, "CREATE", now=now)
    return made


@transaction.atomic
def program_object_replace(
    *, viewer: Viewer, object_id: str, if_match: str | None, body: dict[str, Any], now: datetime
) -> ProgramObject:
    """Take over a changed program."""
    found = locked(kind=ProgramObject, viewer=viewer, object_id=object_id, if_match=if_match)
    request = understood(decode_program, body)
    programs.program_rename(program=found.program, name=request.program_name)
    found.content = kept(request, body)
    found.audience = audience(found.organization_id, request.targets or ())
    revised(found, now=now)
    found.save()
    announce(found, "UPDATE", now=now)
    return found


@transaction.atomic
def program_object_delete(
    *, viewer: Viewer, object_id: str, if_match: str | None, now: datetime
) -> ProgramObject:
    """Delete a program with its events; the platform's own ends, what was settled under it stays on record."""
    found = locked(kind=ProgramObject, viewer=viewer, object_id=object_id, if_match=if_match)
    for event in found.events.select_for_update().filter(deleted_at=None).order_by("pk"):
        event_object_remove(event=event, now=now)
    announce(found, "DELETE", now=now)
    programs.program_end(program=found.program, now=now)
    found.deleted_at, found.audience = now, []
    found.save(update_fields=["deleted_at", "audience"])
    return found
