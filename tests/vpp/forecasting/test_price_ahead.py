"""Published prices as far as they go, and calibrated ones beyond."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.forecasting.cases import START
from vpp.forecasting.price import Published
from vpp.forecasting.price_ahead import HISTORY_DAYS, price_ahead
from vpp.forecasting.question import Forecast, ForecastError
from vpp.intervals import Grid

# A Monday's midnight after as many days as are looked at; START is a Monday.
DAYS = 63
UTC_ZONE = ZoneInfo("UTC")
NOW = START + timedelta(days=DAYS)


def ahead(prices: np.ndarray, *, count: int = 36, published_at: datetime = NOW) -> Forecast:
    """Prices of N rows by hour from START on; the forecast is issued after 63 days."""
    known = Published(Grid(START, 3600, prices.shape[1]), prices, published_at)
    return price_ahead(known, Grid(NOW, 3600, count), issued_at=NOW, zone=UTC_ZONE)


def noise(rows: int, days: int) -> np.ndarray:
    return np.random.default_rng(7).normal(0.3, 0.1, (rows, days * 24))


def test_all_published_is_certain() -> None:
    prices = noise(1, DAYS + 2)
    found = ahead(prices)
    assert found.mean.tolist() == prices[:, DAYS * 24 : DAYS * 24 + 36].tolist()
    assert (np.ptp(found.quantiles, axis=-1) == 0).all()
    assert (found.method, found.notes, found.issued_at) == ("published", ("",), NOW)


def test_tomorrows_auction_counts_among_the_latest_days() -> None:
    # All weekdays cost 0.20, the published Monday 0.70: the mean of five days moves by a fifth of the difference.
    prices = np.full((1, (DAYS + 1) * 24), 0.2)
    prices[0, DAYS * 24 :] = 0.7
    found = ahead(prices)
    assert found.mean[0].tolist() == pytest.approx([0.7] * 24 + [0.3] * 12)
    assert found.method == "published, then price_by_time, conformal"


def test_nothing_published_ahead_is_the_usual_price_and_no_history_has_a_note() -> None:
    assert ahead(np.full((1, DAYS * 24), -0.1)).mean[0].tolist() == pytest.approx([-0.1] * 36)
    assert ahead(np.full((1, DAYS * 24), -0.1)).method == "price_by_time, conformal"
    nothing = ahead(np.full((1, DAYS * 24), np.nan))
    assert np.isnan(nothing.mean).all()
    assert nothing.notes == ("36 of 36 intervals have fewer than 2 measured days",)


def test_prices_behind_a_gap_stand_again() -> None:
    prices = np.full((1, (DAYS + 1) * 24), 0.2)
    prices[0, DAYS * 24 :] = 5.0
    prices[0, DAYS * 24 + 2] = np.nan
    found = ahead(prices, count=5)
    assert found.mean[0].tolist() == pytest.approx([5.0, 5.0, 0.2, 5.0, 5.0])


def test_calibrated_band_holds_what_it_promises_on_days_it_has_not_seen() -> None:
    prices = noise(300, DAYS + 1)
    found = ahead(prices[:, : DAYS * 24], count=24)
    actual = prices[:, DAYS * 24 :]
    inside = (found.quantiles[..., 0] <= actual) & (actual <= found.quantiles[..., -1])
    assert 0.77 <= inside.mean() <= 0.85


@settings(deadline=None, max_examples=20)
@given(first=st.integers(0, 35), value=st.floats(-100, 100))
def test_what_is_older_than_the_history_changes_nothing(first: int, value: float) -> None:
    prices = noise(1, DAYS + 2)[:, : DAYS * 24 + first]
    changed = prices.copy()
    changed[0, : (DAYS - HISTORY_DAYS) * 24] = value
    one, other = ahead(prices), ahead(changed)
    np.testing.assert_array_equal(one.quantiles, other.quantiles)
    np.testing.assert_array_equal(one.mean, other.mean)


def test_prices_of_later_or_another_raster_are_refused() -> None:
    with pytest.raises(ForecastError, match="published later"):
        ahead(noise(1, DAYS), published_at=NOW + timedelta(microseconds=1))
    known = Published(Grid(START, 3600, 24), noise(1, 1), START)
    with pytest.raises(ForecastError, match="do not lie on 900 s"):
        price_ahead(known, Grid(NOW, 900, 4), issued_at=NOW, zone=UTC_ZONE)
    with pytest.raises(ForecastError, match="raster"):
        price_ahead(known, Grid(NOW + timedelta(minutes=15), 3600, 4), issued_at=NOW, zone=UTC_ZONE)
