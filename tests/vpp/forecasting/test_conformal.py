"""Calibrated quantiles hold what they promise."""

import dataclasses
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.forecasting.cases import START
from vpp.forecasting.backtest import Backtest
from vpp.forecasting.conformal import Calibration, apply_calibration, calibrate
from vpp.forecasting.question import Forecast, ForecastError
from vpp.intervals import Grid

LEVELS = (0.1, 0.5, 0.9)


def past_of(actual: np.ndarray, *, low: float = -0.5, high: float = 0.5) -> Backtest:
    """Forecasts of 0 with a band, the same each time."""
    quantiles = np.broadcast_to([low, 0.0, high], (*actual.shape, 3)).copy()
    issued = tuple(START + timedelta(days=day) for day in range(actual.shape[1]))
    return Backtest(issued, LEVELS, np.zeros_like(actual), quantiles, actual)


def forecast_of(sites: int, count: int, *, low: float = -0.5, high: float = 0.5) -> Forecast:
    quantiles = np.broadcast_to([low, 0.0, high], (sites, count, 3)).copy()
    return Forecast(
        "x", START, Grid(START, 3600, count), LEVELS, np.zeros((sites, count)), quantiles, ("",) * sites
    )


def test_shift_is_the_order_statistic_by_hand() -> None:
    # 1 to 40: the upper quantile must lie above ceil(41 * 0.9) = 37 of 40, and its band is 1 wide.
    actual = np.arange(1.0, 41.0).reshape(1, 2, 20)
    found = calibrate(past_of(actual), step_s=3600, bucket_s=20 * 3600)
    assert found.shift[0, 0].tolist() == pytest.approx([-0.5 - 4.0, 0.0, 37.0 - 0.5])
    band = apply_calibration(forecast_of(1, 20), found).quantiles[0, 0]
    assert band[2] == pytest.approx(37.0)
    # Rearranged: the lower one may not pass the median.
    assert band.tolist() == sorted(band.tolist())


def steps_of(hours: int) -> Calibration:
    """Moves the upper quantile by the number of its bucket of six hours."""
    shift = np.zeros((1, hours // 6, 3))
    shift[0, :, 2] = np.arange(hours // 6)
    return Calibration(LEVELS, 6 * 3600, shift, np.full(shift.shape, 100.0), np.zeros(1))


def test_later_forecast_takes_the_buckets_of_its_instants_and_then_of_the_day_before() -> None:
    flat = forecast_of(1, 36)
    # Issued at 15: hours 15 to 35 are known; 36 to 50 are those of 12 to 26 a day before.
    moved = apply_calibration(flat, steps_of(36), later_s=15 * 3600).quantiles[0, :, 2] - 0.5
    assert moved.tolist() == [hour // 6 for hour in [*range(15, 36), *range(12, 27)]]
    assert (apply_calibration(flat, steps_of(36)).quantiles[0, :, 2] - 0.5).tolist() == [
        hour // 6 for hour in range(36)
    ]


def test_calibration_is_of_the_past_and_reaches_a_day() -> None:
    with pytest.raises(ForecastError, match="3600 s before its calibration"):
        apply_calibration(forecast_of(1, 36), steps_of(36), later_s=-3600)
    with pytest.raises(ForecastError, match="does not reach"):
        apply_calibration(forecast_of(1, 12), steps_of(12), later_s=6 * 3600)


def test_too_few_scores_move_nothing() -> None:
    actual = np.full((1, 1, 19), 100.0)
    assert calibrate(past_of(actual), step_s=3600, bucket_s=86400).shift.tolist() == [[[0.0, 0.0, 0.0]]]
    assert calibrate(past_of(np.full((1, 3, 24), np.nan)), step_s=3600).shift.max() == 0.0


def test_lead_times_are_corrected_apart() -> None:
    actual = np.zeros((1, 30, 12))
    actual[:, :, 6:] = 5.0
    found = calibrate(past_of(actual), step_s=3600, bucket_s=6 * 3600)
    assert found.shift[0, 0, 2] == pytest.approx(-0.5) and found.shift[0, 1, 2] == pytest.approx(4.5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.2, 4.0), rate=st.sampled_from([0.0, 0.02]))
def test_coverage_comes_out_whatever_the_band_was(seed: int, scale: float, rate: float) -> None:
    draw = np.random.default_rng(seed).normal(0.0, scale, (1, 160, 24))
    found = calibrate(past_of(draw[:, :60]), step_s=3600, rate=rate, bucket_s=86400)
    band = apply_calibration(forecast_of(1, 24), found).quantiles[:, None]
    inside = (band[..., 0] <= draw[:, 60:]) & (draw[:, 60:] <= band[..., 2])
    assert 0.75 <= inside.mean() <= 0.85


def test_adaptive_level_widens_when_the_world_gets_wilder() -> None:
    draw = np.random.default_rng(3).normal(0.0, 1.0, (1, 40, 24))
    draw[:, 30:] *= 3
    fixed = calibrate(past_of(draw), step_s=3600, bucket_s=86400)
    adapted = calibrate(past_of(draw), step_s=3600, bucket_s=86400, rate=0.05)
    assert adapted.shift[0, 0, 2] > fixed.shift[0, 0, 2] * 1.2


def test_nights_that_are_always_dark_stay_dark_and_do_not_thin_the_days_correction() -> None:
    actual = np.zeros((1, 30, 24))
    actual[:, :, 12:] = np.random.default_rng(4).uniform(0.0, 10.0, (1, 30, 12))
    past = past_of(actual, low=0.0, high=0.0)
    past.quantiles[:, :, 12:] = [4.5, 5.0, 5.5]
    past.mean[:, :, 12:] = 5.0
    found = calibrate(past, step_s=3600, bucket_s=86400)
    coming = forecast_of(1, 24, low=0.0, high=0.0)
    coming.quantiles[:, 12:] = [4.5, 5.0, 5.5]
    coming.mean[:, 12:] = 5.0
    band = apply_calibration(coming, found).quantiles
    assert np.all(band[:, :12] == 0.0)
    assert band[0, 20, 0] == pytest.approx(1.0, abs=0.5) and band[0, 20, 2] == pytest.approx(9.0, abs=0.5)


def test_point_forecast_gets_a_band() -> None:
    draw = np.random.default_rng(5).normal(0.0, 1.0, (1, 40, 24))
    found = calibrate(past_of(draw, low=0.0, high=0.0), step_s=3600, bucket_s=86400)
    point = dataclasses.replace(forecast_of(1, 24, low=0.0, high=0.0), mean=np.full((1, 24), 1e-6))
    band = apply_calibration(point, found).quantiles
    assert band[0, 0, 2] - band[0, 0, 0] == pytest.approx(2 * 1.28, abs=0.2)


@pytest.mark.parametrize(
    "wrong", [{"step_s": 0}, {"step_s": 3600, "bucket_s": 60}, {"step_s": 900, "rate": 2.0}]
)
def test_lengths_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ForecastError, match="make no sense"):
        calibrate(past_of(np.zeros((1, 2, 24))), **wrong)  # type: ignore[arg-type]


def test_calibration_of_others_is_refused() -> None:
    held = Calibration(LEVELS, 3600, np.zeros((1, 2, 3)), np.zeros((1, 2, 3)), np.zeros(1))
    with pytest.raises(ForecastError, match="other sites"):
        apply_calibration(forecast_of(2, 2), held)
    with pytest.raises(ForecastError, match="as far ahead"):
        apply_calibration(forecast_of(1, 3), held)


def test_narrow_bands_that_missed_do_not_make_a_wide_one_absurd() -> None:
    past = past_of(np.full((1, 10, 24), 1.0), low=0.0, high=0.0)
    found = calibrate(past, step_s=3600, bucket_s=86400)
    assert found.shift[0, 0, 2] == pytest.approx(50.0)  # of the least width, 2 % of 1
    band = apply_calibration(forecast_of(1, 24), found).quantiles[0, 0]
    assert band[2] == pytest.approx(0.5 + 1.0)
