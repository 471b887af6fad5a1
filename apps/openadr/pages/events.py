"""Utilities' and operators' events with what became of them."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core.paginator import Page, Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat

from apps.accounts.models import AuditEntry, Organization
from apps.accounts.selectors import audit_about
from apps.openadr.models import EventObject, MessageEntry, Opt2b, ReportObject
from apps.openadr.signals import signals_of_event
from apps.programs.models import GridSignal

PAGE_SIZE: Final = 50
SHOWN_AT_MOST: Final = 30
LIFE: Final = ("accepted", "planned", "active", "ended", "settled")
RELAYED: Final = "for VENs only"
CANCELED: Final = "canceled"


@dataclass(frozen=True)
class Step:
    """One station of an event's life: `done`, `now` or empty."""

    name: str
    mark: str


@dataclass(frozen=True)
class EventRow:
    """An event with its grid signals; its state is that of the one that is furthest behind."""

    event: EventObject
    signals: list[GridSignal]

    @property
    def name(self) -> str:
        return str(self.event.content.get("eventName") or "Event")

    @property
    def state(self) -> str:
        if self.event.deleted_at is not None:
            return CANCELED
        running = [one.state for one in self.signals if one.state in LIFE]
        if not running:
            return CANCELED if self.signals else RELAYED
        return min(running, key=LIFE.index)

    @property
    def life(self) -> list[Step]:
        """The stations; only what is measured is settled. What was canceled shows how far it had come."""
        if not self.signals:
            return []
        stations = LIFE if any(one.is_shed for one in self.signals) else LIFE[:-1]
        if self.state == CANCELED:
            return [Step("accepted", "done"), Step(CANCELED, "off")]
        reached = LIFE.index(self.state)
        return [
            Step(name, "done" if place < reached else "now" if place == reached else "")
            for place, name in enumerate(stations)
        ]

    @property
    def kinds(self) -> str:
        return ", ".join(dict.fromkeys(str(one.get_kind_display()).lower() for one in self.signals))

    @property
    def starts_at(self) -> datetime | None:
        return min((one.starts_at for one in self.signals), default=None)

    @property
    def ends_at(self) -> datetime | None:
        return max((one.ends_at for one in self.signals), default=self.event.ends_at)


@dataclass(frozen=True)
class Wanted:
    """The list's filters as typed."""

    program: str = ""
    state: str = ""
    kind: str = ""

    @property
    def any(self) -> bool:
        return bool(self.program or self.state or self.kind)


@dataclass(frozen=True)
class EventPage:
    """All that the page of one event shows."""

    row: EventRow
    sent: str
    opts: list[Opt2b]
    reports: list[ReportObject]
    messages: list[MessageEntry]
    entries: list[AuditEntry]


def event_rows(
    *, organization: Organization, wanted: Wanted, page_number: str
) -> "tuple[Page[EventObject], list[EventRow]]":
    """Return a page of the tenant's events, newest first, canceled ones included."""
    page = Paginator(_found(organization, wanted), PAGE_SIZE).get_page(page_number)
    return page, rows_of_events(list(page.object_list), organization=organization)


def rows_of_events(events: list[EventObject], *, organization: Organization) -> list[EventRow]:
    """Return events with their signals, read at once."""
    named = Q(pk__in=[])
    for event in events:
        named |= Q(source__startswith=f"openadr3:{event.pk}#")
    by_event: dict[str, list[GridSignal]] = {}
    for signal in GridSignal.objects.filter(named, organization=organization).order_by("pk"):
        by_event.setdefault(signal.source.removeprefix("openadr3:").split("#")[0], []).append(signal)
    return [EventRow(event, by_event.get(event.pk, [])) for event in events]


def _found(organization: Organization, wanted: Wanted) -> QuerySet[EventObject]:
    found = EventObject.objects.filter(organization=organization).select_related(
        "program_object__program", "client"
    )
    found = found.order_by("-created_at", "-id")
    if wanted.program.isascii() and wanted.program.isdigit() and len(wanted.program) < 18:
        found = found.filter(program_object__program_id=int(wanted.program))
    signals = GridSignal.objects.filter(
        organization=organization, source__startswith=Concat(Value("openadr3:"), OuterRef("pk"), Value("#"))
    )
    if wanted.state in LIFE:
        found = found.filter(Exists(signals.filter(state=wanted.state)), deleted_at=None)
    elif wanted.state == CANCELED:
        found = found.exclude(deleted_at=None) | found.filter(Exists(signals.filter(state=CANCELED)))
    elif wanted.state == RELAYED:
        found = found.filter(~Exists(signals), deleted_at=None)
    if wanted.kind in GridSignal.Kind.values:
        found = found.filter(Exists(signals.filter(kind=wanted.kind)))
    return found


def event_of(*, organization: Organization, object_id: str) -> EventObject | None:
    """Return the tenant's event, canceled or not."""
    found = EventObject.objects.filter(organization=organization, pk=object_id)
    return found.select_related("program_object__program", "organization", "client").first()


def event_page(*, event: EventObject) -> EventPage:
    """Return an event with everything that was said of it."""
    last: dict[int, Opt2b] = {}
    opts = Opt2b.objects.filter(event=event, canceled_at=None).select_related("ven__site")
    for opt in opts.order_by("-pk")[:500]:
        last.setdefault(opt.ven_id, opt)
    messages = MessageEntry.objects.filter(
        organization=event.organization, kind__endswith=f"/events/{event.pk}"
    )
    return EventPage(
        row=EventRow(event, signals_of_event(event=event)),
        sent=json.dumps(event.content, indent=2, ensure_ascii=False),
        opts=list(last.values()),
        reports=list(ReportObject.objects.filter(event=event).order_by("-created_at")[:SHOWN_AT_MOST]),
        messages=list(messages.order_by("-pk")[:SHOWN_AT_MOST]),
        entries=list(
            audit_about(organization=event.organization, subject=f"event {event.pk}")[:SHOWN_AT_MOST]
        ),
    )
