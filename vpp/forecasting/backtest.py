"""What a method would have said at past instants, each time with what was known then."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from vpp.forecasting.question import Floats, Forecast, Question
from vpp.intervals import Grid

Calculate = Callable[[Question], Forecast]


@dataclass(frozen=True, slots=True)
class Backtest:
    """O past issues of forecasts over T intervals for N sites, the oldest first.

    `mean` and `actual` are (N, O, T), `quantiles` (N, O, T, Q); NaN where there was no answer or it is not
    known yet.
    """

    issued_at: tuple[datetime, ...]
    levels: tuple[float, ...]
    mean: Floats
    quantiles: Floats
    actual: Floats

    @property
    def residuals(self) -> Floats:
        """(N, O, T) actual minus mean."""
        return self.actual - self.mean


def daily_origins(question: Question, days: int) -> tuple[datetime, ...]:
    """The same time of issue on the `days` latest days whose forecasts had begun to come true."""
    lead = question.grid.starts_at - question.issued_at
    first = lead // timedelta(days=1) + 1 if lead >= timedelta(0) else 1
    return tuple(question.issued_at - timedelta(days=first + back) for back in reversed(range(days)))


def backtest(calculate: Calculate, question: Question, *, origins: Sequence[datetime]) -> Backtest:
    """Ask a method at each of `origins` for the same period after it, from nothing later than that.

    A `Question` cuts its history at the time of issue, so that the method cannot see what it is tested on.

    Parameters
    ----------
    calculate
        The method.
    question
        Its history is the truth; its grid lies as far behind each origin as behind its time of issue.
    origins
        O instants.
    """
    shape = (len(question.history), len(origins), question.grid.count)
    mean, actual = np.full(shape, np.nan), np.full(shape, np.nan)
    quantiles = np.full((*shape, len(question.levels)), np.nan)
    for index, origin in enumerate(origins):
        then = _at(question, origin)
        found = calculate(then)
        mean[:, index], quantiles[:, index] = found.mean, found.quantiles
        actual[:, index] = values_on(question, then.grid)
    return Backtest(tuple(origins), question.levels, mean, quantiles, actual)


def values_on(question: Question, grid: Grid) -> Floats:
    """(N, T) what the history holds on a grid of its raster; NaN outside of it."""
    first = (grid.starts_at - question.history_starts_at) // question.step
    values = np.full((len(question.history), grid.count), np.nan)
    begin, end = max(first, 0), min(first + grid.count, question.history.shape[1])
    if begin < end:
        values[:, begin - first : end - first] = question.history[:, begin:end]
    return values


def _at(question: Question, origin: datetime) -> Question:
    grid = dataclasses.replace(
        question.grid, starts_at=question.grid.starts_at - (question.issued_at - origin)
    )
    return dataclasses.replace(question, grid=grid, issued_at=origin)
