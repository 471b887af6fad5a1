"""Quantiles by gradient-boosted trees: one model for all sites, trained at the time of issue."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vpp.forecasting.backtest import daily_origins, values_on
from vpp.forecasting.local_days import mean_known
from vpp.forecasting.question import DAY_S, Floats, Forecast, ForecastError, Question, local_slots
from vpp.forecasting.seasonal_mean import seasonal_mean
from vpp.intervals import Grid

TRAINING_DAYS: Final = 21
LAG_DAYS: Final = (1, 2, 3, 7)
ROUNDS: Final = 120
SETTINGS: Final = {
    "learning_rate": 0.06,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "num_threads": 1,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
MOST_ROWS: Final = 300_000


@dataclass(frozen=True, slots=True)
class _Rows:
    features: Floats
    scale: Floats  # (rows,)


def learned(question: Question) -> Forecast:
    """Forecast by LightGBM quantile regression with the site's number as a category.

    Trained on the question's own history alone: at each of 21 earlier issue times the features hold what was
    known then (the seasonal mean and its spread, the latest values at the same time 1, 2, 3 and 7 days back,
    the last hour, time of day, day of the week, lead), the target what came. Values are in units of the
    site's mean absolute value. A site without a seasonal mean gives NaN and its note.

    Parameters
    ----------
    question
        (N, L) history; five weeks or more are useful.

    Raises
    ------
    ForecastError
        Where LightGBM is not installed.

    Notes
    -----
    Ke et al., LightGBM (2017); pinball loss (Koenker and Bassett, 1978). No weather. One thread and fixed seeds, so that
    the same history gives the same forecast. The mean is fitted by squared error.
    """
    seasonal = seasonal_mean(question)
    asked = _features(question, seasonal)
    known, target = _training(question)
    train = _trainer(known, target)
    usable = ~np.isnan(asked.features[:, -1]) & (asked.scale > 0)
    shape = (len(question.history), question.grid.count)
    if not len(target):
        return dataclasses.replace(seasonal, method="learned")
    mean = np.where(asked.scale > 0, np.nan, seasonal.mean.ravel())
    quantiles = np.where(
        (asked.scale > 0)[:, None], np.nan, seasonal.quantiles.reshape(len(mean), len(question.levels))
    )
    chosen = asked.features[usable]
    if len(chosen):
        mean[usable] = train({"objective": "l2"}).predict(chosen)
        for place, level in enumerate(question.levels):
            model = train({"objective": "quantile", "alpha": level})
            quantiles[usable, place] = model.predict(chosen)
        mean[usable] *= asked.scale[usable]
        quantiles[usable] = np.sort(quantiles[usable], axis=1) * asked.scale[usable, None]
    return dataclasses.replace(
        seasonal,
        method="learned",
        mean=mean.reshape(shape),
        quantiles=quantiles.reshape((*shape, len(question.levels))),
    )


def _trainer(known: Floats, target: Floats) -> Callable[[dict[str, Any]], Any]:
    try:
        import lightgbm
    except ImportError as error:
        raise ForecastError("the learned forecast needs lightgbm, which is not installed") from error

    def train(objective: dict[str, Any]) -> Any:
        data = lightgbm.Dataset(known, target, categorical_feature=[0], params={"verbose": -1})
        return lightgbm.train({**SETTINGS, **objective}, data, num_boost_round=ROUNDS)

    return train


def _training(question: Question) -> tuple[Floats, Floats]:
    """Features and targets of earlier issues, in units of each site's scale."""
    features, targets = [], []
    for origin in daily_origins(question, TRAINING_DAYS):
        grid = Grid(
            question.grid.starts_at - (question.issued_at - origin), question.step_s, question.grid.count
        )
        then = dataclasses.replace(question, grid=grid, issued_at=origin)
        rows = _features(then, seasonal_mean(then))
        target = values_on(question, grid).ravel()
        usable = ~np.isnan(rows.features[:, -1]) & ~np.isnan(target) & (rows.scale > 0)
        features.append(rows.features[usable])
        targets.append(target[usable] / rows.scale[usable])
    known, target = np.concatenate(features), np.concatenate(targets)
    if len(target) > MOST_ROWS:
        taken = np.random.default_rng(0).choice(len(target), MOST_ROWS, replace=False)
        known, target = known[taken], target[taken]
    return known, target


def _features(question: Question, seasonal: Forecast) -> _Rows:
    """One row for each site and interval, from the cut history only; the seasonal mean is the last column."""
    history, grid = question.history, question.grid
    sites, per_day = len(history), DAY_S // question.step_s
    scale = _scale(history[:, -28 * per_day :])
    unit = np.where(scale > 0, scale, 1.0)[:, None]
    dates, slots = local_slots(grid, question.zone)
    offset = (grid.starts_at - question.history_starts_at) // question.step
    columns = [
        np.broadcast_to(np.arange(sites)[:, None], (sites, grid.count)),
        np.broadcast_to(slots, (sites, grid.count)),
        np.broadcast_to([day.weekday() for day in dates], (sites, grid.count)),
        np.broadcast_to(np.arange(grid.count), (sites, grid.count)),
    ]
    columns += [_lagged(history, offset - days * per_day, count=grid.count) / unit for days in LAG_DAYS]
    last_hour = history[:, -max(3600 // question.step_s, 1) :]
    recent = mean_known(last_hour[:, :, None])
    columns.append(np.broadcast_to(recent / unit, (sites, grid.count)))
    if question.levels:
        columns.append((seasonal.quantiles[..., -1] - seasonal.quantiles[..., 0]) / unit)
    columns.append(seasonal.mean / unit)
    features = np.stack([np.asarray(column, dtype=np.float64).ravel() for column in columns], axis=1)
    return _Rows(features, np.repeat(scale, grid.count))


def _lagged(history: Floats, first: int, *, count: int) -> Floats:
    """(N, count) the history from position `first` on; NaN before its start and after its end."""
    positions = np.arange(first, first + count)
    inside = (positions >= 0) & (positions < history.shape[1])
    values = np.full((len(history), count), np.nan)
    values[:, inside] = history[:, positions[inside]]
    return values


def _scale(history: Floats) -> Floats:
    count = (~np.isnan(history)).sum(axis=1)
    return np.where(count > 0, np.nansum(np.abs(history), axis=1) / np.maximum(count, 1), 0.0)
