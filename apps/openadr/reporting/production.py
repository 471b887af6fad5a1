"""Make the reports that events ask for, each once."""

from datetime import datetime

from django.db import transaction

from apps.openadr.models import EventObject, ReportObject, ReportWish
from apps.openadr.notify.outbox import announce
from apps.openadr.reporting.build import AskedEvent, BuiltReport, reports_built
from apps.openadr.reporting.wishes import next_look, wishes_refused
from apps.openadr.signals import draw_of
from apps.telemetry.rollups import roll_up
from vpp.protocols.openadr3.common import to_builtins
from vpp.protocols.openadr3.event import decode_event


def reports_due_prepare(*, now: datetime) -> list[str]:
    """Return the events of which a report is due, the longest waiting first; what homes have sent is rolled up then."""
    due = ReportWish.objects.filter(next_at__lte=now, event__deleted_at=None)
    found = list(due.order_by("next_at", "pk").values_list("pk", flat=True))
    if found:
        roll_up(now=now)
    return found


def reports_produce(*, now: datetime) -> int:
    """Make all reports that are due; return how many were made."""
    return sum(event_reports_produce(event_id=event_id, now=now) for event_id in reports_due_prepare(now=now))


@transaction.atomic
def event_reports_produce(*, event_id: str, now: datetime) -> int:
    """Make an event's reports that are due; return how many were made."""
    # The event first, as everybody who changes one does.
    held = EventObject.objects.select_for_update(of=("self",)).filter(pk=event_id, deleted_at=None)
    event = held.select_related("program_object__program__organization", "organization").first()
    wish = ReportWish.objects.select_for_update().filter(event_id=event_id, next_at__lte=now).first()
    if event is None or wish is None:
        return 0
    request = decode_event(event.content)
    built = reports_built(
        event=AskedEvent(
            program=event.program_object.program, request=request, event_id=event.id, said_at=event.modified_at,
            targets=tuple(request.targets or ()), signal=event.signal, draw=draw_of(event),
        ),
        since=wish.reported_until, now=now,
    )  # fmt: skip
    made = sum(_report_create(event, one, now=now) for one in built.reports)
    wish.reported_until = built.until
    wish.next_at, refused = next_look(event=event, request=request, after=built.until)
    wishes_refused(wish=wish, event=event, sentences=[*built.refused, *refused], now=now)
    wish.save()
    return made


def _report_create(event: EventObject, built: BuiltReport, *, now: datetime) -> bool:
    """Store a report that is not there yet: a changed event may ask again for one that was made."""
    made, created = ReportObject.objects.get_or_create(
        event=event, asked_key=built.key,
        defaults={
            "organization_id": event.organization_id, "client_name": built.request.client_name,
            "content": to_builtins(built.request), "created_at": now, "modified_at": now,
        },
    )  # fmt: skip
    if created:
        announce(made, "CREATE", now=now)
    return created
