"""Bounds of devices, and what they can hold from now on."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.flexibility.fleets import random_bounds
from vpp.flexibility.bounds import BoundsError, FlexibilityBounds, battery_bounds, sustained_kw
from vpp.flexibility.virtual_battery import virtual_battery


def one_battery(**changed: Any) -> FlexibilityBounds:
    """5 kW each way, 4 kWh in it of 10 kWh, 1 kWh kept; four quarter-hours."""
    fields: dict[str, Any] = {
        "step_h": 0.25, "steps": 4, "charge_kw": [5.0], "discharge_kw": [5.0],
        "start_kwh": [4.0], "least_kwh": [1.0], "most_kwh": [10.0],
    }  # fmt: skip
    return battery_bounds(**(fields | changed))


class TestSustained:
    def test_battery_gives_its_power_for_as_long_as_its_energy_lasts(self) -> None:
        found = sustained_kw(one_battery(), intervals=(1, 2, 4))
        assert found.down_kw.tolist() == [[5.0, 5.0, 3.0]]
        assert found.up_kw.tolist() == [[5.0, 5.0, 5.0]]

    def test_energy_needed_at_the_end_is_not_given_away(self) -> None:
        # Charging with 2 kW makes good 1.5 kWh after the first quarter-hour, 1 kWh after the second.
        found = sustained_kw(one_battery(end_kwh=[4.0], charge_kw=[2.0]), intervals=(1, 2, 4))
        assert found.down_kw.tolist() == [[5.0, 2.0, 0.0]]

    def test_portfolio_counts_homes_by_what_can_be_expected_of_them(self) -> None:
        bounds = battery_bounds(
            step_h=1.0, steps=1, charge_kw=[2.0, 4.0], discharge_kw=[1.0, 3.0],
            start_kwh=[9.0, 9.0], least_kwh=[0.0, 0.0], most_kwh=[20.0, 20.0],
        )  # fmt: skip
        found = sustained_kw(replace(bounds, confidence=np.array([0.5, 1.0])), intervals=[1])
        assert (found.portfolio_up_kw.tolist(), found.portfolio_down_kw.tolist()) == ([6.0], [4.0])
        assert (found.expected_up_kw.tolist(), found.expected_down_kw.tolist()) == ([5.0], [3.5])

    @pytest.mark.parametrize("wanted", [0, 5, []])
    def test_duration_beyond_the_horizon_is_refused(self, wanted: Any) -> None:
        with pytest.raises(BoundsError, match="not within the 4"):
            sustained_kw(one_battery(), intervals=wanted)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"least_kw": np.full((1, 4), np.nan)}, "least_kw is not a finite number: device 0"),
    ({"most_kw": np.full((1, 4), np.inf)}, "most_kw is not a finite number: device 0"),
    ({"least_kw": np.full((1, 4), 6.0)}, "least_kw is above most_kw: device 0"),
    ({"most_kwh": np.full((1, 4), -9.0)}, "least_kwh is above most_kwh: device 0"),
    ({"least_kwh": np.full((1, 4), 5.5)}, "no profile keeps within the bounds: device 0"),
    ({"most_kwh": np.zeros((1, 3))}, r"most_kwh of shape \(1, 3\) does not fit"),
    ({"least_kw": np.zeros((0, 4))}, "bounds need devices and intervals"),
    ({"step_h": 0.0}, "step_h is 0.0"),
    ({"confidence": np.array([1.5])}, "confidence is not a number from 0 to 1"),
    ({"cost_per_kwh": np.array([-1.0])}, "cost_per_kwh is not a number from 0"),
    ({"cost_per_kwh": np.array([1.0, 2.0])}, r"cost_per_kwh of shape \(2,\) does not fit 1 devices"),
]


@pytest.mark.parametrize(("changed", "message"), BAD)
def test_bad_bounds_are_refused_with_the_device(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(BoundsError, match=message):
        replace(one_battery(), **changed)


def test_battery_columns_must_fit() -> None:
    with pytest.raises(BoundsError, match="do not fit"):
        one_battery(charge_kw=[1.0, 2.0])
    with pytest.raises(BoundsError, match="end_kwh of shape"):
        one_battery(end_kwh=[1.0, 2.0])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_virtual_battery_contains_all_the_fleet_can_do_and_says_what_it_is(seed: int) -> None:
    from vpp.flexibility.support import greedy_profiles

    bounds = random_bounds(seed)
    outer = virtual_battery(bounds)
    prices = np.random.default_rng(seed).normal(size=bounds.least_kw.shape[1])
    fleet = greedy_profiles(bounds, prices).sum(axis=0)
    assert outer.kind == "outer approximation"
    assert outer.contains(fleet)
    assert greedy_profiles(outer.as_bounds(), prices)[0] @ prices <= fleet @ prices + 1e-9
