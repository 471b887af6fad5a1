"""Charging cars grouped by window, against HiGHS over all of them."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.flexibility.fleets import bounds_of_cars, highs_cheapest, random_cars
from vpp.flexibility.ev_groups import (
    EvFleet,
    EvGroupError,
    cheapest_power,
    cheapest_profiles,
    least_energy,
    most_energy,
)
from vpp.flexibility.support import possible

SEEDS = st.integers(0, 10**6)


def two_cars(**changed: Any) -> EvFleet:
    """10 kW for 2 of 3 hours and 5 to 15 kWh; 4 kW for all 3 hours and 6 kWh."""
    fields: dict[str, Any] = {
        "steps": 3, "step_h": 1.0, "arrival": np.array([0, 0]), "departure": np.array([2, 3]),
        "charge_kw": np.array([10.0, 4.0]), "least_kwh": np.array([5.0, 6.0]), "most_kwh": np.array([15.0, 6.0]),
    }  # fmt: skip
    return EvFleet(**(fields | changed))


def test_by_hand() -> None:
    cars = two_cars()
    assert [most_energy(cars, mask) for mask in ([1, 0, 0], [1, 1, 0], [0, 0, 1])] == [14.0, 21.0, 4.0]
    assert [least_energy(cars, mask) for mask in ([1, 0, 0], [1, 1, 0], [1, 1, 1])] == [0.0, 7.0, 11.0]
    assert cheapest_power(cars, [3.0, 1.0, 2.0]).tolist() == [0.0, 9.0, 2.0]
    assert cheapest_power(cars, [-3.0, -1.0, 2.0]).tolist() == [14.0, 7.0, 0.0]


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_greedy_costs_what_highs_finds(seed: int) -> None:
    cars = random_cars(seed)
    prices = np.round(np.random.default_rng(seed).normal(size=cars.steps), 1)
    exact = highs_cheapest(bounds_of_cars(cars), prices)
    assert cheapest_power(cars, prices) @ prices == pytest.approx(exact, abs=1e-7)


@settings(max_examples=100, deadline=None)
@given(SEEDS)
def test_cars_parts_are_possible_and_add_up(seed: int) -> None:
    cars = random_cars(seed, cars=12)
    prices = np.random.default_rng(seed).normal(size=cars.steps)
    parts = cheapest_profiles(cars, prices)
    assert possible(bounds_of_cars(cars), parts).all()
    assert np.abs(parts.sum(axis=0) - cheapest_power(cars, prices)).max() <= 1e-9


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_bounds_of_every_set_of_intervals_are_those_of_highs(seed: int) -> None:
    cars = random_cars(seed, cars=3, most_steps=4)
    plain = bounds_of_cars(cars)
    for chosen in product([0.0, 1.0], repeat=cars.steps):
        mask = np.array(chosen)
        most = -highs_cheapest(plain, -mask * cars.step_h)
        assert most_energy(cars, mask) == pytest.approx(most, abs=1e-7)
        least = highs_cheapest(plain, mask * cars.step_h)
        assert least_energy(cars, mask) == pytest.approx(least, abs=1e-7)


def test_size_depends_on_windows_not_on_cars() -> None:
    chance = np.random.default_rng(0)
    arrival = chance.integers(0, 3, 1000)
    fleet = EvFleet(
        4, 1.0, arrival, arrival + 1, np.ones(1000), np.zeros(1000), np.ones(1000),
    )  # fmt: skip
    assert fleet.groups.most_of.shape == (3, 5)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"departure": np.array([2, 0])}, "car 1 has a window that is none"),
    ({"departure": np.array([2, 4])}, "car 1 has a window that is none"),
    ({"charge_kw": np.array([np.nan, 1.0])}, "car 0 has a power that is not"),
    ({"charge_kw": np.array([10.0, 1.0])}, "car 1 needs more energy than its window"),
    ({"least_kwh": np.array([16.0, 6.0])}, "car 0 has needs that are negative, reversed"),
    ({"most_kwh": np.array([15.0, np.nan])}, "car 1 has needs"),
    ({"most_kwh": np.array([15.0])}, "do not describe the same cars"),
    ({"steps": 0}, "0 intervals"),
    ({"step_h": np.nan}, "intervals of nan h are none"),
]


@pytest.mark.parametrize(("changed", "message"), BAD)
def test_bad_cars_are_refused_by_number(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(EvGroupError, match=message):
        replace(two_cars(), **changed)


def test_bad_questions_are_refused() -> None:
    with pytest.raises(EvGroupError, match="3 finite"):
        cheapest_power(two_cars(), [1.0, np.nan, 1.0])
    with pytest.raises(EvGroupError, match="3 truths"):
        most_energy(two_cars(), [True])
