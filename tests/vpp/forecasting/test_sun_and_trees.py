"""The clear-sky and the learned forecast, and methods by name."""

import builtins
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.vpp.forecasting.cases import KASSEL, START, daily_levels, hourly
from vpp.forecasting.clear_sky import NOWHERE, clear_sky, clear_sky_irradiance
from vpp.forecasting.learned import learned
from vpp.forecasting.question import ForecastError, Place
from vpp.forecasting.registry import METHODS, default_method, method_named
from vpp.forecasting.seasonal_mean import seasonal_mean
from vpp.intervals import Grid


def sunny(place: Place, *, days: int, start: datetime = START, cloud: float = 1.0) -> np.ndarray:
    """PV under a sky of constant clearness, generation negative [kW]."""
    return -0.004 * cloud * clear_sky_irradiance(place, Grid(start, 3600, days * 24))[None]


def test_noon_of_midsummer_in_kassel_is_bright_and_midnight_dark() -> None:
    grid = Grid(datetime(2026, 6, 21, tzinfo=UTC), 3600, 24)
    found = clear_sky_irradiance(KASSEL, grid)
    assert 850 < found[11] < 950  # 62 degrees high
    assert found[0] == 0.0
    assert int(np.argmax(found)) == 11


def test_south_roof_gets_more_winter_sun_than_flat_ground() -> None:
    grid = Grid(datetime(2026, 12, 21, tzinfo=UTC), 3600, 24)
    roof = Place(51.3, 9.0, tilt_deg=35.0, azimuth_deg=180.0)
    assert clear_sky_irradiance(roof, grid).sum() > 1.5 * clear_sky_irradiance(KASSEL, grid).sum()


def test_same_sky_tomorrow_gives_tomorrows_curve_better_than_the_seasonal_mean() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)  # days lengthen by four minutes each
    truth = sunny(KASSEL, days=22, start=start, cloud=0.7)
    question = hourly(truth, days=21, start=start, places=(KASSEL,))
    coming = truth[:, 21 * 24 :]
    found, usual = clear_sky(question), seasonal_mean(question)
    assert np.abs(found.mean - coming).max() < 0.03 * np.abs(coming).max()
    assert np.abs(found.mean - coming).sum() < 0.25 * np.abs(usual.mean - coming).sum()
    assert (found.mean[0, :4] == 0.0).all()


def test_orientation_nobody_told_is_learned_from_the_days() -> None:
    roof = Place(51.3, 9.0, tilt_deg=35.0, azimuth_deg=250.0)
    truth = sunny(roof, days=22)
    found = clear_sky(hourly(truth, days=21, places=(KASSEL,)))
    assert np.abs(found.mean - truth[:, 21 * 24 :]).max() < 0.05 * np.abs(truth).max()


def test_quantiles_of_generation_stay_in_order_and_hold_cloudy_days() -> None:
    truth = sunny(KASSEL, days=22)
    truth[0] *= np.repeat(np.resize([1.0, 0.2, 0.6], 22), 24)
    found = clear_sky(hourly(truth, days=21, places=(KASSEL,)))
    assert (np.diff(found.quantiles, axis=-1) >= 0).all()
    noon = found.quantiles[0, 11] / clear_sky_irradiance(KASSEL, found.grid)[11] / -0.004
    assert noon.tolist() == pytest.approx([1.0, 0.6, 0.2], abs=0.01)


def test_site_without_a_place_has_a_note_and_all_without_is_an_error() -> None:
    truth = np.repeat(sunny(KASSEL, days=10), 2, axis=0)
    found = clear_sky(hourly(truth, days=10, places=(KASSEL, None)))
    assert found.notes == ("", NOWHERE)
    assert np.isnan(found.mean[1]).all() and not np.isnan(found.mean[0]).any()
    with pytest.raises(ForecastError, match="place"):
        clear_sky(hourly(truth, days=10))


def test_polar_night_and_two_days_of_history_are_answered() -> None:
    north = Place(78.0, 15.0)
    dark = datetime(2026, 12, 1, tzinfo=UTC)
    found = clear_sky(hourly(np.zeros((1, 240)), days=10, start=dark, places=(north,)))
    assert found.mean.tolist() == [[0.0] * 24]
    short = clear_sky(hourly(sunny(KASSEL, days=2), days=2, places=(KASSEL,)))
    assert np.isnan(short.mean).all() and short.notes[0].startswith("24 of 24")
    empty = clear_sky(hourly(np.empty((1, 0)), days=0, places=(KASSEL,)))
    assert np.isnan(empty.mean).all()


def test_learned_forecast_finds_what_the_mean_cannot() -> None:
    # Every second day is high: the day before yesterday tells, a mean does not.
    levels = [3.0 if day % 2 else 1.0 for day in range(42)]
    noise = np.random.default_rng(1).normal(0, 0.05, (3, 42 * 24))
    history = daily_levels(levels) + noise
    found = learned(hourly(history, days=42))
    assert found.mean == pytest.approx(np.ones((3, 24)), abs=0.15)
    assert (np.diff(found.quantiles, axis=-1) >= 0).all()
    assert np.abs(seasonal_mean(hourly(history, days=42)).mean - 1).min() > 0.5


def test_learned_forecast_of_nothing_and_of_constant_zero_is_defined() -> None:
    history = np.concatenate([np.zeros((1, 720)), np.full((1, 720), np.nan), np.full((1, 720), 2.0)])
    found = learned(hourly(history, days=30))
    assert found.mean[0].tolist() == [0.0] * 24
    assert np.isnan(found.mean[1]).all() and found.notes[1] != ""
    assert found.mean[2] == pytest.approx(np.full(24, 2.0))
    assert np.isnan(learned(hourly(np.empty((1, 0)), days=0)).mean).all()


@pytest.mark.parametrize(("name", "module"), [("learned", "lightgbm"), ("clear_sky", "pandas")])
def test_missing_library_is_one_clear_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    real = builtins.__import__

    def without(wanted: str, *rest: Any, **more: Any) -> Any:
        if wanted.split(".", maxsplit=1)[0] == module:
            raise ImportError(wanted)
        return real(wanted, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ForecastError, match="not installed"):
        METHODS[name].calculate(hourly(np.ones((1, 240)), days=10, places=(KASSEL,)))


def test_methods_have_names_and_quantities_a_default() -> None:
    assert [method_named(name).name for name in METHODS] == list(METHODS)
    with pytest.raises(ForecastError, match="seasonal_mean, "):
        method_named("crystal_ball")
    chosen = {
        (quantity, place): default_method(quantity, has_place=place).name
        for quantity in ("load", "pv", "net", "price")
        for place in (False, True)
    }
    assert {pair for pair, name in chosen.items() if name == "clear_sky"} == {("pv", True)}
    assert {pair for pair, name in chosen.items() if name == "price_by_time"} == {
        ("price", False),
        ("price", True),
    }
    with pytest.raises(ForecastError, match="quantity"):
        default_method("weather", has_place=True)


def test_every_method_answers_in_one_shape() -> None:
    question = hourly(
        np.abs(np.random.default_rng(2).normal(1, 0.2, (2, 30 * 24))), days=30, places=(KASSEL, KASSEL)
    )
    for method in METHODS.values():
        found = method.calculate(question)
        assert (found.method, found.mean.shape, found.quantiles.shape) == (
            method.name,
            (2, 24),
            (2, 24, 3),
        ) or (method.name == "seasonal_mean_by_day_type")
        assert found.issued_at == question.issued_at == START + timedelta(days=30)
