import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from vpp.dispatch.allocate import allocate
from vpp.dispatch.problem import AllocationError, AllocationProblem, AllocationResult, Weights
from vpp.dispatch.proportional import share_in_proportion
from vpp.dispatch.shed_program import SolverFailed, solve_fleet
from vpp.flexibility.envelope import ShedEnvelope


def envelope(homes: int = 1, intervals: int = 1, interval_s: int = 900, **changes: Any) -> ShedEnvelope:
    """Homes that draw 2 kW, as their baselines say, with a 4 kW battery of 100 kWh and nothing else."""
    shape = (homes, intervals)
    arrays: dict[str, Any] = {
        "baseline_kw": 2.0,
        "idle_net_kw": 2.0,
        "battery_kw": 4.0,
        "battery_kwh": 100.0,
        "ev_kw": 0.0,
        "heat_kw": 0.0,
        "heat_kwh": 0.0,
        "headroom_kw": 100.0,
        **changes,
    }
    made = {
        name: np.broadcast_to(
            np.asarray(value, dtype=float), shape[:1] if name.endswith("kwh") else shape
        ).copy()
        for name, value in arrays.items()
    }
    return ShedEnvelope(tuple(f"home-{i}" for i in range(homes)), interval_s, **made)


def plan(target: list[float], bounds: ShedEnvelope, **options: Any) -> AllocationResult:
    return allocate(AllocationProblem(np.array(target), bounds, **options))


def test_one_battery_meets_the_target() -> None:
    result = plan([3.0, 1.0], envelope(1, 2))
    assert result.status == "optimal"
    assert result.discharge_kw == pytest.approx(np.array([[3.0, 1.0]]))
    assert result.shed_kw == pytest.approx(np.array([[3.0, 1.0]]))
    assert result.site_kw == pytest.approx(np.array([[-1.0, 1.0]]))
    assert result.shortfall_kw.tolist() == [0.0, 0.0]
    assert result.active.tolist() == [True]
    assert result.solver == "Clarabel"
    assert result.explanation == ("The target is met in all 2 intervals by 1 of 1 homes.",)


def test_batteries_come_before_cars_and_cars_before_heat() -> None:
    bounds = envelope(battery_kw=2.0, ev_kw=2.0, heat_kw=2.0, heat_kwh=9.0)
    for target, expected, price in [
        (1.0, (1, 0, 0), 0.05 + 0.004 / 6),  # of a share of 6 kW
        (3.0, (2, 1, 0), 0.15 + 0.004 * 3 / 6),
        (5.0, (2, 2, 1), 0.25 + 0.004 * 5 / 6),
    ]:
        result = plan([target], bounds)
        cuts = (result.discharge_kw[0, 0], result.ev_cut_kw[0, 0], result.heat_cut_kw[0, 0])
        assert cuts == pytest.approx(expected, abs=1e-6)
        assert result.price_per_kwh == pytest.approx([price], abs=1e-6)


def test_a_shortfall_says_when_how_much_and_why() -> None:
    bounds = envelope(2, 2, battery_kwh=[0.5, 100.0], headroom_kw=[[9.0, 9.0], [3.0, 3.0]])
    result = plan([10.0, 3.0], bounds, labels=("18:00", "18:15"))
    assert result.status == "partial"
    assert result.shed_kw == pytest.approx(np.array([[2.0, 0.0], [3.0, 3.0]]), abs=1e-9)
    assert result.shortfall_kw == pytest.approx([5.0, 0.0], abs=1e-9)
    assert result.price_per_kwh[0] == pytest.approx(10.0)
    assert result.explanation == (
        "5.0 of 10.0 kW can be met at 18:00.",
        "1 battery reaches its reserve.",
        "1 home is held by its export limit.",
    )


def test_homes_share_in_proportion_to_what_they_can_give() -> None:
    result = plan([3.0, 3.0], envelope(2, 2, battery_kw=[[4.0, 4.0], [2.0, 2.0]]))
    assert result.shed_kw == pytest.approx(np.array([[2.0, 2.0], [1.0, 1.0]]), abs=1e-7)


def test_a_small_battery_shares_by_what_it_can_sustain() -> None:
    result = plan([3.0, 3.0], envelope(2, 2, battery_kwh=[1.0, 100.0]))
    assert result.shed_kw == pytest.approx(np.array([[1.0, 1.0], [2.0, 2.0]]), abs=1e-6)


def test_more_discomfort_means_later() -> None:
    bounds = envelope(2, battery_kw=0.0, ev_kw=5.0)
    result = plan([4.0], bounds, ev_discomfort=np.array([2.0, 1.0]))
    assert result.ev_cut_kw == pytest.approx(np.array([[0.0], [4.0]]), abs=1e-6)


def test_a_home_that_is_not_needed_holds_its_baseline_and_is_left_free() -> None:
    # Home 1's battery covers 1 kW every evening; only home 0 has anything beyond that.
    bounds = envelope(2, idle_net_kw=[[2.0], [3.0]], battery_kw=[[4.0], [1.0]])
    result = plan([3.0], bounds)
    assert result.discharge_kw == pytest.approx(np.array([[3.0], [1.0]]))
    assert result.active.tolist() == [True, False]
    assert result.site_kw == pytest.approx(np.array([[-1.0], [2.0]]))


def test_a_home_behind_its_baseline_is_made_up_for_and_named() -> None:
    bounds = envelope(2, idle_net_kw=[[2.0], [3.0]], battery_kw=[[4.0], [0.0]])
    result = plan([2.0], bounds)
    assert result.shed_kw == pytest.approx(np.array([[3.0], [-1.0]]))
    assert result.explanation[-1] == "1 home is expected to draw more than the baseline at times."


def test_what_comes_anyway_is_said() -> None:
    result = plan([1.0], envelope(idle_net_kw=0.5))
    assert result.status == "optimal"
    assert (result.surplus_kw.tolist(), result.discharge_kw.tolist()) == ([0.5], [[0.0]])
    assert "0.5 kW more than asked for" in result.explanation[1]


def test_a_home_with_nan_is_left_out_and_named() -> None:
    result = plan([6.0], envelope(3, baseline_kw=[[2.0], [math.nan], [2.0]]))
    assert result.status == "optimal"
    assert result.excluded == ("home-1",)
    assert result.active.tolist() == [True, False, True]
    assert np.isnan(result.site_kw[:, 0]).tolist() == [False, True, False]
    assert result.shed_kw[1].tolist() == [0.0]
    assert result.explanation[-1] == "Left out because their data is not complete: home-1."


def test_many_names_are_counted() -> None:
    result = plan([6.0], envelope(13, battery_kwh=math.nan))
    assert (result.status, len(result.excluded)) == ("empty", 13)
    assert result.explanation[-1].endswith("home-9 and 3 more.")


@pytest.mark.parametrize("intervals", [0, 1, 8])
def test_no_homes_give_an_empty_plan(intervals: int) -> None:
    result = plan([5.0] * intervals, envelope(0, intervals))
    assert result.status == ("empty" if intervals else "optimal")
    assert result.shortfall_kw.tolist() == [5.0] * intervals
    assert result.site_kw.shape == (0, intervals)


def test_nothing_asked_means_nobody_is_ordered() -> None:
    result = plan([0.0, 0.0], envelope(2, 2, idle_net_kw=2.5))
    assert (result.status, result.active.tolist()) == ("optimal", [False, False])
    assert result.site_kw == pytest.approx(np.full((2, 2), 2.0))


def test_homes_that_can_give_nothing() -> None:
    result = plan([5.0], envelope(2, battery_kw=0.0))
    assert (result.status, result.shortfall_kw.tolist()) == ("empty", [5.0])
    assert result.explanation == ("0.0 of 5.0 kW can be met in interval 1.",)


def test_a_solver_out_of_time_is_replaced_and_said() -> None:
    problem = AllocationProblem(np.full(8, 50.0), envelope(24, 8, battery_kwh=3.0))
    with pytest.raises(SolverFailed):
        solve_fleet(problem, time_limit_s=0.0)
    result = allocate(problem, time_limit_s=0.0)
    assert (result.status, result.solver) == ("partial", "proportional")
    assert result.explanation[-1].startswith("The solver gave no plan")
    assert result.shed_kw.sum() * 0.25 == pytest.approx(24 * 3.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"target_kw": np.array([1.0, 1.0])},
        {"target_kw": np.array([-1.0])},
        {"target_kw": np.array([math.nan])},
        {"labels": ("a", "b")},
        {"ev_discomfort": np.array([1.0, 1.0])},
        {"heat_discomfort": np.array([math.nan])},
    ],
)
def test_a_question_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AllocationError):
        AllocationProblem(**{"target_kw": np.array([1.0]), "envelope": envelope(), **wrong})


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf])
def test_a_weight_without_sense_is_refused(value: float) -> None:
    with pytest.raises(AllocationError, match="cycle_cost"):
        Weights(cycle_cost=value)


def random_problem(seed: int, *, share: float) -> AllocationProblem:
    rng = np.random.default_rng(seed)
    homes, intervals = int(rng.integers(1, 7)), int(rng.integers(1, 6))
    shape = (homes, intervals)
    base = rng.uniform(-1, 3, shape)
    battery, ev, heat = rng.uniform(0, 5, shape), rng.uniform(-3, 5, shape), rng.uniform(-1, 2, shape)
    bounds = envelope(
        *shape,
        baseline_kw=base,
        idle_net_kw=base + rng.uniform(-0.3, 1.5, shape),
        battery_kw=battery,
        battery_kwh=rng.uniform(0, 4, homes),
        ev_kw=np.maximum(ev, 0),
        heat_kw=np.maximum(heat, 0),
        heat_kwh=rng.uniform(0, 1, homes),
        headroom_kw=rng.uniform(0, 8, shape),
    )
    return AllocationProblem(np.maximum(0, share * bounds.max_shed_kw.sum(axis=0)), bounds)


def assert_within_bounds(problem: AllocationProblem, result: AllocationResult) -> None:
    bounds, dt = problem.envelope, problem.envelope.hours
    total = result.discharge_kw + result.ev_cut_kw + result.heat_cut_kw
    for values, upper in [
        (result.discharge_kw, bounds.battery_kw),
        (result.ev_cut_kw, bounds.ev_kw),
        (result.heat_cut_kw, bounds.heat_kw),
        (total, bounds.headroom_kw),
        (result.discharge_kw.sum(axis=1) * dt, bounds.battery_kwh),
        (result.heat_cut_kw.sum(axis=1) * dt, bounds.heat_kwh),
    ]:
        assert (values >= 0).all()
        assert (values <= upper + 1e-6).all()
    assert result.shed_kw == pytest.approx(bounds.idle_shed_kw + total, abs=2e-6)
    met = result.shed_kw.sum(axis=0) + result.shortfall_kw - result.surplus_kw
    assert met == pytest.approx(problem.target_kw, abs=2e-5)


@given(st.integers(0, 10**6), st.floats(0, 1.3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_bounds_hold_and_the_target_adds_up(seed: int, share: float, hurried: bool) -> None:
    problem = random_problem(seed, share=share)
    assert_within_bounds(problem, allocate(problem, time_limit_s=0.0 if hurried else 10.0))


@given(st.integers(0, 10**6), st.floats(0.1, 1.3))
@settings(max_examples=25, deadline=None)
def test_the_least_shortfall_is_that_of_an_independent_program(seed: int, share: float) -> None:
    problem = random_problem(seed, share=share)
    bounds, dt = problem.envelope, problem.envelope.hours
    homes, intervals = bounds.baseline_kw.shape
    # Variables: one cut per home, interval and kind, then the shortfall; rows written out one by one.
    at = {
        (k, i, t): (k * homes + i) * intervals + t
        for k in range(3)
        for i in range(homes)
        for t in range(intervals)
    }
    size = len(at) + intervals
    rows, limits = [], []
    for i in range(homes):
        for kind, energy in ((0, bounds.battery_kwh[i]), (2, bounds.heat_kwh[i])):
            row = np.zeros(size)
            row[[at[kind, i, t] for t in range(intervals)]] = dt
            rows.append(row)
            limits.append(energy)
        for t in range(intervals):
            row = np.zeros(size)
            row[[at[kind, i, t] for kind in range(3)]] = 1.0
            rows.append(row)
            limits.append(bounds.headroom_kw[i, t])
    for t in range(intervals):
        row = np.zeros(size)
        row[[at[kind, i, t] for kind in range(3) for i in range(homes)]] = -1.0
        row[len(at) + t] = -1.0
        rows.append(row)
        limits.append(bounds.idle_shed_kw[:, t].sum() - problem.target_kw[t])
    upper = np.concatenate([bounds.battery_kw.ravel(), bounds.ev_kw.ravel(), bounds.heat_kw.ravel()])
    cost = np.concatenate([np.zeros(len(at)), np.ones(intervals)])
    oracle = linprog(
        cost, A_ub=np.array(rows), b_ub=limits, bounds=[*((0, u) for u in upper), *((0, None),) * intervals]
    )
    result = allocate(problem)
    assert result.shortfall_kw.sum() == pytest.approx(oracle.fun, abs=1e-4)
    hurried = share_in_proportion(problem)
    shed = bounds.idle_shed_kw + hurried.discharge_kw + hurried.ev_kw + hurried.heat_kw
    assert np.maximum(0, problem.target_kw - shed.sum(axis=0)).sum() >= oracle.fun - 1e-6


def test_a_large_fleet_is_solved_by_columns_within_the_same_bounds() -> None:
    rng = np.random.default_rng(3)
    shape = (250, 8)
    bounds = envelope(*shape, idle_net_kw=2 + rng.uniform(0, 1, shape), battery_kwh=rng.uniform(1, 8, 250))
    problem = AllocationProblem(np.full(8, 300.0), bounds)
    result = allocate(problem)
    assert (result.solver, result.status) == ("columns", "optimal")
    assert result.gap is not None and result.gap <= 1e-3
    assert_within_bounds(problem, result)
    few = problem.select(np.arange(250) < 200)
    assert allocate(few, time_limit_s=1e-6).solver == "proportional"


def test_the_answer_does_not_depend_on_the_order_of_homes() -> None:
    problem = random_problem(7, share=0.5)
    order = np.arange(len(problem.envelope.names))[::-1]
    bounds = problem.envelope
    turned = envelope(
        *bounds.baseline_kw.shape,
        **{
            name: getattr(bounds, name)[order]
            for name in (
                "baseline_kw",
                "idle_net_kw",
                "battery_kw",
                "battery_kwh",
                "ev_kw",
                "heat_kw",
                "heat_kwh",
            )
        },
        headroom_kw=bounds.headroom_kw[order],
    )
    one, other = allocate(problem), allocate(AllocationProblem(problem.target_kw, turned))
    assert one.objective is not None
    assert one.objective == pytest.approx(other.objective, rel=1e-6)
