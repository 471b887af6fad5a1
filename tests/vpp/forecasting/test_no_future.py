"""No method sees the future: what ends after the time of issue changes nothing."""

import dataclasses
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.forecasting.cases import KASSEL, START, hourly
from vpp.forecasting.backtest import backtest, daily_origins, values_on
from vpp.forecasting.calibrated import calibrated
from vpp.forecasting.learned import SETTINGS
from vpp.forecasting.question import Forecast, Question
from vpp.forecasting.registry import METHODS

DAYS = 30
PAST = np.abs(np.random.default_rng(1).normal(1.0, 0.4, (2, 24 * (DAYS + 3)))) * np.tile(
    np.clip(np.sin((np.arange(24) - 6) * np.pi / 12), 0.05, 1), DAYS + 3
)


def question_with(future: float, *, after: int) -> Question:
    """A question with everything that ends later than `after` hours before the end of day 30 changed."""
    history = PAST.copy()
    whole = hourly(history, days=DAYS, places=(KASSEL, KASSEL))
    issued_at = whole.issued_at - timedelta(hours=after)
    known = 24 * DAYS - after
    history[:, known:] = future
    return Question(history, START, whole.grid, issued_at, whole.zone, places=whole.places)


def same(one: Forecast, other: Forecast) -> bool:
    return (
        np.array_equal(one.mean, other.mean, equal_nan=True)
        and np.array_equal(one.quantiles, other.quantiles, equal_nan=True)
        and one.notes == other.notes
    )


@pytest.mark.parametrize("name", [name for name in METHODS if name != "learned"])
@settings(max_examples=8, deadline=None)
@given(future=st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), after=st.integers(0, 30))
def test_later_values_change_no_forecast(name: str, future: float, after: int) -> None:
    calculate = METHODS[name].calculate
    assert same(calculate(question_with(future, after=after)), calculate(question_with(0.5, after=after)))


@pytest.mark.parametrize("future", [1e6, float("nan")])
def test_later_values_do_not_train_the_learned_forecast(future: float) -> None:
    calculate = METHODS["learned"].calculate
    one, other = calculate(question_with(future, after=5)), calculate(question_with(0.5, after=5))
    assert not np.isnan(one.mean).any()
    assert same(one, other)


@pytest.mark.parametrize("future", [1e6, float("nan")])
def test_later_values_change_no_calibration(future: float) -> None:
    calculate = METHODS["seasonal_mean"].calculate
    one = calibrated(calculate, question_with(future, after=7), rate=0.05)
    other = calibrated(calculate, question_with(0.5, after=7), rate=0.05)
    assert same(one.forecast, other.forecast)
    assert np.array_equal(one.past.actual, other.past.actual, equal_nan=True)


def test_earlier_values_do_change_the_forecast() -> None:
    for method in METHODS.values():
        changed = question_with(0.5, after=0)
        changed.history[:, -24:] *= 3
        assert not same(method.calculate(changed), method.calculate(question_with(0.5, after=0))), method.name


def test_backtest_says_what_the_method_would_have_said() -> None:
    question = question_with(9.0, after=0)
    origins = daily_origins(question, 3)
    assert origins == tuple(question.issued_at - timedelta(days=back) for back in (3, 2, 1))
    past = backtest(METHODS["seasonal_mean"].calculate, question, origins=origins)
    for index, origin in enumerate(origins):
        day = DAYS - 3 + index
        cut = hourly(PAST[:, : 24 * day], days=day)
        assert cut.issued_at == origin
        assert np.array_equal(past.mean[:, index], METHODS["seasonal_mean"].calculate(cut).mean)
        assert np.array_equal(past.actual[:, index], PAST[:, 24 * day : 24 * (day + 1)])
    assert np.array_equal(past.residuals, past.actual - past.mean)


def test_part_of_a_past_forecast_that_has_not_come_true_is_unknown() -> None:
    question = hourly(PAST, days=DAYS, count=36)
    past = backtest(METHODS["persistence"].calculate, question, origins=daily_origins(question, 1))
    assert np.isnan(past.actual[:, 0, 24:]).all() and not np.isnan(past.actual[:, 0, :24]).any()


def test_day_after_tomorrow_is_tested_on_days_that_have_begun() -> None:
    question = hourly(PAST, days=DAYS)
    far = dataclasses.replace(question, grid=hourly(PAST, days=DAYS + 2).grid)
    assert daily_origins(far, 1) == (question.issued_at - timedelta(days=3),)
    assert np.isnan(values_on(question, far.grid)).all()


def test_learned_forecast_keeps_to_one_thread_and_one_seed() -> None:
    assert (SETTINGS["num_threads"], SETTINGS["deterministic"], SETTINGS["seed"]) == (1, True, 0)
