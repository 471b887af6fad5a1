from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from vpp.diagnostics.checks import DiagnosticsError
from vpp.diagnostics.savings import (
    battery_mode_suggestions,
    bill,
    cheaper_hours,
    lower_reserve_saving,
    lower_reserve_suggestions,
    shift_suggestions,
)


def test_a_load_moves_to_the_cheapest_hours_by_hand() -> None:
    """3 kWh at 0.40 could have run at 2 kW for 0.10 and 1 kW for 0.20; the cheapest hour of all is not available."""
    load = np.array([[[2.0, 1.0, 0.0, 0.0, 0.0]]])
    found = cheaper_hours(
        load, [[0.4, 0.4, 0.1, 0.2, 0.0]], available=[True, True, True, True, False], step_h=1.0
    )
    assert found.best_kw.tolist() == [[[0.0, 0.0, 2.0, 1.0, 0.0]]]
    assert (found.cost[0], found.best_cost[0], found.moved_kwh[0]) == pytest.approx((1.2, 0.4, 3.0))
    (suggestion,) = shift_suggestions(found, ["car"], currency="EUR")
    assert suggestion.amount_per_week == Decimal("5.60")  # a day of 0.80
    assert suggestion.evidence["moved_kwh"] == pytest.approx(21.0)
    assert shift_suggestions(found, ["car"], currency="EUR", least_per_week=Decimal("5.61")) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 100_000))
def test_no_schedule_is_cheaper_says_highs(seed: int) -> None:
    chance = np.random.default_rng(seed)
    load = np.maximum(0, chance.normal(0, 1, (2, 3, 8)))
    price = chance.normal(0.2, 0.2, (3, 8))
    available = chance.random((2, 3, 8)) < 0.6
    found = cheaper_hours(load, price, available=available, step_h=0.5)
    for home in range(2):
        can = available[home] | (load[home] > 0)
        expected = sum(
            linprog(
                price[day] * 0.5,
                A_eq=np.ones((1, 8)),
                b_eq=[load[home, day].sum()],
                bounds=[(0, load[home].max() * here) for here in can[day]],
                method="highs",
            ).fun
            for day in range(3)
        )
        assert found.best_cost[home] == pytest.approx(expected)
    assert found.best_kw.sum(axis=2) == pytest.approx(load.sum(axis=2))
    assert (found.best_cost <= found.cost + 1e-12).all()


def test_a_bill_and_the_best_mode() -> None:
    costs = bill([[1.0, -2.0], [3.0, 0.0]], buy_per_kwh=[0.3, 0.3], sell_per_kwh=[0.1, 0.1], step_h=0.5)
    assert costs == pytest.approx([0.5 * (0.3 - 0.2), 0.45])
    (suggestion,) = battery_mode_suggestions(
        [10.0, 10.0],
        {"self_consumption": [9.0, 9.9], "tariff": [7.0, 10.2]},
        resources=["a", "b"],
        weeks=2.0,
        currency="USD",
    )
    assert (suggestion.resource, suggestion.amount_per_week, suggestion.currency) == (
        "a",
        Decimal("1.50"),
        "USD",
    )
    assert "tariff" in suggestion.sentence
    assert battery_mode_suggestions([1.0], {}, resources=["a"], weeks=1.0, currency="USD") == []


def test_a_lower_reserve_by_hand() -> None:
    """1.5 kWh set free: 1 kWh at 0.50 and half of 1 kWh at 0.40, both bought back at 0.10 / 0.8."""
    found = lower_reserve_saving(
        [[[1.0, 1.0, 1.0, 0.0]]],
        [[[False, True, True, True]]],
        price_per_kwh=[[0.1, 0.4, 0.5, 0.6]],
        freed_kwh=[1.5],
        round_trip=0.8,
        step_h=1.0,
    )
    assert found == pytest.approx([0.375 + 0.5 * 0.275])
    (suggestion,) = lower_reserve_suggestions(found, ["a"], freed_kwh=[1.5], weeks=1 / 7, currency="EUR")
    assert suggestion.amount_per_week == Decimal("3.59")


def test_a_flat_price_saves_nothing() -> None:
    load = np.ones((1, 2, 4))
    shift = cheaper_hours(load, np.full((2, 4), 0.3), available=np.ones(4, bool), step_h=1.0)
    assert shift.moved_kwh.tolist() == [0.0]
    saving = lower_reserve_saving(
        load,
        np.ones(4, bool),
        price_per_kwh=np.full((2, 4), 0.3),
        freed_kwh=[5.0],
        round_trip=0.9,
        step_h=1.0,
    )
    assert saving.tolist() == [0.0]
    assert shift_suggestions(shift, ["a"], currency="EUR") == []


def test_no_days_save_nothing() -> None:
    shift = cheaper_hours(np.empty((1, 0, 4)), np.empty((0, 4)), available=np.ones(4, bool), step_h=1.0)
    assert shift_suggestions(shift, ["a"], currency="EUR") == []


def test_what_does_not_fit_is_refused() -> None:
    load, price, can = np.ones((1, 1, 4)), np.ones((1, 4)), np.ones(4, bool)
    right: dict[str, Any] = {"load_kw": load, "price_per_kwh": price, "available": can, "step_h": 1.0}
    wrong: list[dict[str, Any]] = [
        {"load_kw": -load},
        {"load_kw": load * np.nan},
        {"price_per_kwh": np.ones((2, 4))},
        {"available": np.ones(3, bool)},
        {"available": np.ones(4)},
        {"step_h": 0.0},
    ]
    for each in wrong:
        with pytest.raises(DiagnosticsError):
            cheaper_hours(**right | each)
    for round_trip in (0.0, 1.1, float("nan")):
        with pytest.raises(DiagnosticsError):
            lower_reserve_saving(
                load, can, price_per_kwh=price, freed_kwh=[1.0], round_trip=round_trip, step_h=1.0
            )
    with pytest.raises(DiagnosticsError, match="currency code"):
        battery_mode_suggestions([9.0], {"m": [1.0]}, resources=["a"], weeks=1.0, currency="euro")
    with pytest.raises(DiagnosticsError):
        battery_mode_suggestions([9.0], {"m": [1.0, 2.0]}, resources=["a"], weeks=1.0, currency="EUR")
    with pytest.raises(DiagnosticsError):
        bill([[1.0]], buy_per_kwh=[1.0, 2.0], sell_per_kwh=[1.0], step_h=1.0)
