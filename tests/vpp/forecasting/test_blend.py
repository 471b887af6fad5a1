"""Forecasts of the coming hours, corrected by the present."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.forecasting.cases import START
from vpp.forecasting.blend import BlendError, blend_forecast, blend_with_present
from vpp.forecasting.question import Forecast
from vpp.intervals import Grid

GRID = Grid(START, 900, 8)


def forecast(mean: float = 2.0) -> Forecast:
    values = np.full((2, 8), mean)
    quantiles = np.stack([values - 1, values, values + 1], axis=-1)
    return Forecast("x", START - timedelta(hours=1), GRID, (0.1, 0.5, 0.9), values, quantiles, ("", ""))


def test_pull_by_hand() -> None:
    found = blend_with_present([[2.0, 2.0]], present_kw=[4.0], lead_s=[0.0, 2700.0])
    assert found[0].tolist() == pytest.approx([3.6, 2 + 2 * 0.8 / np.e])


def test_home_that_is_silent_keeps_its_forecast() -> None:
    found = blend_forecast(forecast(), present=[np.nan, 5.0], now=START)
    assert found.mean[0].tolist() == [2.0] * 8
    assert found.quantiles[0].tolist() == forecast().quantiles[0].tolist()
    assert found.mean[1, 0] > 4.0


def test_band_is_narrow_now_and_as_wide_as_ever_later() -> None:
    found = blend_forecast(forecast(), present=[2.0, 2.0], now=START)
    width = found.quantiles[0, :, 2] - found.quantiles[0, :, 0]
    pull = 0.8 * np.exp(-(450 + 900 * np.arange(8)) / 2700)
    assert width.tolist() == pytest.approx((2 * np.sqrt(1 - pull**2)).tolist())
    assert found.issued_at == START


@settings(max_examples=50, deadline=None)
@given(present=st.floats(-20, 20), weight=st.floats(0, 1), constant=st.floats(60, 20_000))
def test_blend_lies_between_forecast_and_present_and_its_quantiles_in_order(
    present: float, weight: float, constant: float
) -> None:
    found = blend_forecast(
        forecast(), present=[present] * 2, now=START, weight=weight, time_constant_s=constant
    )
    low, high = min(2.0, present), max(2.0, present)
    assert (found.mean >= low - 1e-9).all() and (found.mean <= high + 1e-9).all()
    assert (np.diff(found.quantiles, axis=-1) >= -1e-12).all()
    assert (np.diff(np.abs(found.mean[0] - present)) >= -1e-9).all()


def test_present_before_the_issue_is_refused() -> None:
    with pytest.raises(BlendError, match="cannot be blended"):
        blend_forecast(forecast(), present=[1.0, 1.0], now=START - timedelta(hours=2))


@pytest.mark.parametrize(
    ("weight", "constant"), [(1.1, 2700.0), (-0.1, 2700.0), (0.5, 0.0), (0.5, float("nan"))]
)
def test_constants_that_make_no_sense_are_refused(weight: float, constant: float) -> None:
    with pytest.raises(BlendError, match="make no sense"):
        blend_with_present([[1.0]], present_kw=[1.0], lead_s=[0.0], weight=weight, time_constant_s=constant)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BlendError, match="do not fit"):
        blend_with_present([[1.0, 2.0]], present_kw=[1.0], lead_s=[0.0])
