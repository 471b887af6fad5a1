"""What a portfolio gives over a window, by hand and against linear programs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from vpp.flexibility.portfolio import (
    Kind,
    Portfolio,
    PortfolioError,
    Stores,
    more_load,
    shed,
    shed_feasibility,
    sustained,
)

PRICES: dict[Kind, float] = {"heat": 0.25, "battery": 0.05, "ev": 0.15}


def one_home(**changed: Any) -> Portfolio:
    """4 kW and 6 kWh in the battery; a car that will draw 3 kW in the first of two hours; room for 10 kW."""
    fields: dict[str, Any] = {
        "step_h": 1.0,
        "discharge_kw": np.array([4.0]),
        "discharge_kwh": np.array([6.0]),
        "charge_kw": np.array([5.0]),
        "charge_kwh": np.array([4.0]),
        "ev_kw": np.array([[3.0, 0.0]]),
        "heat_kw": np.zeros((1, 2)),
        "heat_kwh": np.zeros(1),
        "export_room_kw": np.full((1, 2), 10.0),
        "import_room_kw": np.full((1, 2), 10.0),
        "confidence": np.ones(1),
        "ev_most_kw": np.array([3.0]),
    }
    return Portfolio(**(fields | changed))


class TestShed:
    def test_battery_makes_up_for_the_hour_without_the_car(self) -> None:
        found = shed(one_home(), prices=PRICES)
        # 4 kW in the second hour are the battery's limit; in the first the car gives 3 of them.
        assert found.expected_kw == 4.0
        assert [(step.kind, step.kw, step.up_to_kw) for step in found.steps] == [
            ("battery", 3.0, 3.0), ("ev", 1.0, 4.0), ("heat", 0.0, 4.0),
        ]  # fmt: skip
        assert found.by_interval_kw.tolist() == [7.0, 4.0]
        assert found.energy_kwh == 9.0

    def test_room_at_the_grid_connection_point_is_shared(self) -> None:
        found = shed(one_home(export_room_kw=np.full((1, 2), 5.0)), prices=PRICES)
        assert found.by_interval_kw.tolist() == [5.0, 4.0]

    def test_confidence_lowers_what_is_expected_and_what_is_sure(self) -> None:
        portfolio = one_home(confidence=np.array([0.8]), ev_kw=np.zeros((1, 2)))
        found = shed(portfolio, prices=PRICES)
        assert [found.most_kw, found.expected_kw] == pytest.approx([3.0, 2.4])
        assert found.deviation_kw == pytest.approx(3.0 * 0.4)
        assert found.sure_kw == pytest.approx(2.4 - 1.2815515655 * 1.2)
        assert found.probability(2.4) == pytest.approx(0.5)
        assert found.probability(found.sure_kw) == pytest.approx(0.9)

    def test_share_in_reach_moves_for_all_homes_together(self) -> None:
        found = shed(one_home(reach_deviation=0.1), prices=PRICES)
        # The car draws 1.5 of at most 3 kW on average, so it spreads by at most 1.5 kW; a tenth of 4 kW comes on top.
        assert found.deviation_kw == pytest.approx(np.hypot(1.5, 0.4))

    def test_what_is_certain_has_no_spread(self) -> None:
        found = shed(one_home(ev_kw=np.zeros((1, 2))), prices=PRICES)
        assert (found.sure_kw, found.probability(3.0), found.probability(3.1)) == (3.0, 1.0, 0.0)


class TestOthers:
    def test_more_load_is_charging(self) -> None:
        found = more_load(one_home(), price_per_kwh=0.05)
        assert (found.expected_kw, found.by_interval_kw.tolist(), found.energy_kwh) == (2.0, [4.0, 4.0], 4.0)

    def test_feasibility_agrees_with_the_power_that_can_be_held(self) -> None:
        portfolio = one_home()
        assert shed_feasibility(portfolio, 4.0).feasible
        short = shed_feasibility(portfolio, 4.5)
        assert not short.feasible
        assert short.shortfall_kwh == pytest.approx(0.5)

    @pytest.mark.parametrize(
        "changed",
        [
            {"discharge_kw": np.array([-1.0])},
            {"charge_kwh": np.array([np.nan])},
            {"heat_kw": np.zeros((1, 3))},
            {"confidence": np.array([1.1])},
            {"step_h": 0.0},
            {"reach_deviation": -0.1},
            {"ev_kw": np.zeros((1, 0))},
        ],
    )
    def test_bad_columns_are_refused(self, changed: dict[str, Any]) -> None:
        with pytest.raises(PortfolioError):
            replace(one_home(), **changed)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_sustained_power_is_what_a_linear_program_finds(seed: int) -> None:
    chance = np.random.default_rng(seed)
    count, steps = int(chance.integers(1, 5)), int(chance.integers(1, 6))
    power, energy = chance.uniform(0, 5, count), chance.uniform(0, 6, count)
    beside = chance.uniform(0, 8, steps)
    stores = Stores(power, energy, np.ones(count))
    by_store = np.kron(np.eye(count), np.ones(steps)) * 0.5
    by_step = np.kron(np.ones(count), -np.eye(steps))
    answer = linprog(
        np.append(np.zeros(count * steps), -1.0),
        A_ub=np.vstack(
            [np.hstack([by_store, np.zeros((count, 1))]), np.hstack([by_step, np.ones((steps, 1))])]
        ),
        b_ub=np.concatenate([energy, beside]),
        bounds=[*((0.0, one) for one in np.repeat(power, steps)), (None, None)],
        method="highs",
    )
    assert sustained([stores], beside_kw=beside, step_h=0.5) == pytest.approx(-answer.fun, abs=1e-8)
