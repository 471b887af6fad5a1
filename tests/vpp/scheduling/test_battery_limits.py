"""Batteries behind a connection point with limits: against a program with switches, by hand, by properties."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.dispatch import random_homes, violation_kwh
from tests.vpp.scheduling.home_referee import referee_cost
from tests.vpp.scheduling.test_battery_oracle import PATHS, drawn_homes, one_home
from vpp.resources.horizon import Horizon
from vpp.resources.load import Load
from vpp.resources.store import Store
from vpp.scheduling.battery_oracle import Path, solve_batteries
from vpp.scheduling.battery_problem import BatteryProblem, InfeasibleScheduleError, ScheduleError

HOME = np.zeros(1, np.intp)


def limited(problem: BatteryProblem, *, seed: int) -> BatteryProblem:
    """The same homes behind limits that often bind and now and then cannot be kept."""
    chance = np.random.default_rng(seed)
    shape = problem.net_kw.shape
    into = np.where(chance.random(shape) < 0.7, np.round(chance.uniform(0.0, 5.0, shape), 1), np.inf)
    out = np.round(chance.uniform(0.0, 5.0, shape[0]), 1)
    return replace(problem, import_kw=into, export_kw=None if chance.random() < 0.2 else out)


def referee(problem: BatteryProblem) -> float | None:
    """The least cost of the first home by a mixed-integer program that keeps limits as such, or None."""
    fleet = problem.fleet()
    steps, step_h = fleet.net.shape[1], problem.step_h
    horizon = Horizon(steps, step_h)

    def series(plane: Any) -> Any:
        return np.broadcast_to(plane, problem.net_kw.shape)[0]

    store = Store(
        name="the battery",
        horizon=horizon,
        start_kwh=float(series(fleet.start)[0]),
        least_kwh=series(fleet.least),
        most_kwh=series(fleet.most),
        charge_kw=series(fleet.charge) / step_h,
        discharge_kw=series(fleet.discharge) / step_h,
        charge_efficiency=series(fleet.charge_efficiency),
        drain_kwh=series(fleet.drain),
        discharge_efficiency=float(series(fleet.discharge_efficiency)[0]),
        retention=float(series(fleet.retention)[0]),
        wear_per_kwh=float(series(fleet.wear)[0]),
    )
    least, most = problem.grid_bounds()
    return referee_cost(
        [Load("the load", horizon, problem.net_kw[0]), store],
        buy=series(fleet.buy),
        sell=series(fleet.sell),
        import_limit_kw=series(most) / step_h,
        export_limit_kw=series(-least) / step_h,
    )


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=60)
def test_any_limited_home_costs_what_the_referee_says_or_is_named(seed: int) -> None:
    problem = limited(drawn_homes(seed).select(HOME), seed=seed)
    best = referee(problem)
    for path in PATHS:
        if best is None:
            with pytest.raises(InfeasibleScheduleError, match="home 0"):
                solve_batteries(problem, path=path)
            continue
        result = solve_batteries(problem, path=path)
        assert result.objective == pytest.approx([best], rel=1e-6, abs=1e-6)
        assert result.lower_bound == pytest.approx(result.objective, rel=1e-9, abs=1e-9)
        assert violation_kwh(problem, result) <= 1e-9
        least, most = (bound / problem.step_h for bound in problem.grid_bounds())
        assert (result.grid_kw <= most + 1e-9).all() and (result.grid_kw >= least - 1e-9).all()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("changed", "charged", "discharged"),
    [
        ({"import_kw": 1.5}, [0.5, 0.0], [0.0, 0.5]),
        # half a kW has to come from the battery at once, and what is then missing at the end is bought dear
        ({"import_kw": np.array([[0.5, 9.0]]), "start_kwh": 1.0}, [0.0, 0.5], [0.5, 0.0]),
        ({"export_kw": 0.25, "net_kw": np.array([[-1.0, 1.0]])}, [1.0, 0.0], [0.0, 1.0]),
        # a sun of 3 kW of which 1 may leave: two have to be stored though selling pays more than it saves
        ({"export_kw": 1.0, "net_kw": np.array([[-3.0, 0.0]]), "wear_per_kwh": 1.0}, [2.0, 0.0], [0.0, 0.0]),
    ],
)
def test_a_limit_holds_the_battery_back_or_makes_it_act(
    path: Path, changed: dict[str, Any], charged: list[float], discharged: list[float]
) -> None:
    result = solve_batteries(one_home(**changed), path=path)
    assert result.charge_kw == pytest.approx(np.array([charged]), abs=1e-12)
    assert result.discharge_kw == pytest.approx(np.array([discharged]), abs=1e-12)
    assert result.exact.all()


def test_forced_discharge_wears_and_the_bound_knows() -> None:
    forced = one_home(import_kw=np.array([[0.0, 9.0]]), start_kwh=1.0, end_kwh=0.0, wear_per_kwh=0.7)
    result = solve_batteries(forced)
    assert result.objective == pytest.approx([0.7 + 0.40], abs=1e-12)
    assert result.lower_bound == pytest.approx(result.objective, abs=1e-12)


def test_a_limit_of_infinity_is_none() -> None:
    problem = random_homes(20, seed=3)
    wide = replace(problem, import_kw=np.inf, export_kw=np.full(20, np.inf))
    assert solve_batteries(wide).objective.tolist() == solve_batteries(problem).objective.tolist()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"net_kw": np.array([[1.0, 6.0]]), "import_kw": 3.0},
            "the import limit cannot be kept at step 1 .* 1 kW are beyond what its battery can do: Elm 1",
        ),
        (
            {"net_kw": np.array([[-6.0, 1.0]]), "export_kw": 3.0},
            "the export limit cannot be kept at step 0 .* 1 kW are beyond what its battery can do: Elm 1",
        ),
        ({"import_kw": 0.5}, "within its bounds by step 0 .* and within its home's limits: Elm 1"),
    ],
)
def test_a_home_that_cannot_keep_its_limit_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InfeasibleScheduleError, match=said):
        solve_batteries(one_home(names=("Elm 1",), **changed))


@pytest.mark.parametrize("limit", [-1.0, np.nan, np.ones(3), "wide"])
@pytest.mark.parametrize("way", ["import_kw", "export_kw"])
def test_a_limit_that_makes_no_sense_is_refused(way: str, limit: Any) -> None:
    with pytest.raises(ScheduleError, match=way):
        one_home(**{way: limit})
