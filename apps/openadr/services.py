"""OpenADR 3.1 objects in, programs and grid signals out; and the report on a settled signal back."""

from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, F

from apps.accounts.models import ApiClient
from apps.openadr.errors import BodyError, ProgramUnknownError
from apps.openadr.models import EventObject, ProgramObject, ReportObject, object_id
from apps.programs import services as programs
from apps.settlement.selectors import SettledSignal, settled_signals
from vpp.errors import VppError
from vpp.intervals import Grid
from vpp.protocols.openadr3.common import to_builtins
from vpp.protocols.openadr3.event import EventRequest, decode_event
from vpp.protocols.openadr3.program import decode_program
from vpp.translate.grid_signal import GridSignalDraft
from vpp.translate.openadr3 import ReportedDelivery, grid_signal_from_event, report_for_signal

CLIENT_NAME = "ores-cloud"


@transaction.atomic
def program_object_create(*, client: ApiClient, body: dict[str, Any], now: datetime) -> ProgramObject:
    """Store a utility's program and make it one of the platform's."""
    try:
        request = decode_program(body)
    except VppError as error:
        raise BodyError(error.detail, code=error.code) from error
    program = programs.program_create(organization=client.organization, name=request.program_name, now=now)
    return ProgramObject.objects.create(
        organization=client.organization, client=client, content=_content(body), program=program,
        created_at=now, modified_at=now,
    )  # fmt: skip


@transaction.atomic
def event_object_create(*, client: ApiClient, body: dict[str, Any], now: datetime) -> EventObject:
    """Store a utility's event and turn it into a grid signal."""
    request, draft = _understood(body, now=now, said_at=now)
    program_object = _program_object(client, request)
    id_ = object_id()
    signal = programs.signal_receive(
        program=program_object.program,
        draft=draft,
        source=f"openadr3:{id_}",
        name=request.event_name or "",
        now=now,
    )
    return EventObject.objects.create(
        id=id_, organization=client.organization, client=client, content=_content(body), program_object=program_object,
        signal=signal, created_at=now, modified_at=now,
    )  # fmt: skip


@transaction.atomic
def event_object_replace(
    *, event: EventObject, client: ApiClient, body: dict[str, Any], now: datetime
) -> EventObject:
    """Take over a changed event."""
    request, draft = _understood(body, now=now, said_at=now)
    if request.program_id != event.program_object_id:
        raise BodyError("an event cannot move to another program", code="program_changed")
    programs.signal_revise(signal_id=event.signal_id, draft=draft, name=request.event_name or "", now=now)
    event.content, event.modified_at = _content(body), now
    event.save(update_fields=["content", "modified_at"])
    return event


@transaction.atomic
def event_object_delete(*, event: EventObject, now: datetime) -> None:
    """Cancel an event; the object is gone, the grid signal stays on record as canceled."""
    programs.signal_cancel(signal_id=event.signal_id, now=now)
    event.delete()


@transaction.atomic
def reports_due(*, now: datetime) -> int:
    """Report on every settlement run that has no report yet; return how many were made."""
    counted = EventObject.objects.annotate(
        run_count=Count("signal__settlement_runs", distinct=True),
        report_count=Count("reports", distinct=True),
    )
    events = {event.signal_id: event for event in counted.filter(report_count__lt=F("run_count"))}
    made = 0
    for settled in settled_signals(signal_ids=events):
        event = events[settled.signal_id]
        name = f"settlement {settled.version}"
        if not ReportObject.objects.filter(event=event, content__reportName=name).exists():
            _report_create(event, settled, name=name, now=now)
            made += 1
    return made


def wire(object_: ProgramObject | EventObject | ReportObject) -> dict[str, Any]:
    """Return an object as the VTN shows it."""
    kind = {ProgramObject: "PROGRAM", EventObject: "EVENT", ReportObject: "REPORT"}[type(object_)]
    shown = {
        **object_.content,
        "id": object_.id,
        "createdDateTime": _rfc3339(object_.created_at),
        "modificationDateTime": _rfc3339(object_.modified_at),
        "objectType": kind,
    }
    return {**shown, "clientID": CLIENT_NAME} if kind == "REPORT" else shown


def _understood(
    body: dict[str, Any], *, now: datetime, said_at: datetime
) -> tuple[EventRequest, GridSignalDraft]:
    try:
        request = decode_event(body)
        return request, grid_signal_from_event(request, now=now, said_at=said_at)
    except VppError as error:
        raise BodyError(error.detail, code=error.code) from error


def _program_object(client: ApiClient, request: EventRequest) -> ProgramObject:
    found = (
        ProgramObject.objects.filter(pk=request.program_id, organization=client.organization)
        .select_related("program__organization")
        .first()
    )
    if found is None:
        raise ProgramUnknownError(f"there is no program {request.program_id}")
    return found


def _report_create(event: EventObject, settled: SettledSignal, *, name: str, now: datetime) -> None:
    report = report_for_signal(
        event_id=event.id,
        client_name=CLIENT_NAME,
        grid=Grid(settled.starts_at, settled.interval_s, settled.count),
        total=ReportedDelivery(
            "AGGREGATED_REPORT", settled.baseline_kwh, settled.metered_kwh, settled.delivered_kwh
        ),
        report_name=name,
    )
    ReportObject.objects.create(
        organization_id=event.organization_id, event=event, client_name=CLIENT_NAME, content=to_builtins(report),
        created_at=now, modified_at=now,
    )  # fmt: skip


_SERVER_SET = {"id", "createdDateTime", "modificationDateTime", "objectType", "clientID"}


def _content(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in _SERVER_SET}


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
