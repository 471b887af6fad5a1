"""Price forecasts as operators see them: the band, and what was published since."""

import dataclasses
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from apps.accounts.models import Organization
from apps.common.charts import Chart, Series, chart, stepped
from apps.flexibility.forecast_selectors import run_known, values_known
from apps.flexibility.models import ForecastRun, ForecastValues
from apps.flexibility.price_selectors import prices_by_quarter

PRICE: Final = ForecastRun.Quantity.PRICE
TAB: Final = (PRICE.value, "Price")


@dataclasses.dataclass(frozen=True)
class PricePage:
    """What the page of forecasts shows of prices."""

    quantity: str
    quantities: list[tuple[str, str]]
    values: ForecastValues
    chart: Chart


def price_tab(*, organization: Organization, now: datetime) -> list[tuple[str, str]]:
    """Return the tab of prices, where there is a forecast of them."""
    run = run_known(organization_id=organization.pk, quantity=PRICE, as_of=now)
    return [] if run is None else [TAB]


def price_page(
    *,
    organization: Organization,
    quantities: list[tuple[str, str]],
    issued_before: datetime,
    zone: ZoneInfo,
    now: datetime,
) -> PricePage | None:
    """Return the forecast that was the newest at `issued_before`, the newest of all where there was none."""
    for as_of in (issued_before, now):
        values = values_known(organization=organization, quantity=PRICE, site_id=None, as_of=as_of)
        if values is not None:
            drawn = _chart(values, organization, zone=zone, now=now)
            return PricePage(PRICE.value, [*quantities, TAB], values, drawn)
    return None


def _chart(values: ForecastValues, organization: Organization, *, zone: ZoneInfo, now: datetime) -> Chart:
    run = values.run
    ends_at = run.starts_at + timedelta(seconds=run.step_s * run.count)
    rows = prices_by_quarter(organization=organization, starts_at=run.starts_at, ends_at=ends_at, as_of=now)
    published = [
        float(row.price_per_kwh) if row is not None and row.currency == run.currency else None for row in rows
    ]
    low, high, mean, known = (
        stepped(run.starts_at, run.step_s, values=line)
        for line in (values.quantiles_kw[0], values.quantiles_kw[-1], values.mean_kw, published)
    )
    share = round((run.levels[-1] - run.levels[0]) * 100)
    return chart(
        title=f"Price forecast with its {share} % band, and what is published",
        period=(run.starts_at, ends_at),
        series=[
            Series("planned", f"{share} % band", high, "band", lower=low),
            Series("planned", "Forecast", mean),
            Series("delivered", "Published", known),
        ],
        zone=zone,
        unit=f"{run.currency}/kWh",
        now=now,
    )
