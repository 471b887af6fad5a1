"""Forecasts as operators see them: how good they were, and one home's band."""

import dataclasses
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.core.paginator import Page, Paginator

from apps.accounts.models import Organization
from apps.common.charts import Chart, Series, chart, stepped
from apps.console.prices import PRICE, PricePage, price_page, price_tab
from apps.flexibility.forecast_selectors import (
    BandAndActual,
    DayAheadErrors,
    band_and_actual,
    day_ahead_errors,
)
from apps.flexibility.models import ForecastRun
from apps.sites.models import Site
from apps.sites.selectors import sites_of_organization

PAGE_SIZE: Final = 50
# A forecast half a day old shows what came true and what is still to come.
BEHIND: Final = timedelta(hours=12)
NAMES: Final = {
    ForecastRun.Quantity.LOAD: "Load",
    ForecastRun.Quantity.PV: "Sun",
    ForecastRun.Quantity.NET: "Grid, export below zero",
}


@dataclasses.dataclass(frozen=True)
class ErrorRow:
    """One home's errors; a positive bias is a forecast of too much, for the sun of too much sun."""

    site: Site
    errors: DayAheadErrors | None
    bias_pct: float | None


@dataclasses.dataclass(frozen=True)
class ForecastPage:
    """Everything the page of forecasts shows."""

    quantity: str
    quantities: list[tuple[str, str]]
    page: "Page[Site]"
    rows: list[ErrorRow]
    site: Site | None
    band: BandAndActual | None
    chart: Chart | None


def forecast_page(
    *,
    organization: Organization,
    quantity: str,
    site_id: str,
    page_number: str,
    zone: ZoneInfo,
    now: datetime,
) -> ForecastPage | PricePage | None:
    """Return the page, or None for a quantity or home that is not there."""
    powers = [(one.value, name) for one, name in NAMES.items()]
    if quantity == PRICE:
        return price_page(
            organization=organization, quantities=powers, issued_before=now - BEHIND, zone=zone, now=now
        )
    sites = sites_of_organization(organization=organization)
    page = Paginator(sites, PAGE_SIZE).get_page(page_number)
    chosen = sites.filter(pk=int(site_id)).first() if site_id.isdecimal() and len(site_id) < 10 else None
    if quantity not in NAMES or (site_id and chosen is None):
        return None
    listed = list(page)
    site = chosen or next(iter(listed), None)
    band = None
    if site is not None:
        band = band_and_actual(
            organization=organization, quantity=quantity, site_id=site.pk, issued_before=now - BEHIND
        )
    return ForecastPage(
        quantity=quantity,
        quantities=powers + price_tab(organization=organization, now=now),
        page=page,
        rows=_rows(organization, listed, quantity=quantity, now=now),
        site=site,
        band=band,
        chart=_chart(band, quantity=quantity, zone=zone, now=now) if band else None,
    )


def _rows(organization: Organization, sites: list[Site], *, quantity: str, now: datetime) -> list[ErrorRow]:
    errors = day_ahead_errors(
        organization=organization, site_ids=[site.pk for site in sites], quantity=quantity, now=now
    )
    rows = []
    for site in sites:
        found = errors.get(site.pk)
        known = found if found and found.intervals else None
        bias = None if known is None or known.bias is None else known.bias * _sign(quantity) * 100
        rows.append(ErrorRow(site, known, bias))
    return rows


def _chart(band: BandAndActual, *, quantity: str, zone: ZoneInfo, now: datetime) -> Chart:
    run, sign = band.run, _sign(quantity)
    levels = band.values.quantiles_kw
    edges = [levels[-1], levels[0]] if sign > 0 else [levels[0], levels[-1]]
    high, low, mean, actual = (
        stepped(run.starts_at, run.step_s, values=[None if kw is None else sign * kw for kw in values])
        for values in (*edges, band.values.mean_kw, band.actual_kw)
    )
    share = round((run.levels[-1] - run.levels[0]) * 100)
    return chart(
        title=f"Forecast with its {share} % band, and what was measured",
        period=(run.starts_at, run.starts_at + timedelta(seconds=run.step_s * run.count)),
        series=[
            Series("planned", f"{share} % band", high, "band", lower=low),
            Series("planned", "Forecast", mean),
            Series("delivered", "Measured", actual),
        ],
        zone=zone,
        now=now,
    )


def _sign(quantity: str) -> float:
    """People read the sun as what it gives; the platform's powers are what is drawn."""
    return -1.0 if quantity == ForecastRun.Quantity.PV else 1.0
