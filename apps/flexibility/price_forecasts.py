"""Issue forecasts of prices: published ones as far as they go, usual ones beyond."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.accounts.models import Organization
from apps.flexibility.forecast_rows import DIGITS, listed
from apps.flexibility.forecasts import HORIZON, QUARTER, floor_quarter
from apps.flexibility.models import ForecastRun, ForecastValues, PublishedPrice
from apps.flexibility.price_selectors import prices_by_quarter
from apps.sites.selectors import sites_of_organization
from vpp.forecasting.price import Published
from vpp.forecasting.price_ahead import HISTORY_DAYS, price_ahead
from vpp.forecasting.question import LEVELS, QUARTER_S
from vpp.intervals import Grid

HISTORY: Final = timedelta(days=HISTORY_DAYS)


def price_forecasts_issue_due(*, now: datetime) -> int:
    """Issue this hour's price forecast of every organization that has prices and not yet a run; return how many."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    done = ForecastRun.objects.filter(quantity=ForecastRun.Quantity.PRICE, issued_at__gte=hour)
    prices = PublishedPrice.objects.filter(
        organization=OuterRef("pk"), ends_at__gt=now - HISTORY, published_at__lte=now
    )
    waiting = Organization.objects.filter(Exists(prices)).exclude(pk__in=done.values("organization"))
    runs = [price_forecast_issue(organization=one, now=now) for one in waiting.order_by("pk")]
    return sum(run is not None for run in runs)


@transaction.atomic
def price_forecast_issue(*, organization: Organization, now: datetime) -> ForecastRun | None:
    """Issue the prices of the next day and a half from those published until `now`; None where there are none."""
    grid = Grid(floor_quarter(now), QUARTER_S, HORIZON // QUARTER)
    known = _known(organization, grid, now=now)
    if known is None:
        return None
    published, currency = known
    zone = sites_of_organization(organization=organization).values_list("time_zone", flat=True).first()
    found = price_ahead(published, grid, issued_at=now, zone=ZoneInfo(zone or "UTC"))
    run = ForecastRun.objects.create(
        organization=organization,
        quantity=ForecastRun.Quantity.PRICE,
        issued_at=now,
        starts_at=grid.starts_at,
        step_s=grid.interval_s,
        count=grid.count,
        levels=list(LEVELS),
        currency=currency,
    )
    ForecastValues.objects.create(
        run=run,
        method=found.method,
        mean_kw=listed(found.mean[0].round(DIGITS)),
        quantiles_kw=[listed(row) for row in found.quantiles[0].round(DIGITS).T],
        homes=0,
        note=found.notes[0],
    )
    return run


def _known(organization: Organization, grid: Grid, *, now: datetime) -> tuple[Published, str] | None:
    """The prices of past and coming quarter-hours in the currency of the newest publication."""
    whole = Grid(grid.starts_at - HISTORY, grid.interval_s, HISTORY // QUARTER + grid.count)
    rows = prices_by_quarter(
        organization=organization, starts_at=whole.starts_at, ends_at=whole.ends_at, as_of=now
    )
    newest = max((row for row in rows if row is not None), key=lambda row: row.published_at, default=None)
    if newest is None:
        return None
    prices = [
        float(row.price_per_kwh) if row is not None and row.currency == newest.currency else np.nan
        for row in rows
    ]
    return Published(whole, np.array([prices]), newest.published_at), newest.currency
