"""A history cut into days of equal wall-clock times, and statistics over the latest of them."""

from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from vpp.forecasting.question import DAY_S, Floats, Ints, Question, local_slots
from vpp.intervals import Grid


@dataclass(frozen=True, slots=True)
class LocalDays:
    """(N, D, S) values on D local days, the most recent first, at S times of day; NaN is missing.

    S are all times of day, or those asked for, in order.

    An hour that a day skips (spring) is missing; of one that it has twice (autumn) the mean is given.
    """

    dates: tuple[date, ...]
    values: Floats


def local_days(
    question: Question, *, look_back_days: int, zone: ZoneInfo | None = None, wanted: Ints | None = None
) -> LocalDays:
    """Cut the latest `look_back_days` of a question's history into days of `zone`, the question's by default.

    `wanted` are rising times of day, as numbers of intervals since midnight; None for all.
    """
    per_day = DAY_S // question.step_s
    # Two more days: the day of issue is only begun, and a day may have 25 hours.
    latest = min(question.history.shape[1], (look_back_days + 2) * per_day)
    history = question.history[:, question.history.shape[1] - latest :]
    dates, slots = local_slots(_last(question.history_grid, latest), zone or question.zone)
    distinct = sorted(set(dates), reverse=True)[: look_back_days + 1]
    row_of = {day: index for index, day in enumerate(distinct)}
    wanted = np.arange(per_day) if wanted is None else wanted
    values = np.full((len(history), len(distinct), len(wanted)), np.nan)
    asked = np.isin(slots, wanted)
    kept = np.array(
        [index for index, day in enumerate(dates) if asked[index] and day in row_of], dtype=np.int64
    )
    rows = np.array([row_of[dates[index]] for index in kept], dtype=np.int64)
    _place(values, history[:, kept], rows=rows, slots=np.searchsorted(wanted, slots[kept]))
    return LocalDays(tuple(distinct), values)


def _last(grid: Grid, count: int) -> Grid:
    starts_at = grid.ends_at - timedelta(seconds=grid.interval_s * count)
    return Grid(starts_at, grid.interval_s, count)


def _place(values: Floats, history: Floats, *, rows: Ints, slots: Ints) -> None:
    cells = rows * values.shape[2] + slots
    _, first = np.unique(cells, return_index=True)
    again = np.setdiff1d(np.arange(len(cells)), first)
    values[:, rows[first], slots[first]] = history[:, first]
    if len(again):
        before, after = values[:, rows[again], slots[again]], history[:, again]
        both = (before + after) / 2
        one = np.where(np.isnan(before), after, before)
        values[:, rows[again], slots[again]] = np.where(np.isnan(both), one, both)


def latest_known(values: Floats, wanted: int) -> Floats:
    """The first `wanted` values along axis 1 that are not NaN, in order; NaN fills what is missing."""
    if not np.isnan(values[:, :wanted]).any():
        return values[:, :wanted]
    order = np.argsort(np.isnan(values), axis=1, kind="stable")[:, :wanted]
    return np.take_along_axis(values, order, axis=1)


def mean_known(values: Floats) -> Floats:
    """Mean along axis 1 over what is not NaN; NaN where nothing is."""
    count = (~np.isnan(values)).sum(axis=1)
    total = np.nan_to_num(values).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def quantiles_known(values: Floats, levels: tuple[float, ...]) -> Floats:
    """Quantiles along axis 1 over what is not NaN, interpolated linearly, as a new last axis.

    The same as numpy's nanquantile, which loops in Python.
    """
    ordered = np.sort(values, axis=1)  # NaN comes last
    count = (~np.isnan(values)).sum(axis=1)
    parts = []
    for level in levels:
        position = level * np.maximum(count - 1, 0)
        low = np.floor(position).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(count - 1, 0))
        below = np.take_along_axis(ordered, low[:, None], axis=1)[:, 0]
        above = np.take_along_axis(ordered, high[:, None], axis=1)[:, 0]
        parts.append(below + (position - low) * (above - below))
    return np.stack(parts, axis=-1) if parts else np.empty((*count.shape, 0))
