"""The exact optimum of home batteries, against HiGHS, by hand, and by properties."""

import itertools
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.architecture.tree import ROOT
from tests.benchmarks.dispatch import highs_objectives, random_homes, violation_kwh
from vpp.scheduling.battery_oracle import Path, solve_batteries
from vpp.scheduling.battery_problem import BatteryProblem

PATHS: tuple[Path, Path] = ("compiled", "numpy")


def one_home(**changed: Any) -> BatteryProblem:
    """A home that draws 1 kW for two hours, at 0.10 and then 0.40 per kWh, with a battery of 2 kWh without losses."""
    fields: dict[str, Any] = {
        "net_kw": np.array([[1.0, 1.0]]),
        "buy_per_kwh": np.array([0.10, 0.40]),
        "sell_per_kwh": np.array([0.05, 0.05]),
        "step_h": 1.0,
        "start_kwh": 0.0,
        "most_kwh": 2.0,
        "charge_kw": 2.0,
        "discharge_kw": 2.0,
        "charge_efficiency": 1.0,
        "discharge_efficiency": 1.0,
    }
    return BatteryProblem(**(fields | changed))


def drawn_homes(seed: int) -> BatteryProblem:
    """A few homes whose every parameter is drawn, with bounds and powers that differ from step to step."""
    chance = np.random.default_rng(seed)
    homes, steps = 4, int(chance.integers(1, 9))
    buy = np.round(chance.uniform(0.0, 0.5, (homes, steps)), 1)  # equal prices are the hard case
    capacity = chance.uniform(0.0, 10.0, homes) * (chance.random(homes) < 0.9)
    reserve = chance.uniform(0.0, 0.5, (homes, steps)) * capacity[:, None]
    start = reserve.max(axis=1) + chance.uniform(0.0, 0.5, homes) * (capacity - reserve.max(axis=1))
    leaks = chance.random() < 0.5  # such a store may run empty, so that no reserve can be asked of it
    return BatteryProblem(
        net_kw=np.round(chance.normal(0.0, 3.0, (homes, steps)), 1),
        buy_per_kwh=buy,
        sell_per_kwh=buy * chance.choice([0.0, 0.5, 1.0], (homes, steps)),
        step_h=float(chance.choice([0.25, 1.0])),
        start_kwh=start,
        least_kwh=0.0 if leaks else reserve,
        most_kwh=capacity,
        charge_kw=chance.uniform(0.0, 5.0, (homes, steps)),
        discharge_kw=np.where(chance.random((homes, steps)) < 0.2, 0.0, 3.0),
        charge_efficiency=chance.choice([0.85, 1.0], homes),
        discharge_efficiency=chance.choice([0.9, 1.0], homes),
        wear_per_kwh=chance.choice([0.0, 0.03], homes),
        end_kwh=0.0 if leaks or chance.random() < 0.5 else None,
        retention=chance.uniform(0.8, 1.0, homes) if leaks else 1.0,
        drain_kwh=-np.round(chance.uniform(0.0, 0.02, (homes, steps)), 2) * capacity[:, None]
        if leaks
        else 0.0,
    )


@pytest.mark.parametrize("path", PATHS)
def test_a_cheap_hour_is_stored_for_a_dear_one(path: Path) -> None:
    result = solve_batteries(one_home(), path=path)
    assert result.charge_kw.tolist() == [[1.0, 0.0]]
    assert result.discharge_kw.tolist() == [[0.0, 1.0]]
    assert result.grid_kw.tolist() == [[2.0, 0.0]]
    assert result.stored_kwh.tolist() == [[1.0, 0.0]]
    assert result.objective == pytest.approx([0.20], abs=1e-12)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("changed", "cost"),
    [
        ({"wear_per_kwh": 0.31}, 0.50),  # wear outweighs the spread of 0.30
        ({"wear_per_kwh": 0.29}, 0.49),
        ({"charge_efficiency": 0.5, "discharge_efficiency": 0.5}, 0.50),  # a kWh back costs 0.40
        ({"charge_kw": 0.5}, 0.35),
        ({"most_kwh": 0.25}, 0.425),
        ({"end_kwh": 1.0}, 0.30),  # 3 kWh in the cheap hour, none in the dear one
        ({"start_kwh": 2.0, "end_kwh": 0.0}, 0.0),  # one kWh for each hour
        ({"least_kwh": np.array([[2.0, 0.0]]), "end_kwh": 0.0}, 0.30 - 0.05),
    ],
)
def test_what_the_battery_may_do_decides_the_cost(path: Path, changed: dict[str, Any], cost: float) -> None:
    assert solve_batteries(one_home(**changed), path=path).objective == pytest.approx([cost], abs=1e-12)


@pytest.mark.parametrize("path", PATHS)
def test_what_leaks_and_what_is_taken_out_has_to_be_charged(path: Path) -> None:
    # 1 kWh is left of 2; 1.5 are taken from it at once, so the first hour must charge 0.5; a kWh kept costs 0.20
    problem = one_home(
        start_kwh=2.0,
        end_kwh=0.0,
        retention=0.5,
        drain_kwh=np.array([[1.5, 0.0]]),
        buy_per_kwh=np.array([0.10, 0.15]),
    )
    result = solve_batteries(problem, path=path)
    assert result.charge_kw.tolist() == [[0.5, 0.0]]
    assert result.stored_kwh.tolist() == [[0.0, 0.0]]
    assert result.objective == pytest.approx([0.1 * 1.5 + 0.15], abs=1e-12)


@pytest.mark.parametrize("path", PATHS)
def test_random_homes_cost_what_highs_says(path: Path) -> None:
    problem = random_homes(40, seed=11)
    result = solve_batteries(problem, path=path)
    assert result.objective == pytest.approx(highs_objectives(problem), rel=1e-6, abs=1e-9)
    assert result.exact.all()
    assert violation_kwh(problem, result) <= 1e-9


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_any_home_costs_what_highs_says(seed: int) -> None:
    problem = drawn_homes(seed)
    result = solve_batteries(problem, path="compiled")
    assert result.objective == pytest.approx(highs_objectives(problem), rel=1e-6, abs=1e-7)


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_energy_is_conserved_and_no_bound_is_crossed(seed: int) -> None:
    problem = drawn_homes(seed)
    for path in PATHS:
        result = solve_batteries(problem, path=path)
        assert violation_kwh(problem, result) <= 1e-9
        assert (result.charge_kw >= 0).all() and (
            result.charge_kw <= np.asarray(problem.charge_kw) + 1e-12
        ).all()
        assert (result.discharge_kw >= 0).all()
        assert (result.discharge_kw <= np.asarray(problem.discharge_kw) + 1e-12).all()
        assert (np.minimum(result.charge_kw, result.discharge_kw) == 0).all()
        balance = problem.net_kw + result.charge_kw - result.discharge_kw
        assert result.grid_kw == pytest.approx(balance, abs=1e-9)


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_both_paths_agree_and_reach_their_own_bound(seed: int) -> None:
    problem = drawn_homes(seed)
    compiled, plain = (solve_batteries(problem, path=path) for path in PATHS)
    assert compiled.objective == pytest.approx(plain.objective, rel=1e-9, abs=1e-11)
    assert compiled.lower_bound == pytest.approx(plain.lower_bound, rel=1e-9, abs=1e-11)
    assert compiled.exact.all() and plain.exact.all()


@given(seed=st.integers(0, 2**32), more=st.floats(0.0, 5.0))
@settings(deadline=None, max_examples=40)
def test_more_capacity_never_costs_more(seed: int, more: float) -> None:
    problem = drawn_homes(seed)
    larger = replace(problem, most_kwh=np.asarray(problem.most_kwh) + more)
    gain = solve_batteries(problem).objective - solve_batteries(larger).objective
    assert (gain >= -1e-9).all()


def cheapest_on_a_grid(problem: BatteryProblem, *, parts: int) -> float:
    """The least cost of one home without losses of rounding: every path over a grid of stored energies, tried."""
    fleet = problem.fleet()
    steps = fleet.net.shape[1]
    levels = np.linspace(0.0, float(fleet.most[0, 0]), parts + 1)
    into, out_of = float(fleet.charge_efficiency[0, 0]), float(fleet.discharge_efficiency[0, 0])
    best = np.inf
    for path in itertools.product(levels, repeat=steps):
        change = np.diff(np.array([fleet.start[0, 0], *path]))
        energy = np.where(change > 0, change / into, change * out_of)
        if (
            path[-1] < fleet.least[0, -1]
            or (energy > fleet.charge[0]).any()
            or (-energy > fleet.discharge[0]).any()
        ):
            continue
        grid = fleet.net[0] + energy
        cost = np.where(grid > 0, fleet.buy[0], fleet.sell[0]) * grid
        best = min(best, float(cost.sum()))
    return best


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_negative_and_crossed_prices_have_a_plan_and_a_proven_bound(seed: int) -> None:
    chance = np.random.default_rng(seed)
    problem = one_home(
        net_kw=np.round(chance.normal(0.0, 1.0, (1, 3)), 1),
        buy_per_kwh=chance.uniform(-0.3, 0.3, 3),
        sell_per_kwh=chance.uniform(-0.3, 0.3, 3),
        charge_efficiency=0.8,
        discharge_efficiency=0.8,
    )
    compiled, plain = (solve_batteries(problem, path=path) for path in PATHS)
    assert compiled.lower_bound == pytest.approx(plain.lower_bound, rel=1e-9, abs=1e-11)
    for result in (compiled, plain):
        assert result.lower_bound[0] <= cheapest_on_a_grid(problem, parts=8) + 1e-9
        assert result.lower_bound[0] <= result.objective[0] + 1e-9
        assert bool(result.exact[0]) == (result.objective[0] - result.lower_bound[0] < 1e-8)
        assert violation_kwh(problem, result) <= 1e-9
        assert np.minimum(result.charge_kw, result.discharge_kw).max() == 0


@pytest.mark.parametrize("path", PATHS)
def test_a_home_whose_optimum_is_not_proven_is_marked(path: Path) -> None:
    prices = np.array([-0.10, -0.10])
    problem = one_home(
        net_kw=np.zeros((1, 2)), buy_per_kwh=prices, sell_per_kwh=prices, charge_efficiency=0.5, charge_kw=1.0
    )
    filling = solve_batteries(problem, path=path)
    assert filling.objective == pytest.approx([-0.20], abs=1e-12)
    assert filling.exact.tolist() == [True]
    # without room nothing is earned; the minorant from -2 to 0.5 kWh lies 0.04 below the cost of rest, twice
    full = solve_batteries(replace(problem, most_kwh=0.0), path=path)
    assert full.objective == pytest.approx([0.0], abs=1e-12)
    assert full.lower_bound == pytest.approx([-0.08], abs=1e-12)
    assert full.exact.tolist() == [False]


def test_auto_does_without_numba_and_importing_does_not_need_it() -> None:
    code = """
import sys
sys.modules["numba"] = None
import importlib.util
importlib.util.find_spec = lambda name: None
from tests.benchmarks.dispatch import random_homes
from vpp.scheduling.battery_oracle import solve_batteries
print(solve_batteries(random_homes(2, seed=0)).exact.all())
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
