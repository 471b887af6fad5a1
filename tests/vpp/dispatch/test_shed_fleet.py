"""Allocation by columns: the same answer as the one program, its certificate, limits of grid areas, and fair shares."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.dispatch.test_allocate import envelope
from vpp.dispatch.allocate import allocate
from vpp.dispatch.coordinate import Effort
from vpp.dispatch.coupling import Limit, at_least, at_most
from vpp.dispatch.problem import AllocationError, AllocationProblem, Cuts
from vpp.dispatch.shed_fleet import solve_shed
from vpp.dispatch.shed_program import solve_fleet

TIGHT = Effort(gap=1e-7, rounds=600, grain=1e-4)


def drawn(seed: int, *, homes: int = 8, steps: int = 4) -> AllocationProblem:
    """Homes with every kind of resource and bound, some behind their baselines, and up to two grid areas' limits."""
    chance = np.random.default_rng(seed)
    shape = (homes, steps)

    def some(most: float, share: float) -> np.ndarray:
        return np.asarray(chance.uniform(0.0, most, shape) * (chance.random((homes, 1)) < share))

    bounds = envelope(
        *shape,
        baseline_kw=chance.uniform(0.0, 4.0, shape),
        idle_net_kw=chance.uniform(0.0, 5.0, shape),
        battery_kw=some(5.0, 0.8),
        battery_kwh=chance.uniform(0.0, 3.0, homes),
        ev_kw=some(7.0, 0.4),
        heat_kw=some(2.0, 0.5),
        heat_kwh=chance.uniform(0.0, 1.0, homes),
        headroom_kw=chance.uniform(0.0, 9.0, shape),
    )
    zones = np.arange(homes) % 2
    limits: list[Limit] = []
    if chance.random() < 0.5:
        drawn_kw = bounds.baseline_kw[zones == 0].sum(axis=0)
        limits.append(at_most("north", drawn_kw - 2.0, zones=(0,), penalty=1.0))
    if chance.random() < 0.5:
        limits.append(at_least("south", np.full(steps, -1.0), zones=(1,), penalty=1.0))
    return AllocationProblem(
        chance.uniform(0.0, 1.2, steps) * bounds.max_shed_kw.clip(0).sum(axis=0),
        bounds,
        ev_discomfort=chance.uniform(0.5, 2.0, homes),
        share_weight=chance.uniform(0.5, 2.0, homes),
        limits=tuple(limits),
        zone_of_home=zones,
    )


def cost_of(problem: AllocationProblem, cuts: Cuts) -> float:
    """The whole cost by the definition, computed a second time."""
    bounds, weights = problem.envelope, problem.weights
    total = cuts.discharge_kw + cuts.ev_kw + cuts.heat_kw
    shed = bounds.idle_shed_kw + total
    assert problem.share_weight is not None and problem.ev_discomfort is not None

    def sustained(power: np.ndarray, energy: np.ndarray) -> np.ndarray:
        needed = power.sum(axis=1) * bounds.hours
        part = np.where(needed > 0, np.minimum(1.0, energy / np.where(needed > 0, needed, 1.0)), 1.0)
        return np.asarray(power * part[:, None])

    can = (
        sustained(bounds.battery_kw, bounds.battery_kwh)
        + bounds.ev_kw
        + sustained(bounds.heat_kw, bounds.heat_kwh)
    )
    can = np.minimum(0.0, bounds.idle_shed_kw) + np.minimum(can, bounds.headroom_kw)
    share = np.maximum(0.05, problem.share_weight[:, None] * can)
    purpose = np.maximum(0.0, shed - np.maximum(0.0, bounds.idle_shed_kw))
    missing = problem.target_kw - shed.sum(axis=0)
    cost = (
        weights.cycle_cost * cuts.discharge_kw.sum()
        + weights.ev_discomfort * (problem.ev_discomfort[:, None] * cuts.ev_kw).sum()
        + weights.heat_discomfort * cuts.heat_kw.sum()
        + weights.behind * np.maximum(0.0, -shed).sum()
        + weights.fairness * (purpose**2 / share).sum()
        + weights.shortfall * np.maximum(0.0, missing).sum()
        + weights.surplus * np.maximum(0.0, -missing).sum()
    )
    for limit in problem.limits:
        drawn_kw = (bounds.baseline_kw - shed)[problem.homes_of(limit)].sum(axis=0)
        over = np.maximum(0.0, np.where(np.isfinite(limit.most_kw), drawn_kw - limit.most_kw, 0.0))
        under = np.maximum(0.0, np.where(np.isfinite(limit.least_kw), limit.least_kw - drawn_kw, 0.0))
        cost += limit.penalty_most * over.sum() + limit.penalty_least * under.sum()
    return float(cost * bounds.hours)


def check_bounds(problem: AllocationProblem, cuts: Cuts) -> None:
    bounds = problem.envelope
    total = cuts.discharge_kw + cuts.ev_kw + cuts.heat_kw
    assert (total <= bounds.headroom_kw + 1e-9).all()
    for values, most in (
        (cuts.discharge_kw, bounds.battery_kw),
        (cuts.ev_kw, bounds.ev_kw),
        (cuts.heat_kw, bounds.heat_kw),
    ):
        assert (values >= 0).all() and (values <= most).all()
    assert (cuts.discharge_kw.sum(axis=1) * bounds.hours <= bounds.battery_kwh + 1e-9).all()
    assert (cuts.heat_kw.sum(axis=1) * bounds.hours <= bounds.heat_kwh + 1e-9).all()


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_columns_and_the_one_program_cost_the_same(seed: int) -> None:
    problem = drawn(seed)
    ours, theirs = solve_shed(problem, effort=TIGHT), solve_fleet(problem)
    assert ours.objective is not None and theirs.objective is not None and ours.gap is not None
    check_bounds(problem, ours)
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-5, abs=1e-5)
    assert cost_of(problem, ours) <= ours.objective + 1e-7
    assert cost_of(problem, ours) >= ours.objective * (1 - ours.gap) - 1e-7
    assert cost_of(problem, theirs) == pytest.approx(theirs.objective, rel=1e-5, abs=1e-5)


def test_homes_share_in_proportion_and_by_weight() -> None:
    bounds = envelope(200, 10, battery_kw=np.where(np.arange(200) % 2, 2.0, 4.0)[:, None])
    weight = np.where(np.arange(200) < 100, 1.0, 0.5)
    problem = AllocationProblem(np.full(10, 225.0), bounds, share_weight=weight)
    result = allocate(problem, effort=Effort(gap=1e-5, grain=0.0))
    assert result.solver == "columns"
    # shares are 4, 2, 2 and 1 kW of 50 homes each: 225 kW are half of them
    expected = np.where(np.arange(200) % 2, 1.0, 2.0) * weight
    assert result.shed_kw == pytest.approx(np.repeat(expected[:, None], 10, axis=1), abs=0.2)
    assert np.abs(result.shed_kw - expected[:, None]).mean() <= 0.02
    assert result.shed_kw.sum(axis=0) == pytest.approx(np.full(10, 225.0), abs=1e-6)


def test_a_feeder_that_may_not_export_is_priced_and_named() -> None:
    # two areas of 2 homes; the south may not export, so that its homes only cover their own 2 kW each
    problem = AllocationProblem(
        np.array([12.0]),
        envelope(4, 1),
        limits=(at_least("feeder south", np.array([0.0]), zones=(1,), penalty=5.0),),
        zone_of_home=np.array([0, 0, 1, 1]),
    )
    cuts = solve_shed(problem, effort=TIGHT)
    assert cuts.discharge_kw.sum() == pytest.approx(12.0, abs=1e-4)
    assert cuts.discharge_kw[2:].sum() == pytest.approx(4.0, abs=1e-4)
    for path in (replace(problem, target_kw=np.array([14.0])), enlarged(problem, target_kw=14.0)):
        # 2 kW more than the north has would be exported by the south at 5.00, less than the 10.00 of a shortfall
        short = allocate(path)
        assert short.shed_kw.sum() == pytest.approx(float(path.target_kw[0]), rel=1e-4)
        assert short.explanation[-2].startswith("feeder south costs 5.00 per kWh in interval 1")
        assert short.explanation[-1].startswith("feeder south is missed by up to ")
    assert solve_fleet(problem).objective == pytest.approx(cuts.objective, rel=1e-5)


def enlarged(problem: AllocationProblem, *, target_kw: float) -> AllocationProblem:
    """The same homes five hundred times, for the path of large fleets."""
    bounds = problem.envelope
    times = 500
    names = (
        "baseline_kw",
        "idle_net_kw",
        "battery_kw",
        "battery_kwh",
        "ev_kw",
        "heat_kw",
        "heat_kwh",
        "headroom_kw",
    )
    many: dict[str, Any] = {name: np.concatenate([getattr(bounds, name)] * times) for name in names}
    assert problem.zone_of_home is not None
    return replace(
        problem,
        target_kw=np.array([target_kw * times]),
        envelope=envelope(4 * times, 1, **many),
        zone_of_home=np.concatenate([problem.zone_of_home] * times),
    )


def test_threads_give_the_same_plan() -> None:
    problem = drawn(3, homes=300, steps=8)
    with ThreadPoolExecutor(2) as pool:
        assert np.array_equal(
            solve_shed(problem, spread=pool.map).discharge_kw, solve_shed(problem).discharge_kw
        )


def test_a_plan_in_no_time_is_still_a_plan() -> None:
    problem = drawn(4, homes=300, steps=8)
    cuts = solve_shed(problem, effort=Effort(time_left=lambda: 0.0, grain=1e-4))
    check_bounds(problem, cuts)
    assert cuts.gap is not None and cuts.gap > 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"share_weight": np.zeros(1)}, "share_weight needs 1 factors of more than 0"),
        ({"zone_of_home": np.zeros(2, np.intp)}, "1 homes need a zone each"),
        ({"limits": (at_most("cap", np.ones(3)),)}, "cap has 3 steps, the target 1"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(AllocationError, match=words):
        AllocationProblem(np.ones(1), envelope(), **change)  # type: ignore[arg-type]
