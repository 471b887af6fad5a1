"""How well a baseline method does on placebo days: past days without an event, on which the truth is known.

With errors e = baseline - actual over all intervals of the placebo events, n of them:

- bias = sum(e) / sum(actual)
- CVRMSE = sqrt(sum(e²) / (n - 1)) / mean(actual)
- RRMSE = sqrt(sum(e²) / n) / mean(actual); PJM certifies a baseline by RRMSE <= 20 % (pjm.com)

Sources: PJM for the threshold; the formulas, and the n - 1 by which CVRMSE differs (ASHRAE Guideline 14), are
from memory. PJM's own sampling of placebo days was not read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.baselines.data import EventData, checked
from vpp.baselines.days import BaselineError, DayType
from vpp.baselines.result import BaselineResult, Floats

PJM_GREATEST_RRMSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors per site (S,) and of the portfolio's sum; NaN where nothing was compared or no mean is positive.

    `intervals` is how many were compared [1]; the others are shares of the actual power [1].
    """

    bias: Floats
    cvrmse: Floats
    rrmse: Floats
    intervals: NDArray[np.int64]
    portfolio_bias: float
    portfolio_cvrmse: float
    portfolio_rrmse: float
    portfolio_intervals: int


def accuracy(baseline_kw: Floats, actual_kw: Floats) -> Accuracy:
    """Compare baselines with what was drawn.

    An interval counts for a site when both values are there. The portfolio's interval is the sum over the
    sites that count in it, so that a site without a baseline takes its load out of both sides.

    Parameters
    ----------
    baseline_kw, actual_kw
        (S, P, T) power of S sites in T intervals of P placebo events [kW]; NaN is missing.

    Raises
    ------
    BaselineError
        For shapes that differ, or infinite values.
    """
    baseline, actual = checked(baseline_kw, dimensions=3), checked(actual_kw, dimensions=3)
    if baseline.shape != actual.shape:
        raise BaselineError(f"shapes {baseline.shape} and {actual.shape} do not fit")
    rows = (len(actual), actual.shape[1] * actual.shape[2])
    baseline, actual = baseline.reshape(rows), actual.reshape(rows)
    known = ~(np.isnan(baseline) | np.isnan(actual))
    expected, drawn = np.where(known, baseline, 0.0), np.where(known, actual, 0.0)
    bias, cvrmse, rrmse = _errors(expected, drawn, count=known.sum(axis=1))
    anyone = known.any(axis=0)
    total = _errors(
        expected.sum(axis=0, keepdims=True), drawn.sum(axis=0, keepdims=True), count=np.array([anyone.sum()])
    )
    return Accuracy(
        bias,
        cvrmse,
        rrmse,
        known.sum(axis=1),
        float(total[0][0]),
        float(total[1][0]),
        float(total[2][0]),
        int(anyone.sum()),
    )


def placebo_accuracy(
    calculate: Callable[[EventData], BaselineResult],
    history_kw: Floats,
    *,
    event_starts: int,
    event_ends: int,
    placebo_days: int,
    intervals_per_hour: int = 1,
    day_type: DayType = "weekday",
) -> Accuracy:
    """Let a method guess the latest past days, each from the days before it.

    Parameters
    ----------
    calculate
        The method, such as ``method_named("pjm_high_4_of_5").calculate``.
    history_kw
        (S, D, N) as in `EventData`; the first `placebo_days` are guessed.
    event_starts, event_ends, intervals_per_hour, day_type
        As in `EventData`.
    placebo_days
        How many days to guess [1].

    Raises
    ------
    BaselineError
        Where there are not that many days.
    """
    history = checked(history_kw, dimensions=3)
    if not 1 <= placebo_days <= history.shape[1]:
        raise BaselineError(f"cannot guess {placebo_days} of {history.shape[1]} days")
    guesses = [
        calculate(
            EventData(
                history[:, day + 1 :],
                history[:, day],
                event_starts=event_starts,
                event_ends=event_ends,
                intervals_per_hour=intervals_per_hour,
                day_type=day_type,
            )
        ).baseline_kw
        for day in range(placebo_days)
    ]
    return accuracy(np.stack(guesses, axis=1), history[:, :placebo_days, event_starts:event_ends])


def _errors(expected: Floats, drawn: Floats, *, count: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Bias, CVRMSE and RRMSE of each row, whose intervals that do not count are zero on both sides."""
    total = drawn.sum(axis=1)
    total = np.where(total > 0, total, np.nan)
    mean = total / np.maximum(count, 1)
    squares = ((expected - drawn) ** 2).sum(axis=1)
    bias = (expected - drawn).sum(axis=1) / total
    freedom = np.where(count > 1, count - 1.0, np.nan)
    return bias, np.sqrt(squares / freedom) / mean, np.sqrt(squares / np.maximum(count, 1)) / mean
