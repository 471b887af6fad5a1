"""ERCOT's matching day pair and regression, beside plain loops of their own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.baselines.adjust import Correction
from vpp.baselines.data import EventData
from vpp.baselines.days import BaselineError
from vpp.baselines.ercot_matching_day_pair import ercot_matching_day_pair
from vpp.baselines.ercot_regression import ercot_regression
from vpp.baselines.weather_matching import NO_TEMPERATURE

NONE = Correction("none")


def pairs_of(seed: int, *, days: int = 16) -> EventData:
    chance = np.random.default_rng(seed)
    return EventData(chance.gamma(2, 1, (2, days, 48)), chance.gamma(2, 1, (2, 48)), 40, 43)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_ten_nearest_pairs_by_a_loop(seed: int) -> None:
    data = pairs_of(seed)
    found = ercot_matching_day_pair(data, correction=NONE)
    for site in range(2):
        distances = [((day[:39] - data.event_day_kw[site, :39]) ** 2).sum() for day in data.history_kw[site]]
        chosen = sorted(range(16), key=lambda day: distances[day])[:10]
        expected = np.mean([data.history_kw[site, day, 40:43] for day in chosen], axis=0)
        assert found.baseline_kw[site] == pytest.approx(expected)


def test_event_day_factor_is_of_the_two_hours_before() -> None:
    data = pairs_of(3)
    plain, scaled = ercot_matching_day_pair(data, correction=NONE), ercot_matching_day_pair(data)
    assert scaled.baseline_kw == pytest.approx(plain.baseline_kw * scaled.adjustment[:, None])
    assert scaled.unadjusted_kw == pytest.approx(plain.baseline_kw)


def test_nine_pairs_are_too_few() -> None:
    assert ercot_matching_day_pair(pairs_of(1, days=9)).reason == ("too_few_days: 9 of 10",) * 2


def weather_driven(event_c: float) -> EventData:
    """2 kW and 0.1 kW for each degree above 18 in every hour; at 15 h, 50 % more of both."""
    highs = np.linspace(16.0, 35.0, 20)
    shape = np.ones(24)
    shape[15] = 1.5

    def row(high: float) -> np.ndarray:
        return (2.0 + 0.1 * max(high - 18.0, 0.0)) * shape

    history = np.stack([row(high) for high in highs])[None]
    return EventData(
        history,
        row(event_c)[None],
        14,
        17,
        history_max_c=highs[None],
        event_day_max_c=np.array([event_c]),
    )


@pytest.mark.parametrize("event_c", [17.0, 22.5, 35.0])
def test_a_load_that_follows_the_temperature_is_found(event_c: float) -> None:
    level = 2.0 + 0.1 * max(event_c - 18.0, 0.0)
    found = ercot_regression(weather_driven(event_c))
    assert found.unadjusted_kw == pytest.approx(np.array([[level, 1.5 * level, level]]))
    assert found.adjustment == pytest.approx([1.0])
    assert found.days_used.tolist() == [20]


def test_beyond_what_was_seen_the_hottest_day_counts() -> None:
    found = ercot_regression(weather_driven(40.0))
    assert found.unadjusted_kw[0, 0] == pytest.approx(2.0 + 0.1 * 17)
    assert found.adjustment == pytest.approx(
        [(2.0 + 0.1 * 22) / (2.0 + 0.1 * 17)]
    )  # the factor makes up for it


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_daily_energy_as_by_lstsq(seed: int) -> None:
    """One hour is half of each day's energy, so that the baseline is half of what the line says."""
    chance = np.random.default_rng(seed)
    highs, energy = chance.normal(20, 8, 30), chance.uniform(5, 20, 30)
    history = np.zeros((1, 30, 4))
    history[0, :, 0] = history[0, :, 2] = energy / 2
    today = float(np.median(highs))
    data = EventData(
        history, np.ones((1, 4)), 2, 3, history_max_c=highs[None], event_day_max_c=np.array([today])
    )
    design = np.column_stack([np.ones(30), np.maximum(highs - 18, 0), np.maximum(18 - highs, 0)])
    line = np.linalg.lstsq(design, energy, rcond=None)[0]
    expected = max(0.0, float(np.array([1, max(today - 18, 0), max(18 - today, 0)]) @ line)) / 2
    assert ercot_regression(data).unadjusted_kw[0, 0] == pytest.approx(expected)


def test_quarter_hours_keep_their_share_of_the_hour() -> None:
    rows = np.tile([1.0, 2.0, 3.0, 2.0], 6)
    data = EventData(
        np.tile(rows, (1, 12, 1)),
        rows[None],
        12,
        16,
        intervals_per_hour=4,
        history_max_c=np.linspace(10, 30, 12)[None],
        event_day_max_c=np.array([21.0]),
    )
    assert ercot_regression(data).baseline_kw == pytest.approx(np.array([[1.0, 2.0, 3.0, 2.0]]))


def test_what_regression_cannot_use() -> None:
    data = weather_driven(25.0)
    for one in (
        replace(data, history_max_c=None),
        replace(data, event_day_max_c=np.array([np.nan])),
    ):
        assert ercot_regression(one).reason == (NO_TEMPERATURE,)
    exporting = replace(
        data, history_kw=np.concatenate([-data.history_kw[:, :11], data.history_kw[:, 11:]], 1)
    )
    assert ercot_regression(exporting).reason == ("too_few_days: 9 of 10",)
    with pytest.raises(BaselineError):
        ercot_regression(data, min_days=2)
    with pytest.raises(BaselineError):
        ercot_regression(data, correction=NONE)
