"""The console's first page: how the fleet is, what runs, and what needs somebody now."""

import dataclasses
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.urls import reverse

from apps.accounts.models import Organization
from apps.common.charts import Chart, Series, chart
from apps.console.selectors import QUIET_AFTER
from apps.hubs.models import Campaign
from apps.hubs.selectors import hub_counts
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_of_organization
from apps.programs.services import RUNNING
from apps.settlement.models import Dispute
from apps.settlement.reviews import drafts_count
from apps.settlement.selectors import disputes_of_organization
from apps.sites.selectors import sites_of_organization
from apps.telemetry.fleets import fleet_quarters
from apps.telemetry.selectors import FleetTotals, fleet_totals

SHOWN_EVENTS = 6
QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Todo:
    """Something that waits for a person, and where it is dealt with."""

    count: int
    words: str
    detail: str
    url: str
    urgent: bool = False


@dataclasses.dataclass(frozen=True)
class Overview:
    homes: int
    hubs_online: int
    hubs: int
    totals: FleetTotals
    todos: list[Todo]
    running: list[GridSignal]
    coming: list[GridSignal]
    power: Chart | None


def overview(*, organization: Organization, zone: ZoneInfo, now: datetime) -> Overview:
    """Return the first page."""
    sites = sites_of_organization(organization=organization)
    online, hubs = hub_counts(organization=organization)
    signals = signals_of_organization(organization=organization).filter(state__in=RUNNING, ends_at__gt=now)
    coming = signals.filter(starts_at__gt=now).order_by("starts_at")
    running = list(signals.filter(starts_at__lte=now).order_by("ends_at")[:SHOWN_EVENTS])
    return Overview(
        homes=sites.count(),
        hubs_online=online,
        hubs=hubs,
        totals=fleet_totals(site_ids=sites.order_by().values_list("pk", flat=True), since=now - QUIET_AFTER),
        todos=[one for one in _todos(organization, running, offline=hubs - online) if one.count],
        running=running,
        coming=list(coming[:SHOWN_EVENTS]),
        power=_power(organization, zone=zone, now=now),
    )


def _power(organization: Organization, *, zone: ZoneInfo, now: datetime) -> Chart | None:
    """Draw all homes' power over the last day, by whole quarter-hours; None where nothing was measured."""
    ends_at = now.astimezone(UTC).replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    period = (ends_at - DAY, ends_at)
    rows = fleet_quarters(organization_id=organization.pk, starts_at=period[0], ends_at=period[1])
    if not rows:
        return None
    found = {row.at: row for row in rows}
    times = [period[0] + QUARTER * index for index in range(int(DAY / QUARTER))]
    grid = [(at, found[at].grid_kw if at in found else None) for at in times]
    sun = [(at, _negated(found[at].pv_kw) if at in found else None) for at in times]
    battery = [(at, _negated(found[at].battery_kw) if at in found else None) for at in times]
    series = [
        Series("grid", "Grid: import up, export down", grid, "area"),
        Series("sun", "Sun", sun),
        Series("battery", "Batteries: discharge up, charge down", battery),
    ]
    shown = [one for one in series if any(value is not None for _, value in one.points)]
    return (
        chart(title="The fleet's power over the last day", period=period, series=shown, zone=zone)
        if shown
        else None
    )


def _negated(kw: float | None) -> float | None:
    return None if kw is None else -kw


def _todos(organization: Organization, running: list[GridSignal], *, offline: int) -> list[Todo]:
    def url(name: str) -> str:
        return reverse(f"console:{name}", args=[organization.pk])

    short = [one for one in running if one.is_shed and is_short(one)]
    disputes = disputes_of_organization(organization=organization).filter(state=Dispute.State.OPEN).count()
    paused = Campaign.objects.filter(organization=organization, state=Campaign.State.PAUSED).count()
    first = reverse("console:event", args=[organization.pk, short[0].pk]) if short else url("events")
    return [
        Todo(
            len(short), "running short of target", "events that deliver less than asked", first, urgent=True
        ),
        Todo(disputes, "open objections", "households wait for an answer", url("disputes")),
        Todo(
            drafts_count(organization=organization),
            "settlement runs to approve",
            "homes are paid after that",
            url("runs") + "?state=draft",
        ),
        Todo(paused, "paused updates", "too many hubs failed, or somebody paused it", url("updates")),
        Todo(
            offline,
            "hubs off the link",
            "their homes keep their last schedule",
            url("sites") + "?hub=offline",
        ),
    ]


def is_short(signal: GridSignal) -> bool:
    """Whether the last look saw less than nine tenths of the target."""
    latest = signal.tracking.order_by("-at").first()
    return latest is not None and latest.delivered_kw < 0.9 * latest.target_kw
