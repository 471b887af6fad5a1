"""One site as operators see it: what it is, how it is, what it gave, and what was done to it."""

import dataclasses
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.accounts.models import AuditEntry, Organization
from apps.accounts.selectors import audit_of_subjects
from apps.common.charts import Chart, Series, chart
from apps.console.sites import SiteRow, site_rows
from apps.dispatch.selectors import site_signal_view
from apps.hubs.models import DeviceReport, Instruction
from apps.hubs.selectors import devices_of_site, instructions_of_hub
from apps.programs.models import Enrollment, GridSignal, OptOut, Program
from apps.programs.selectors import (
    enrollments_of_sites,
    opt_outs_of_site,
    programs_of_organization,
    signals_of_site,
)
from apps.programs.services import RUNNING
from apps.settlement.models import Statement
from apps.settlement.selectors import statements_of_site
from apps.sites.models import Resource, Site
from apps.sites.selectors import resources_of_site, sites_of_organization
from apps.telemetry.selectors import QUARTER, quarter_means

SHOWN_EVENTS = 12
SHOWN_ENTRIES = 15
SHOWN_INSTRUCTIONS = 5
DAY = timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class SiteEvent:
    """A site's part in an event: asked and delivered [kWh], by the meters or as far as seen yet."""

    signal: GridSignal
    asked_kwh: float | None
    delivered_kwh: float | None
    statement: Statement | None
    opt_out: OptOut | None
    may_opt_out: bool


@dataclasses.dataclass(frozen=True)
class SitePage:
    """Everything the page shows."""

    row: SiteRow
    resources: list[Resource]
    report: DeviceReport | None
    enrollments: list[Enrollment]
    joinable: list[Program]
    events: list[SiteEvent]
    power: Chart | None
    charge: Chart | None
    instructions: list[Instruction]
    entries: list[AuditEntry]

    @property
    def site(self) -> Site:
        return self.row.site


def site_of_organization(*, organization: Organization, site_id: int) -> Site | None:
    """Return the tenant's site."""
    found = sites_of_organization(organization=organization).filter(pk=site_id)
    return found.select_related("organization", "grid_area").first()


def signal_of_site(*, site: Site, signal_id: UUID) -> GridSignal | None:
    """Return a signal that the site takes part in."""
    return signals_of_site(site=site).filter(pk=signal_id).first()


def site_page(*, site: Site, zone: ZoneInfo, now: datetime) -> SitePage:
    """Return the page of a site."""
    row = site_rows([site], now=now)[0]
    held = enrollments_of_sites(site_ids=[site.pk]).get(site.pk, [])
    taken = {one.program_id for one in held}
    programs = programs_of_organization(organization=site.organization)
    power, charge = _charts(site, zone=zone, now=now)
    subjects = [f"site {site.pk}", *([f"hub {row.hub.pk}"] if row.hub else [])]
    return SitePage(
        row=row,
        resources=resources_of_site(site=site),
        report=devices_of_site(site=site).report,
        enrollments=held,
        joinable=[one for one in programs if one.pk not in taken and "(ended " not in one.name],
        events=_events(site, now=now),
        power=power,
        charge=charge,
        instructions=instructions_of_hub(hub_id=row.hub.pk, limit=SHOWN_INSTRUCTIONS) if row.hub else [],
        entries=list(audit_of_subjects(organization=site.organization, subjects=subjects)[:SHOWN_ENTRIES]),
    )


def _events(site: Site, *, now: datetime) -> list[SiteEvent]:
    signals = list(signals_of_site(site=site)[:SHOWN_EVENTS])
    statements = {
        one.run.signal_id: one for one in statements_of_site(site=site).filter(run__signal__in=signals)
    }
    opt_outs = {one.signal_id: one for one in opt_outs_of_site(site=site, signals=signals)}
    return [
        _event(site, one, statement=statements.get(one.pk), opt_out=opt_outs.get(one.pk), now=now)
        for one in signals
    ]


def _event(
    site: Site, signal: GridSignal, *, statement: Statement | None, opt_out: OptOut | None, now: datetime
) -> SiteEvent:
    asked = delivered = None
    if statement is not None:
        asked, delivered = float(statement.committed_kwh), float(statement.delivered_kwh)
    elif signal.is_shed and signal.starts_at <= now:
        view = site_signal_view(site=site, signal=signal, now=now)
        asked, delivered = sum(view.asked_kw) * signal.interval_s / 3600, view.given_kwh
    is_open = signal.state in RUNNING and not signal.is_binding
    return SiteEvent(
        signal,
        asked,
        delivered,
        statement=statement,
        opt_out=opt_out,
        may_opt_out=is_open and opt_out is None,
    )


def _charts(site: Site, *, zone: ZoneInfo, now: datetime) -> tuple[Chart | None, Chart | None]:
    """Draw the last day's grid power and sun, and the battery's charge; None where nothing was measured."""
    ends_at = now.astimezone(UTC).replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + QUARTER
    period = (ends_at - DAY, ends_at)
    columns = ("grid_kw", "pv_kw", "battery_soc")
    rows = quarter_means(site_ids=[site.pk], columns=columns, starts_at=period[0], ends_at=period[1])
    if not rows:
        return None, None
    found = {at: values for _, at, *values in rows}
    times = [period[0] + QUARTER * index for index in range(int(DAY / QUARTER))]
    grid, sun, soc = ([(at, found[at][place] if at in found else None) for at in times] for place in range(3))
    lines = [Series("grid", "Grid: import up, export down", grid, "area")]
    if any(value is not None for _, value in sun):
        lines.append(Series("sun", "Sun", [(at, None if kw is None else -kw) for at, kw in sun]))
    power = chart(title="Power over the last day", period=period, series=lines, zone=zone, now=now)
    if all(value is None for _, value in soc):
        return power, None
    percent = [(at, None if value is None else value * 100) for at, value in soc]
    line = Series("battery", "State of charge", percent, "area")
    return power, chart(
        title="The battery's charge over the last day", period=period, series=[line], zone=zone, unit="%"
    )
