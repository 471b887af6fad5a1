from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from vpp.dispatch.correction import Correction, CorrectionError, Running, correct, corrected
from vpp.dispatch.coupling import Limit, at_least, at_most

Floats = NDArray[np.float64]


def running(homes: int = 2, intervals: int = 2, **changes: Any) -> Running:
    """Homes that shed 1 of at most 4 kW with 10 kWh to spare, a quarter-hour each interval."""
    shape = (homes, intervals)
    grid = {"shed_kw": 1.0, "least_kw": 0.0, "most_kw": 4.0}
    rows = {"spare_kwh": 10.0, "response": 1.0}
    arrays: dict[str, Any] = {
        name: np.broadcast_to(changes.pop(name, value), shape).astype(float) for name, value in grid.items()
    }
    arrays |= {
        name: np.broadcast_to(changes.pop(name, value), shape[:1]).astype(float)
        for name, value in rows.items()
    }
    hours = np.broadcast_to(changes.pop("hours", 0.25), shape[1:]).astype(float)
    return Running(**arrays, hours=hours, **changes)


def ask(plan: Running, *missing_kw: float) -> Correction:
    return correct(plan, np.array(missing_kw))


def test_two_equal_homes_share_what_is_missing() -> None:
    correction = ask(running(), 2.0, 1.0)
    assert correction.shed_kw.tolist() == [[2.0, 1.5], [2.0, 1.5]]
    assert correction.changed.tolist() == [True, True]
    assert correction.uncovered_kw.tolist() == [0.0, 0.0]


def test_home_with_most_energy_left_goes_first_and_the_other_is_not_told() -> None:
    correction = ask(running(spare_kwh=[10.0, 1.0]), 2.0, 2.0)
    assert correction.shed_kw == pytest.approx(np.array([[3.0, 3.0], [1.0, 1.0]]))
    assert correction.changed.tolist() == [True, False]


def test_home_that_gives_half_of_what_it_is_asked_is_asked_for_twice_as_much() -> None:
    correction = ask(running(homes=1, intervals=1, response=0.5), 1.0)
    assert correction.shed_kw == pytest.approx(np.array([[3.0]]))
    assert correction.uncovered_kw == pytest.approx(np.array([0.0]), abs=1e-12)


def test_home_that_does_not_respond_is_left_alone() -> None:
    correction = ask(running(response=[0.0, 1.0]), 4.0, 0.0)
    assert correction.shed_kw.tolist() == [[1.0, 1.0], [4.0, 1.0]]
    assert correction.uncovered_kw.tolist() == [1.0, 0.0]


def test_energy_is_spent_once() -> None:
    correction = ask(running(homes=1, spare_kwh=0.5), 1.5, 1.5)
    assert correction.shed_kw == pytest.approx(np.array([[2.5, 1.5]]))
    assert correction.uncovered_kw == pytest.approx(np.array([0.0, 1.0]))


def test_surplus_is_taken_back_and_its_energy_helps_later() -> None:
    correction = ask(running(homes=1, spare_kwh=0.0), -0.8, 0.8)
    assert correction.shed_kw == pytest.approx(np.array([[0.2, 1.8]]))
    assert correction.uncovered_kw == pytest.approx(np.array([0.0, 0.0]), abs=1e-12)


def test_no_home_is_let_off_below_what_it_was_asked_anyway() -> None:
    correction = ask(running(shed_kw=[[1.0, 1.0], [3.0, 3.0]]), -5.0, -2.0)
    assert correction.shed_kw == pytest.approx(np.array([[0.0, 0.5], [0.0, 1.5]]))
    assert correction.uncovered_kw == pytest.approx(np.array([-1.0, 0.0]), abs=1e-12)


def test_export_limit_of_a_grid_area_holds_and_others_make_up_for_it() -> None:
    limit = at_least("feeder", np.array([-1.0]), zones=(0,))
    plan = running(
        homes=3, intervals=1, net_kw=np.zeros((3, 1)), limits=(limit,), zone_of_home=np.array([0, 0, 1])
    )
    correction = ask(plan, 3.0)
    assert correction.shed_kw == pytest.approx(np.array([[1.5], [1.5], [3.0]]))
    assert correction.uncovered_kw == pytest.approx(np.array([0.0]), abs=1e-9)
    assert ask(plan, 6.0).uncovered_kw == pytest.approx(np.array([2.0]))


def test_import_limit_holds_when_homes_are_let_off() -> None:
    limit = at_most("feeder", np.array([0.5]))
    plan = running(intervals=1, net_kw=np.zeros((2, 1)), limits=(limit,))
    correction = ask(plan, -1.0)
    assert correction.shed_kw == pytest.approx(np.array([[0.75], [0.75]]))
    assert correction.uncovered_kw == pytest.approx(np.array([-0.5]))


def test_no_homes_leave_everything_uncovered() -> None:
    assert ask(running(homes=0), 2.0, 0.0).uncovered_kw.tolist() == [2.0, 0.0]


def test_next_correction_starts_from_this_one() -> None:
    plan = running(homes=1, spare_kwh=1.0, net_kw=np.zeros((1, 2)))
    after = corrected(plan, ask(plan, 2.0, 1.0))
    assert after.shed_kw.tolist() == [[3.0, 2.0]]
    assert after.spare_kwh.tolist() == [0.25]
    assert after.net_kw is not None
    assert after.net_kw.tolist() == [[-2.0, -1.0]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"shed_kw": np.nan},
        {"shed_kw": 5.0},
        {"least_kw": 2.0},
        {"spare_kwh": -1.0},
        {"response": -0.1},
        {"response": np.inf},
        {"hours": 0.0},
        {"limits": (at_least("feeder", np.zeros(2)),)},
        {"limits": (at_least("feeder", np.zeros(3)),), "net_kw": np.zeros((2, 2))},
        {
            "limits": (at_least("f", np.zeros(2)),),
            "net_kw": np.zeros((2, 2)),
            "zone_of_home": np.zeros(3, int),
        },
    ],
)
def test_plan_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(CorrectionError):
        running(**wrong)


@pytest.mark.parametrize("missing", [[1.0], [1.0, np.nan]])
def test_shortfall_without_sense_is_refused(missing: list[float]) -> None:
    with pytest.raises(CorrectionError):
        ask(running(), *missing)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(CorrectionError):
        Running(np.ones((2, 2)), np.zeros((2, 1)), np.ones((2, 2)), np.ones(2), np.ones(2), np.ones(2))
    with pytest.raises(CorrectionError):
        Running(np.ones((2, 2)), np.zeros((2, 2)), np.ones((2, 2)), np.ones(1), np.ones(2), np.ones(2))
    with pytest.raises(CorrectionError):
        Running(np.ones((2, 2)), np.zeros((2, 2)), np.ones((2, 2)), np.ones(2), np.ones(2), np.ones(3))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Running, Floats]:
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    homes, intervals = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    most = chance.uniform(0.0, 5.0, (homes, intervals))
    plan = Running(
        shed_kw=most * chance.choice([0.0, 0.5, 1.0], (homes, intervals)),
        least_kw=-most,
        most_kw=most,
        spare_kwh=chance.choice([0.0, 0.3, 5.0], homes) * chance.uniform(0, 1, homes),
        response=chance.choice([0.0, 0.4, 1.0, 1.2], homes),
        hours=chance.choice([1 / 60, 0.25, 1.0], intervals),
        net_kw=chance.uniform(-3, 3, (homes, intervals)),
        limits=_limits(chance, intervals) if draw(st.booleans()) else (),
        zone_of_home=chance.integers(0, 2, homes),
    )
    return plan, chance.uniform(-0.5, 1.0, intervals) * float(most.sum() / intervals)


def _limits(chance: np.random.Generator, intervals: int) -> tuple[Limit, ...]:
    return (
        at_least("zone 0", -chance.uniform(0, 10, intervals), zones=(0,)),
        Limit("all", -chance.uniform(0, 20, intervals), chance.uniform(0, 20, intervals)),
    )


@settings(deadline=None, max_examples=150)
@given(cases())
def test_bounds_energies_and_limits_hold_and_the_sum_is_exact(case: tuple[Running, Floats]) -> None:
    plan, missing = case
    correction = correct(plan, missing)
    change = correction.shed_kw - plan.shed_kw
    assert (correction.shed_kw >= plan.least_kw).all()
    assert (correction.shed_kw <= plan.most_kw).all()
    assert (np.cumsum(change * plan.hours, axis=1) <= plan.spare_kwh[:, None] + 1e-9).all()
    assert correction.uncovered_kw == pytest.approx(missing - plan.response @ change, abs=1e-9)
    assert (change[~correction.changed] == 0).all()
    assert (np.sign(missing) * np.sign(change) >= 0).all()
    assert plan.net_kw is not None
    assert plan.zone_of_home is not None
    for limit in plan.limits:
        below = np.ones(len(change), bool) if limit.zones is None else plan.zone_of_home == 0
        before, after = plan.net_kw[below].sum(axis=0), (plan.net_kw - change)[below].sum(axis=0)
        assert (after >= np.minimum(before, limit.least_kw) - 1e-9).all()
        assert (after <= np.maximum(before, limit.most_kw) + 1e-9).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_one_interval_is_covered_as_far_as_a_linear_program_covers_it(seed: int) -> None:
    chance = np.random.default_rng(seed)
    homes = 8
    plan = running(
        homes,
        1,
        most_kw=chance.uniform(1, 5, (homes, 1)),
        spare_kwh=chance.uniform(0, 1, homes),
        response=chance.uniform(0.1, 1.1, homes),
    )
    missing = float(chance.uniform(0, 30))
    best = linprog(
        -plan.response,
        A_ub=plan.response[None, :],
        b_ub=[missing],
        bounds=[
            (0, min(most - 1, spare * 4))
            for most, spare in zip(plan.most_kw[:, 0], plan.spare_kwh, strict=True)
        ],
        method="highs",
    )
    assert ask(plan, missing).uncovered_kw[0] == pytest.approx(missing + best.fun, abs=1e-8)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1))
def test_whole_event_with_constant_powers_is_covered_as_well_as_can_be(seed: int) -> None:
    """Time to go: what can be covered at all is; HiGHS says what can."""
    chance = np.random.default_rng(seed)
    homes, steps = 5, 4
    room = chance.uniform(0.5, 4, homes)
    plan = running(homes, steps, shed_kw=0.0, most_kw=room[:, None], spare_kwh=chance.uniform(0, 2, homes))
    missing = chance.uniform(0, 1, steps) * room.sum()
    by_home = np.kron(np.eye(homes), np.full((1, steps), 0.25))
    by_step = np.kron(np.ones((1, homes)), np.eye(steps))
    best = linprog(
        -np.ones(homes * steps),
        A_ub=np.vstack([by_home, by_step]),
        b_ub=np.concatenate([plan.spare_kwh, missing]),
        bounds=np.column_stack([np.zeros(homes * steps), np.repeat(room, steps)]),
        method="highs",
    )
    left = float(missing.sum() + best.fun)
    if left < 1e-9:
        assert correct(plan, missing).uncovered_kw == pytest.approx(np.zeros(steps), abs=1e-7)
    else:
        assert correct(plan, missing).uncovered_kw.sum() >= left - 1e-7
