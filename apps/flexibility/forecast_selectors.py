"""Reads of stored forecasts: what was known at an instant, and how it compares with what came."""

import dataclasses
import math
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from apps.accounts.models import Organization
from apps.flexibility.models import ForecastRun, ForecastValues

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUARTER = timedelta(minutes=15)
DAY = timedelta(days=1)
QUARTERS = DAY // QUARTER
COLUMN = {
    ForecastRun.Quantity.LOAD: "load_kw",
    ForecastRun.Quantity.PV: "pv_kw",
    ForecastRun.Quantity.NET: "grid_kw",
}


@dataclasses.dataclass(frozen=True)
class DayAheadErrors:
    """One home's day-ahead forecasts against what came; shares of the mean absolute power, None where unknown.

    `mase` is against the day before; `coverage` that of the lowest to the highest stored quantile.
    """

    intervals: int
    nmae: float | None
    bias: float | None
    mase: float | None
    coverage: float | None


@dataclasses.dataclass(frozen=True)
class BandAndActual:
    """One home's forecast, and what was measured of it so far [kW]; None is unknown."""

    run: ForecastRun
    values: ForecastValues
    actual_kw: list[float | None]


def run_known(
    *,
    organization_id: int,
    quantity: str,
    as_of: datetime,
    covering: tuple[datetime, datetime] | None = None,
    not_before: datetime | None = None,
) -> ForecastRun | None:
    """Return the newest run issued at or before `as_of`, if wanted one that covers a period."""
    runs = ForecastRun.objects.filter(
        organization_id=organization_id, quantity=quantity, issued_at__lte=as_of
    )
    if not_before is not None:
        runs = runs.filter(issued_at__gte=not_before)
    run = runs.order_by("-issued_at").first()
    if run is None or covering is None:
        return run
    ends_at = run.starts_at + timedelta(seconds=run.step_s * run.count)
    return run if run.starts_at <= covering[0] and covering[1] <= ends_at else None


def values_of_sites(*, run: ForecastRun, site_ids: Collection[int]) -> dict[int, ForecastValues]:
    """Return the part of each of these homes."""
    rows = ForecastValues.objects.filter(run=run, site_id__in=list(site_ids))
    return {row.site_id: row for row in rows if row.site_id is not None}


def means_of_sites(
    *, run: ForecastRun, site_ids: Collection[int], intervals: range
) -> dict[int, list[float | None]]:
    """Return the means of each of these homes in some of the run's intervals, and nothing of the rest."""
    rows = ForecastValues.objects.filter(run=run, site_id__in=list(site_ids))
    return dict(rows.values_list("site_id", f"mean_kw__{intervals.start}_{intervals.stop}"))


def values_known(
    *, organization: Organization, quantity: str, site_id: int | None, as_of: datetime
) -> ForecastValues | None:
    """Return what was known at `as_of` of a home of the tenant, or of its portfolio where no home is named."""
    run = run_known(organization_id=organization.pk, quantity=quantity, as_of=as_of)
    if run is None:
        return None
    wanted = Q(site_id__isnull=True) if site_id is None else Q(site_id=site_id)
    return ForecastValues.objects.filter(wanted, run=run).select_related("run").first()


def band_and_actual(
    *, organization: Organization, quantity: str, site_id: int, issued_before: datetime
) -> BandAndActual | None:
    """Return the forecast of a home that was the newest at `issued_before`, beside what came."""
    from apps.telemetry.arrays import quarter_history

    values = values_known(organization=organization, quantity=quantity, site_id=site_id, as_of=issued_before)
    if values is None:
        return None
    run = values.run
    column = COLUMN[ForecastRun.Quantity(quantity)]
    actual = quarter_history(site_ids=[site_id], columns=[column], starts_at=run.starts_at, count=run.count)[
        column
    ][0]
    return BandAndActual(run, values, [None if math.isnan(value) else value for value in actual.tolist()])


def day_ahead_errors(
    *, organization: Organization, site_ids: Sequence[int], quantity: str, now: datetime, days: int = 7
) -> dict[int, DayAheadErrors]:
    """Compare the latest whole UTC days with what was known when each began.

    The run of a day is the newest issued at or before its start, not more than half a day old then.
    """
    from apps.telemetry.arrays import quarter_history
    from vpp.forecasting.metrics import forecast_errors

    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = today - days * DAY
    column = COLUMN[ForecastRun.Quantity(quantity)]
    measured = quarter_history(
        site_ids=site_ids, columns=[column], starts_at=begin - DAY, count=(days + 1) * QUARTERS
    )[column]
    actual, before = measured[:, QUARTERS:], measured[:, :-QUARTERS]
    mean, quantiles, levels = _day_ahead(
        organization, [begin + index * DAY for index in range(days)], quantity=quantity, site_ids=site_ids
    )
    if not levels:
        return {}
    found = forecast_errors(mean, quantiles, actual=actual, levels=levels, reference=before)
    return {
        site_id: DayAheadErrors(
            int(found.count[index]),
            _known(found.nmae[index]),
            _known(found.bias[index]),
            _known(found.mase[index]),
            _known(found.coverage[index]),
        )
        for index, site_id in enumerate(site_ids)
    }


def _day_ahead(
    organization: Organization, days: Sequence[datetime], *, quantity: str, site_ids: Sequence[int]
) -> "tuple[NDArray[np.float64], NDArray[np.float64], tuple[float, ...]]":
    """(N, days * 96) means and (N, days * 96, Q) quantiles, with their levels; none where no run is left."""
    import numpy as np

    runs = {
        day: run_known(
            organization_id=organization.pk,
            quantity=quantity,
            as_of=day,
            covering=(day, day + DAY),
            not_before=day - DAY / 2,
        )
        for day in days
    }
    levels = next((tuple(run.levels) for run in runs.values() if run is not None), ())
    shape = (len(site_ids), len(days) * QUARTERS)
    mean, quantiles = np.full(shape, np.nan), np.full((*shape, len(levels)), np.nan)
    for index, (day, run) in enumerate(runs.items()):
        if run is None or tuple(run.levels) != levels:
            continue
        rows = values_of_sites(run=run, site_ids=site_ids)
        first = (day - run.starts_at) // QUARTER
        place = slice(index * QUARTERS, (index + 1) * QUARTERS)
        for row, site_id in enumerate(site_ids):
            if site_id in rows:
                kept = rows[site_id]
                mean[row, place] = np.array(kept.mean_kw, dtype=np.float64)[first : first + QUARTERS]
                band = np.array(kept.quantiles_kw, dtype=np.float64)
                quantiles[row, place] = band[:, first : first + QUARTERS].T
    return mean, quantiles, levels


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
