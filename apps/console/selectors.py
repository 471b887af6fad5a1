"""What operators' pages show, put together from the apps below."""

import dataclasses
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from django.core.paginator import Page, Paginator

from apps.accounts.models import Organization
from apps.hubs.models import Hub
from apps.hubs.selectors import active_hubs_by_site, hubs_of_organization, latest_instructions
from apps.programs.selectors import enrolled_site_ids, programs_of_organization
from apps.sites.models import Site
from apps.sites.selectors import sites_of_organization
from apps.telemetry.selectors import FleetTotals, fleet_totals, latest_by_site

QUIET_AFTER = timedelta(minutes=5)
PAGE_SIZE = 100


class Latest(Protocol):
    """The columns of a home's newest snapshot that the fleet table shows."""

    at: datetime
    grid_kw: float | None
    pv_kw: float | None
    battery_kw: float | None
    battery_soc: float | None


@dataclasses.dataclass(frozen=True)
class FleetRow:
    site: Site
    hub_state: str
    latest: Latest | None
    fresh: bool
    programs: list[str]


@dataclasses.dataclass(frozen=True)
class Fleet:
    """Totals over homes that reported lately, and one page of homes."""

    homes: int
    hubs_online: int
    hubs: int
    totals: FleetTotals
    page: "Page[Site]"
    rows: list[FleetRow]


@dataclasses.dataclass(frozen=True)
class HubRow:
    hub: Hub
    state: str
    instruction_state: str
    instruction_reason: str


def fleet(*, organization: Organization, page_number: str, now: datetime) -> Fleet:
    """Return the fleet's totals and one page of its homes."""
    sites = sites_of_organization(organization=organization)
    page = Paginator(sites, PAGE_SIZE).get_page(page_number)
    active = [
        hub.is_connected
        for hub in hubs_of_organization(organization=organization).filter(state=Hub.State.ACTIVE)
    ]
    return Fleet(
        homes=page.paginator.count,
        hubs=len(active),
        hubs_online=sum(active),
        totals=fleet_totals(site_ids=sites.values_list("pk", flat=True), since=now - QUIET_AFTER),
        page=page,
        rows=_fleet_rows(organization, list(page), now=now),
    )


def _fleet_rows(organization: Organization, sites: list[Site], *, now: datetime) -> list[FleetRow]:
    site_ids = [site.pk for site in sites]
    hubs, latest = active_hubs_by_site(site_ids=site_ids), latest_by_site(site_ids=site_ids)
    programs = _programs_by_site(organization, now=now)
    return [
        FleetRow(
            site=site,
            hub_state=hub_state(hubs.get(site.pk)),
            latest=latest.get(site.pk),
            fresh=site.pk in latest and now - latest[site.pk].at < QUIET_AFTER,
            programs=programs.get(site.pk, []),
        )
        for site in sites
    ]


def _programs_by_site(organization: Organization, *, now: datetime) -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for program in programs_of_organization(organization=organization):
        for site_id in enrolled_site_ids(program=program, at=now):
            names.setdefault(site_id, []).append(program.name)
    return names


def hub_rows(*, organization: Organization) -> list[HubRow]:
    """Return every hub with the newest word on its instructions."""
    hubs = list(hubs_of_organization(organization=organization))
    newest = latest_instructions(hub_ids=[hub.pk for hub in hubs])
    return [
        HubRow(
            hub=hub,
            state=hub_state(hub),
            instruction_state=newest[hub.pk].state if hub.pk in newest else "",
            instruction_reason=newest[hub.pk].state_reason or newest[hub.pk].reason
            if hub.pk in newest
            else "",
        )
        for hub in hubs
    ]


def hub_of_organization(*, organization: Organization, hub_id: UUID) -> Hub | None:
    """Return the tenant's hub."""
    return hubs_of_organization(organization=organization).filter(pk=hub_id).first()


def hub_state(hub: Hub | None) -> str:
    """Return online, offline, new (never seen), revoked or none."""
    if hub is None:
        return "none"
    if hub.state == Hub.State.REVOKED:
        return "revoked"
    if hub.connected_at is None:
        return "new"
    return "online" if hub.is_connected else "offline"
