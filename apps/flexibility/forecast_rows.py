"""Forecasts into their rows: whole ones by COPY, those with gaps one by one."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from apps.common.copying import copy_in, real_arrays, text
from apps.flexibility.models import ForecastRun, ForecastValues
from vpp.forecasting.portfolio import portfolio_quantiles
from vpp.forecasting.question import Forecast

Floats = NDArray[np.float64]
DIGITS = 5


def values_store(
    run: ForecastRun, forecast: Forecast, *, site_ids: Sequence[int], moved: NDArray[np.bool_]
) -> None:
    """Store what is expected of homes; the quantiles of those not `moved` are as the method gave them."""
    # What lies across the levels goes into one row a level.
    mean, quantiles = forecast.mean.round(DIGITS), forecast.quantiles.round(DIGITS).transpose(0, 2, 1)
    noted = np.array([bool(note) for note in forecast.notes], dtype=np.bool_)
    whole = ~noted & ~np.isnan(mean).any(axis=1) & ~np.isnan(quantiles).any(axis=(1, 2))
    ids = np.array(site_ids, dtype=np.int64)
    for calibrated in (True, False):
        method = forecast.method if calibrated else forecast.method.removesuffix(", conformal")
        rows = whole & (moved == calibrated)
        count = int(rows.sum())
        if count:
            columns = {
                "run_id": np.full(count, run.pk, dtype=np.int64),
                "site_id": ids[rows],
                "method": text(method, rows=count),
                "mean_kw": real_arrays(mean[rows]),
                "quantiles_kw": real_arrays(quantiles[rows]),
                "homes": np.ones(count, dtype=np.int32),
                "note": text("", rows=count),
            }
            copy_in("flexibility_forecastvalues", columns)
        ForecastValues.objects.bulk_create(
            ForecastValues(
                run=run,
                site_id=site_ids[row],
                method=method,
                mean_kw=listed(mean[row]),
                quantiles_kw=[listed(level) for level in quantiles[row]],
                note=forecast.notes[row],
            )
            for row in np.flatnonzero(~whole & (moved == calibrated)).tolist()
        )


def portfolio_store(run: ForecastRun, mean: Floats, *, residuals: Floats, homes: int) -> None:
    """Store the sum of the homes that have a whole forecast."""
    quantiles = portfolio_quantiles(mean, residuals, levels=tuple(run.levels))
    ForecastValues.objects.create(
        run=run,
        method="sum of the homes, joint daily residuals",
        mean_kw=listed(mean.round(DIGITS)),
        quantiles_kw=[listed(row) for row in quantiles.round(DIGITS).T],
        homes=homes,
    )


def listed(values: Floats) -> list[float | None]:
    """Return numbers as a column takes them, None where unknown."""
    return [None if math.isnan(value) else value for value in values.tolist()]
