"""Reports: those of VENs, and the platform's own on settled signals."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q

from apps.openadr.errors import EventUnknownError
from apps.openadr.models import EventObject, ReportObject
from apps.openadr.notify.outbox import announce
from apps.openadr.reporting.settled import report_name, weeks_settled
from apps.openadr.selectors import Viewer, visible
from apps.openadr.services.shared import locked, revised
from apps.openadr.wire import CLIENT_NAME, kept, understood
from apps.programs.events import PART
from apps.settlement.selectors import SettledSignal, settled_signals
from vpp.intervals import Grid
from vpp.protocols.openadr3.common import to_builtins
from vpp.protocols.openadr3.report import decode_report
from vpp.translate.openadr3_report import ReportedDelivery, report_for_signal


@transaction.atomic
def report_object_create(*, viewer: Viewer, body: dict[str, Any], now: datetime) -> ReportObject:
    """Store a VEN's report on an event that it sees."""
    request = understood(decode_report, body)
    made = ReportObject.objects.create(
        organization=viewer.organization, client=viewer.client, client_key=viewer.client_key,
        event=_event(viewer, request.event_id), client_name=request.client_name, content=kept(request, body),
        created_at=now, modified_at=now,
    )  # fmt: skip
    announce(made, "CREATE", now=now)
    return made


@transaction.atomic
def report_object_replace(
    *, viewer: Viewer, object_id: str, if_match: str | None, body: dict[str, Any], now: datetime
) -> ReportObject:
    """Take over a changed report."""
    report = locked(kind=ReportObject, viewer=viewer, object_id=object_id, if_match=if_match)
    request = understood(decode_report, body)
    if request.event_id != report.event_id:
        report.event = _event(viewer, request.event_id)
    report.client_name, report.content = request.client_name, kept(request, body)
    revised(report, now=now)
    report.save()
    announce(report, "UPDATE", now=now)
    return report


@transaction.atomic
def report_object_delete(
    *, viewer: Viewer, object_id: str, if_match: str | None, now: datetime
) -> ReportObject:
    """Delete a report; the object returned is as it was."""
    report = locked(kind=ReportObject, viewer=viewer, object_id=object_id, if_match=if_match)
    announce(report, "DELETE", now=now)
    ReportObject.objects.filter(pk=report.pk).delete()
    return report


@transaction.atomic
def reports_due(*, now: datetime) -> int:
    """Report on every settlement run that has no report yet; return how many were made."""
    counted = EventObject.objects.exclude(signal=None).annotate(
        run_count=Count("signal__settlement_runs", distinct=True),
        report_count=Count("reports", distinct=True, filter=Q(reports__client_key="", reports__asked_key="")),
    )
    due = counted.filter(report_count__lt=F("run_count"))
    events: dict[UUID, EventObject] = {event.signal_id: event for event in due if event.signal_id is not None}
    weeks = weeks_settled(source="openadr3:")
    ids = {pk: source.removeprefix("openadr3:").split(PART)[0] for pk, source in weeks.items()}
    of_weeks = EventObject.objects.in_bulk(sorted(set(ids.values())))
    events |= {pk: of_weeks[object_id] for pk, object_id in ids.items() if object_id in of_weeks}
    made = 0
    for settled in settled_signals(signal_ids=events):
        event = events[settled.signal_id]
        name = report_name(settled, weeks=weeks)
        if not ReportObject.objects.filter(event=event, client_key="", content__reportName=name).exists():
            _own_report_create(event, settled, name=name, now=now)
            made += 1
    return made


def _event(viewer: Viewer, event_id: str) -> EventObject:
    event = visible(kind=EventObject, viewer=viewer).filter(pk=event_id).first()
    if event is None:
        raise EventUnknownError(f"there is no event {event_id}")
    return event


def _own_report_create(event: EventObject, settled: SettledSignal, *, name: str, now: datetime) -> None:
    report = report_for_signal(
        event_id=event.id,
        client_name=CLIENT_NAME,
        grid=Grid(settled.starts_at, settled.interval_s, settled.count),
        total=ReportedDelivery(
            "AGGREGATED_REPORT", settled.baseline_kwh, settled.metered_kwh, settled.delivered_kwh
        ),
        report_name=name,
    )
    made = ReportObject.objects.create(
        organization_id=event.organization_id, event=event, client_name=CLIENT_NAME, content=to_builtins(report),
        created_at=now, modified_at=now,
    )  # fmt: skip
    announce(made, "CREATE", now=now)
