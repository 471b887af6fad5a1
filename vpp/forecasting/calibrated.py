"""A method's forecast with quantiles corrected by its own past, and that past for the portfolio."""

import dataclasses
from dataclasses import dataclass
from typing import Final

from vpp.forecasting.backtest import Backtest, Calculate, backtest, daily_origins
from vpp.forecasting.conformal import Calibration, apply_calibration, calibrate
from vpp.forecasting.question import Forecast, Question

CALIBRATION_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class CalibratedForecast:
    """The forecast, what the method would have said on the days before, and how far that moved the quantiles."""

    forecast: Forecast
    past: Backtest
    calibration: Calibration


def calibrated(
    calculate: Calculate, question: Question, *, days: int = CALIBRATION_DAYS, rate: float = 0.0
) -> CalibratedForecast:
    """Forecast, replay the method on `days` past days, and correct the quantiles by it.

    Without enough past the quantiles stay as the method gave them. Past quantiles are those before correction.

    Parameters
    ----------
    calculate, question
        The method, and what it is asked.
    days
        How many past issues [1].
    rate
        As for `calibrate`.
    """
    forecast = calculate(question)
    past = backtest(calculate, question, origins=daily_origins(question, days))
    calibration = calibrate(past, step_s=question.step_s, rate=rate)
    found = apply_calibration(forecast, calibration)
    return CalibratedForecast(
        dataclasses.replace(found, method=f"{forecast.method}, conformal"), past, calibration
    )
