"""The table of sites: a page of it, its totals, and all of it as CSV."""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from apps.accounts.models import Organization
from apps.common.keyset import KeysetPage, keyset_page
from apps.common.papers import csv_lines
from apps.console.selectors import QUIET_AFTER, Latest, hub_state
from apps.console.site_filter import FilterForm, SiteFilter, filter_form, sites_filtered
from apps.hubs.models import Hub
from apps.hubs.selectors import active_hubs_by_site
from apps.programs.selectors import enrollments_of_sites
from apps.sites.models import Site
from apps.sites.search import KINDS
from apps.sites.selectors import resources_by_site
from apps.telemetry.selectors import FleetTotals, fleet_totals, latest_by_site

PAGE_SIZE = 50
EXPORT_BATCH = 1000
# What the table can be sorted by: the address's word, the field that an index serves, the heading.
ORDERS: Final = {
    "name": "name",
    "added": "pk",
    "import_limit": "import_limit_kw",
    "export_limit": "export_limit_kw",
}
CSV_HEADER = (
    "site_id", "name", "grid_area", "hub", "firmware", "last_heard_at", "import_kw", "export_kw", "pv_kw",
    "charge_kw", "discharge_kw", "battery_soc", "import_limit_kw", "export_limit_kw", "resources", "programs",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class SiteRow:
    """One line of the table."""

    site: Site
    hub: Hub | None
    hub_state: str
    latest: Latest | None
    fresh: bool
    kinds: list[tuple[str, str]]
    programs: list[str]


@dataclasses.dataclass(frozen=True)
class Column:
    """A heading that sorts, with what it sorts by when it is followed."""

    label: str
    order: str
    sorted: str  # "", "ascending" or "descending"
    numeric: bool


@dataclasses.dataclass(frozen=True)
class SiteTable:
    """A page of sites with the totals of all that the filter lets through."""

    form: FilterForm
    order: str
    columns: dict[str, Column]
    page: KeysetPage[Site]
    rows: list[SiteRow]
    count: int
    totals: FleetTotals


def site_table(
    *, organization: Organization, chosen: SiteFilter, order: str, cursor: str, now: datetime
) -> SiteTable:
    """Return one page of the tenant's sites; `order` is a word of ORDERS, with "-" before it from the end."""
    order = order if order.removeprefix("-") in ORDERS else "name"
    sites = sites_filtered(organization=organization, chosen=chosen)
    page = keyset_page(
        sites.select_related("grid_area"),
        order=ORDERS[order.removeprefix("-")],
        cursor=cursor,
        size=PAGE_SIZE,
        descending=order.startswith("-"),
    )
    return SiteTable(
        form=filter_form(organization=organization, chosen=chosen),
        order=order,
        columns=_columns(order),
        page=page,
        rows=site_rows(page.rows, now=now),
        count=sites.count(),
        totals=fleet_totals(site_ids=sites.order_by().values_list("pk", flat=True), since=now - QUIET_AFTER),
    )


def _columns(order: str) -> dict[str, Column]:
    labels = {
        "name": "Site",
        "added": "Added",
        "import_limit": "Import limit",
        "export_limit": "Export limit",
    }
    found = {}
    for word, label in labels.items():
        is_sorted = {word: "ascending", f"-{word}": "descending"}.get(order, "")
        follow = f"-{word}" if is_sorted == "ascending" else word
        found[word] = Column(label, follow, is_sorted, numeric="limit" in word)
    return found


def site_rows(sites: list[Site], *, now: datetime) -> list[SiteRow]:
    """Return what is known of some sites, in as many queries as for one."""
    site_ids = [site.pk for site in sites]
    hubs, latest = active_hubs_by_site(site_ids=site_ids), latest_by_site(site_ids=site_ids)
    programs, resources = enrollments_of_sites(site_ids=site_ids), resources_by_site(site_ids=site_ids)
    return [
        SiteRow(
            site=site,
            hub=hubs.get(site.pk),
            hub_state=hub_state(hubs.get(site.pk)),
            latest=latest.get(site.pk),
            fresh=site.pk in latest and now - latest[site.pk].at < QUIET_AFTER,
            kinds=[(kind, label) for kind, label in KINDS.items() if kind in resources[site.pk]],
            programs=[one.program.name for one in programs.get(site.pk, [])],
        )
        for site in sites
    ]


def sites_csv(*, organization: Organization, chosen: SiteFilter, now: datetime) -> Iterator[str]:
    """Yield all sites that the filter lets through as CSV, some at a time, so that no fleet is too large."""
    sites = sites_filtered(organization=organization, chosen=chosen).select_related("grid_area")
    yield csv_lines([CSV_HEADER])
    for batch in _batches(sites):
        yield csv_lines([_cells(row) for row in site_rows(batch, now=now)])


def _batches(sites: QuerySet[Site]) -> Iterator[list[Site]]:
    cursor = ""
    while True:
        page = keyset_page(sites, order="pk", cursor=cursor, size=EXPORT_BATCH)
        if page.rows:
            yield page.rows
        cursor = page.next
        if not cursor:
            return


def _cells(row: SiteRow) -> tuple[object, ...]:
    site, latest = row.site, row.latest
    grid = latest.grid_kw if latest else None
    battery = latest.battery_kw if latest else None
    return (
        site.pk, site.name, site.grid_area.name if site.grid_area else "", row.hub_state,
        row.hub.agent_version if row.hub else "", latest.at.isoformat() if latest else "",
        *_directions(grid), _rounded(-latest.pv_kw if latest and latest.pv_kw is not None else None),
        *_directions(battery), _rounded(latest.battery_soc if latest else None),
        site.import_limit_kw, site.export_limit_kw,
        " ".join(kind for kind, _ in row.kinds), "; ".join(row.programs),
    )  # fmt: skip


def _directions(signed: float | None) -> tuple[float | None, float | None]:
    """A signed power as what is drawn and what is given."""
    if signed is None:
        return None, None
    return _rounded(max(signed, 0.0)), _rounded(max(-signed, 0.0))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4) + 0.0
