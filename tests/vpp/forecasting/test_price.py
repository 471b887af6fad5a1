"""Prices: usual ones by time of day, published ones where they are known."""

from datetime import timedelta

import numpy as np
import pytest

from tests.vpp.forecasting.cases import START, daily_levels, hourly
from vpp.forecasting.price import Published, price_by_time, with_published
from vpp.forecasting.question import ForecastError
from vpp.intervals import Grid

TOMORROW = START + timedelta(days=21)


def usual() -> np.ndarray:
    """Three weeks from a Monday: 0.30 on weekdays, -0.05 at weekends."""
    return daily_levels([0.3 if day % 7 < 5 else -0.05 for day in range(28)])


def test_negative_weekends_stay_at_weekends() -> None:
    found = price_by_time(hourly(usual(), days=21))
    assert (found.mean[0, 0], found.method) == (pytest.approx(0.3), "price_by_time")
    saturday = price_by_time(hourly(usual(), days=26))
    assert saturday.mean[0].tolist() == pytest.approx([-0.05] * 24)


def test_published_prices_replace_and_are_certain() -> None:
    auction = Published(Grid(TOMORROW, 3600, 12), np.full((1, 12), -0.2), TOMORROW - timedelta(hours=1))
    found = with_published(price_by_time(hourly(usual(), days=21)), [auction])
    assert found.mean[0].tolist() == pytest.approx([-0.2] * 12 + [0.3] * 12)
    assert found.quantiles[0, 3].tolist() == [-0.2] * 3


def test_hourly_prices_hold_in_quarter_hours_and_later_publications_outrank() -> None:
    quarters = np.repeat(usual(), 4, axis=1)
    question = hourly(usual(), days=21)
    fine = type(question)(quarters, START, Grid(TOMORROW, 900, 8), TOMORROW, question.zone)
    first = Published(Grid(TOMORROW, 3600, 2), np.array([[1.0, 2.0]]), TOMORROW - timedelta(hours=9))
    second = Published(Grid(TOMORROW, 3600, 2), np.array([[3.0, np.nan]]), TOMORROW - timedelta(hours=8))
    found = with_published(price_by_time(fine), [second, first])
    assert found.mean[0].tolist() == [3.0] * 4 + [2.0] * 4


def test_prices_published_after_the_issue_are_not_known() -> None:
    forecast = price_by_time(hourly(usual(), days=21))
    late = Published(Grid(TOMORROW, 3600, 24), np.full((1, 24), 9.0), TOMORROW + timedelta(seconds=1))
    assert with_published(forecast, [late]).mean.tolist() == forecast.mean.tolist()


def test_published_prices_alone_are_enough() -> None:
    nothing = price_by_time(hourly(np.empty((1, 0)), days=0))
    assert nothing.notes != ("",)
    auction = Published(Grid(START, 3600, 24), np.ones((1, 24)), START)
    found = with_published(nothing, [auction])
    assert (found.mean.tolist(), found.notes) == ([[1.0] * 24], ("",))


def test_prices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ForecastError, match="lie on"):
        Published(Grid(START, 3600, 2), np.ones((1, 3)), START)
    with pytest.raises(ForecastError, match="lie on"):
        Published(Grid(START, 3600, 1), np.array([[np.inf]]), START)
    with pytest.raises(ForecastError, match="do not fit"):
        with_published(
            price_by_time(hourly(usual(), days=21)), [Published(Grid(START, 3600, 1), np.ones((2, 1)), START)]
        )
