"""Reads of incidents; each takes the organization first."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db.models import Count, Q, QuerySet

from apps.accounts.models import Organization
from apps.alerts.errors import IncidentUnknownError
from apps.alerts.models import Incident, IncidentKind, IncidentNote, Severity

PAGE_SIZE: Final = 50
STATES: Final = ("open", "acknowledged", "snoozed", "history")


@dataclasses.dataclass(frozen=True)
class Wish:
    """Which incidents are wanted; what is no known state, kind or severity stands for all, or what is open."""

    state: str = "open"
    kind: str = ""
    severity: str = ""
    before: int | None = None


@dataclasses.dataclass(frozen=True)
class Counts:
    open: int
    acknowledged: int
    snoozed: int


@dataclasses.dataclass(frozen=True)
class IncidentPage:
    """One page of incidents; `before` leads to the next, None on the last."""

    wish: Wish
    counts: Counts
    incidents: Sequence[Incident]
    before: int | None


def incident_page(*, organization: Organization, wish: Wish, now: datetime) -> IncidentPage:
    """Return one page, the newest first, by keyset: any page costs the same."""
    known = Wish(
        state=wish.state if wish.state in STATES else "open",
        kind=wish.kind if wish.kind in IncidentKind.values else "",
        severity=wish.severity if wish.severity in Severity.values else "",
        before=wish.before,
    )
    found = incidents_found(
        organization=organization, now=now, state=known.state, kind=known.kind, severity=known.severity
    )
    ones = list(_after(found, organization, before=known.before)[: PAGE_SIZE + 1])
    return IncidentPage(
        wish=known,
        counts=incident_counts(organization=organization, now=now),
        incidents=ones[:PAGE_SIZE],
        before=ones[PAGE_SIZE - 1].pk if len(ones) > PAGE_SIZE else None,
    )


def incidents_found(
    *,
    organization: Organization,
    now: datetime,
    state: str = "",
    kind: str = "",
    severity: str = "",
    site: int | None = None,
) -> QuerySet[Incident]:
    """Return the tenant's incidents, the newest first; each filter that is named narrows them."""
    named = {"kind": kind, "severity": severity, "site_id": site}
    found = Incident.objects.filter(organization=organization, **{k: v for k, v in named.items() if v})
    found = found.filter(_in_state(state, now=now)) if state else found
    return found.select_related("site", "grid_area").order_by("-opened_at", "-pk")


def _in_state(state: str, *, now: datetime) -> Q:
    snoozed = Q(snoozed_until__gt=now)
    return {
        "open": Q(cleared_at=None, acknowledged_at=None) & ~snoozed,
        "acknowledged": Q(cleared_at=None, acknowledged_at__isnull=False) & ~snoozed,
        "snoozed": Q(cleared_at=None) & snoozed,
        "history": Q(cleared_at__isnull=False),
    }[state]


def _after(
    found: QuerySet[Incident], organization: Organization, *, before: int | None
) -> QuerySet[Incident]:
    last = Incident.objects.filter(organization=organization, pk=before).first() if before else None
    if last is None:
        return found
    return found.filter(Q(opened_at__lt=last.opened_at) | Q(opened_at=last.opened_at, pk__lt=last.pk))


def incident_counts(*, organization: Organization, now: datetime) -> Counts:
    """Return how many incidents hold, by state."""
    open_ = Incident.objects.filter(organization=organization, cleared_at=None)
    counts = open_.aggregate(
        **{state: Count("pk", filter=_in_state(state, now=now)) for state in ("open", "acknowledged", "snoozed")}
    )  # fmt: skip
    return Counts(**counts)


def incident_of_organization(*, organization: Organization, incident_id: int) -> Incident:
    """Return one of the tenant's incidents."""
    found = Incident.objects.select_related("site", "grid_area")
    held = found.filter(organization=organization, pk=incident_id).first()
    if held is None:
        raise IncidentUnknownError("no such incident")
    return held


def notes_of(*, incident: Incident) -> list[IncidentNote]:
    """Return an incident's life, from the beginning."""
    return list(incident.notes.order_by("pk"))
