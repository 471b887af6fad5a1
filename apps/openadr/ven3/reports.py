"""Reports on utilities' events: written down, sent, and noted once the VTN has them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from apps.openadr.models import VenConnection3, VenEvent3, VenReport3
from apps.openadr.reporting.build import AskedEvent, BuiltReport, reports_built
from apps.openadr.reporting.settled import report_name, weeks_settled
from apps.openadr.ven3.events import draw_of, said_at_of, source_of, targets_of, without_nulls
from apps.programs.events import PART
from apps.settlement.selectors import SettledSignal, settled_signals
from apps.telemetry.rollups import roll_up
from vpp.errors import VppError
from vpp.intervals import Grid
from vpp.protocols.openadr3.common import AGGREGATED_REPORT, to_builtins
from vpp.protocols.openadr3.event import decode_event
from vpp.protocols.openadr3.report import ReportRequest
from vpp.translate.openadr3_report import ReportedDelivery, report_for_signal

BATCH = 100


@transaction.atomic
def reports_make(*, connection_pk: int, now: datetime) -> int:
    """Write down what is to be reported and is not yet; return how many reports that are."""
    connection = VenConnection3.objects.select_for_update().get(pk=connection_pk)
    made = 0
    for event, name, report in _reports(connection, now=now):
        _, is_new = VenReport3.objects.get_or_create(
            event=event, name=name, defaults={"content": to_builtins(report), "created_at": now}
        )
        made += is_new
    return made


def reports_unsent(*, connection_pk: int) -> list[VenReport3]:
    """Return what the VTN does not have yet, oldest first."""
    waiting = VenReport3.objects.filter(event__connection_id=connection_pk, report_id="", refusal="")
    return list(waiting.select_related("event").order_by("pk")[:BATCH])


@transaction.atomic
def report_tried(*, pk: int) -> None:
    """Note that a report is about to be sent: from now on the VTN may have it."""
    VenReport3.objects.filter(pk=pk).update(tried=True)


@transaction.atomic
def report_sent(*, pk: int, report_id: str) -> None:
    """Note what the VTN calls a report that it has."""
    VenReport3.objects.filter(pk=pk).update(report_id=report_id[:128])


@transaction.atomic
def report_refused(*, pk: int, refusal: str) -> None:
    """Note that the VTN does not want a report."""
    VenReport3.objects.filter(pk=pk).update(refusal=refusal[:300])


def _reports(connection: VenConnection3, *, now: datetime) -> list[tuple[VenEvent3, str, ReportRequest]]:
    """Return all reports on the connection's events with names that are theirs alone among the event's."""
    return [*_settled_reports(connection), *_asked_reports(connection, now=now)]


def _asked_reports(
    connection: VenConnection3, *, now: datetime
) -> list[tuple[VenEvent3, str, ReportRequest]]:
    """Return what became due of the reports that events ask for, and note up to when they are complete."""
    asking = connection.events.filter(deleted_at=None, content__has_key="reportDescriptors")
    events = [
        event
        for event in asking.select_related("program", "signal")
        if event.content.get("reportDescriptors")
    ]
    if events:
        roll_up(now=now)
    found = []
    for event in events:
        try:
            request = decode_event(without_nulls(event.content))
            targets = targets_of(connection, request.targets or ())
            if targets is None:
                continue
            asked = AskedEvent(
                program=event.program, request=request, event_id=event.event_id,
                said_at=said_at_of(event.content, event.received_at), targets=targets, signal=event.signal,
                draw=draw_of(event), client_name=connection.name,
            )  # fmt: skip
            built = reports_built(event=asked, since=event.reported_until, now=now)
        except VppError as error:
            event.reason = f"its reports cannot be made: {error.detail}"[:300]
            event.save(update_fields=["reason"])
            continue
        found += [(event, one.key, _named(one)) for one in built.reports]
        event.reported_until = built.until
        event.save(update_fields=["reported_until"])
    return found


def _named(built: BuiltReport) -> ReportRequest:
    """Return a report under the name by which it is found again at the VTN."""
    return msgspec.structs.replace(built.request, report_name=built.key)


def _settled_reports(connection: VenConnection3) -> list[tuple[VenEvent3, str, ReportRequest]]:
    held = connection.events.filter(deleted_at=None, signal__settlement_runs__isnull=False).distinct()
    events = {event.signal_id: event for event in held if event.signal_id is not None}
    weeks = weeks_settled(source=f"openadr3ven:{connection.pk}:")
    if weeks:
        by_source = {source_of(event): event for event in connection.events.filter(deleted_at=None)}
        sources = {pk: source.split(PART)[0] for pk, source in weeks.items()}
        events |= {pk: by_source[source] for pk, source in sources.items() if source in by_source}
    known = set(VenReport3.objects.filter(event__in=list(events.values())).values_list("event_id", "name"))
    found = []
    for settled in settled_signals(signal_ids=events):
        event, name = events[settled.signal_id], report_name(settled, weeks=weeks)
        if (event.pk, name) not in known:
            found.append((event, name, _settled_report(connection, event, settled=settled, name=name)))
    return found


def _settled_report(
    connection: VenConnection3, event: VenEvent3, *, settled: SettledSignal, name: str
) -> ReportRequest:
    return report_for_signal(
        event_id=event.event_id,
        client_name=connection.name,
        grid=Grid(settled.starts_at, settled.interval_s, settled.count),
        total=ReportedDelivery(
            AGGREGATED_REPORT, settled.baseline_kwh, settled.metered_kwh, settled.delivered_kwh
        ),
        report_name=name,
    )


def found_again(reports: Sequence[dict[str, Any]], report: VenReport3) -> str:
    """Return the id under which the VTN has a report already, empty if it has not."""
    same = (one for one in reports if one.get("reportName") == report.name)
    return next((str(one["id"]) for one in same if isinstance(one.get("id"), str)), "")
