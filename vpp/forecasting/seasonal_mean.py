"""The mean of the latest days at the same time of day, with the quantiles of twice as many: the default."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from vpp.forecasting.local_days import latest_known, local_days, mean_known, quantiles_known
from vpp.forecasting.question import Floats, Forecast, ForecastError, Ints, Question, local_slots


@dataclass(frozen=True, slots=True)
class SeasonalRule:
    """Which of the past values of a time of day count [1], [d]."""

    mean_days: int = 7
    spread_days: int = 14
    min_days: int = 3
    look_back_days: int = 28
    by_day_type: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.min_days <= self.mean_days <= self.spread_days <= self.look_back_days:
            raise ForecastError(
                f"{self.min_days} <= {self.mean_days} <= {self.spread_days} <= {self.look_back_days} days is wrong"
            )


SEASONAL: Final = SeasonalRule()
# Ten days of a weekend lie in five weeks.
BY_DAY_TYPE: Final = SeasonalRule(mean_days=5, spread_days=10, look_back_days=42, by_day_type=True)


def seasonal_mean(question: Question, rule: SeasonalRule = SEASONAL) -> Forecast:
    """Forecast each interval by the latest measured days at the same wall-clock time.

    The mean of the 7 latest values and the empirical quantiles of the 14 latest, both within 28 days; a gap is
    passed over, so that an older day steps in. With `by_day_type`, weekends and holidays look at their like.
    Fewer than `min_days` values give NaN and a note.

    Parameters
    ----------
    question
        (N, L) history of any sign and unit.
    rule
        How many days count.

    Returns
    -------
    Forecast
        (N, T) and (N, T, Q) in the history's unit.

    Notes
    -----
    The seasonal mean is textbook (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd ed.,
    section 5.2 has its one-day form); 7 and 14 days are ours, measured in docs/reference/forecasting.md.
    """
    dates, slots = local_slots(question.grid, question.zone)
    times = np.unique(slots)
    days = local_days(question, look_back_days=rule.look_back_days, wanted=times)
    shape = (len(question.history), question.grid.count)
    mean, quantiles = np.full(shape, np.nan), np.full((*shape, len(question.levels)), np.nan)
    count = np.zeros(shape, dtype=np.int64)
    for kind in sorted({_kind(day, question, rule=rule) for day in dates}):
        rows = [index for index, day in enumerate(days.dates) if _kind(day, question, rule=rule) == kind]
        asked = np.array(
            [index for index, day in enumerate(dates) if _kind(day, question, rule=rule) == kind]
        )
        # What several intervals share, the same time on two days, is worked out once.
        wanted, place = np.unique(np.searchsorted(times, slots[asked]), return_inverse=True)
        spread = latest_known(days.values[:, rows][:, :, wanted], rule.spread_days)
        count[:, asked] = (~np.isnan(spread)).sum(axis=1)[:, place]
        if spread.shape[1] == 0:
            continue
        mean[:, asked] = mean_known(spread[:, : rule.mean_days])[:, place]
        quantiles[:, asked] = quantiles_known(spread, question.levels)[:, place]
    return answered(
        question, mean, quantiles=quantiles, count=count, min_days=rule.min_days, method="seasonal_mean"
    )


def seasonal_mean_by_day_type(question: Question) -> Forecast:
    """The same from days of the same type: weekdays, or weekends and holidays; 5 and 10 of them in 6 weeks."""
    return seasonal_mean(question, BY_DAY_TYPE)


def answered(
    question: Question, mean: Floats, *, quantiles: Floats, count: Ints, min_days: int, method: str
) -> Forecast:
    """Put an answer together: NaN and a note where fewer than `min_days` of the (N, T) `count` were there."""
    thin = count < min_days
    notes = tuple(
        f"{missing} of {question.grid.count} intervals have fewer than {min_days} measured days"
        if missing
        else ""
        for missing in thin.sum(axis=1).tolist()
    )
    return Forecast(
        method=method,
        issued_at=question.issued_at,
        grid=question.grid,
        levels=question.levels,
        mean=np.where(thin, np.nan, mean),
        quantiles=np.where(thin[..., None], np.nan, quantiles),
        notes=notes,
    )


def _kind(day: date, question: Question, *, rule: SeasonalRule) -> str:
    if not rule.by_day_type:
        return "any"
    return "weekend" if day.weekday() >= 5 or day in question.holidays else "weekday"
