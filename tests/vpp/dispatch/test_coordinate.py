"""Coordinated batteries: against cvxpy and Clarabel, by hand, by properties, and what comes back when time is short."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.benchmarks.dispatch import random_homes
from vpp.dispatch.battery_fleet import split_homes
from vpp.dispatch.battery_plan import FleetPlan, plan_batteries, sample_sizes
from vpp.dispatch.battery_program import solve_as_one
from vpp.dispatch.coordinate import Effort
from vpp.dispatch.coupling import CouplingError, Limit, at_least, at_most, couple
from vpp.scheduling.battery_oracle import solve_batteries
from vpp.scheduling.battery_problem import BatteryProblem, InfeasibleScheduleError

TIGHT = Effort(gap=1e-6, rounds=600)


def two_homes(**changed: object) -> BatteryProblem:
    """Two homes that draw 1 kW for two hours, cheap then dear, each with a battery of 2 kWh without losses."""
    fields: dict[str, object] = {
        "net_kw": np.ones((2, 2)),
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
    return BatteryProblem(**(fields | changed))  # type: ignore[arg-type]


def test_a_cap_holds_back_the_cheap_hour_and_its_price_is_the_spread() -> None:
    # free, both would draw 2 kW in the cheap hour; the cap of 3 kW leaves one kWh that saves 0.30
    plan = plan_batteries(two_homes(), [at_most("feeder", np.array([3.0, np.inf]))], effort=TIGHT)
    assert plan.sums_kw == pytest.approx(np.array([[3.0, 1.0]]), abs=1e-6)
    assert plan.prices == pytest.approx(np.array([[0.30, 0.0]]), abs=1e-4)
    assert plan.certificate.primal == pytest.approx(0.10 * 3 + 0.40, abs=1e-6)
    assert plan.certificate.violation_kw <= 1e-6
    assert plan.explanation == ("feeder costs 0.30 per kWh at step 0.",)


def test_what_cannot_be_met_is_said_and_priced_at_its_penalty() -> None:
    limit = at_most("event", np.array([np.inf, -5.0]), penalty=10.0)
    plan = plan_batteries(two_homes(), [limit], effort=TIGHT)
    assert plan.above_kw == pytest.approx(
        np.array([[0.0, 3.0]]), abs=1e-6
    )  # both batteries give all they have
    assert plan.prices == pytest.approx(np.array([[0.0, 10.0]]), abs=1e-3)
    assert plan.explanation[1] == "event cannot be kept: 3.0 kW above it at step 1, in 1 steps in all."


def test_without_limits_each_home_is_its_own_optimum() -> None:
    problem = random_homes(30, seed=4)
    plan = plan_batteries(problem, [])
    alone = solve_batteries(problem)
    assert plan.homes.cost == pytest.approx(alone.objective, abs=1e-9)
    assert plan.certificate.rounds == 1 and plan.certificate.gap <= 1e-9


def drawn(seed: int) -> tuple[BatteryProblem, list[Limit], NDArray[np.intp]]:
    """A dozen homes behind three transformers, with a cap of all, caps of some, and a floor.

    The floor's penalty is below what is earned by selling: beyond it the program, unlike a battery, would burn energy.
    """
    chance = np.random.default_rng(seed)
    problem = random_homes(12, seed=seed, steps=8)
    zones = np.arange(12) % 3
    free = solve_batteries(problem).grid_kw
    limits = [
        at_most("fleet", np.quantile(free.sum(axis=0), 0.7) * np.ones(8), penalty=3.0),
        at_most("north", np.full(8, free[zones == 1].sum(axis=0).max() * 0.8), zones=(1,), penalty=3.0),
        at_least("south", np.full(8, free[zones == 2].sum(axis=0).min() * 0.5), zones=(2,), penalty=0.05),
    ]
    return problem, limits[: int(chance.integers(1, 4))], zones


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=25)
def test_the_whole_program_says_the_same(seed: int) -> None:
    problem, limits, zones = drawn(seed)
    plan = plan_batteries(problem, limits, zone_of_home=zones, effort=replace(TIGHT, gap=1e-5))
    coupling = couple(limits, zones=3, steps=8, step_h=problem.step_h)
    referee = solve_as_one(problem, coupling, zone_of_home=zones)
    assert plan.certificate.dual <= referee.objective + 1e-5
    assert plan.certificate.primal >= referee.objective - 1e-5
    assert plan.certificate.primal == pytest.approx(referee.objective, rel=1e-3, abs=1e-3)
    check_bounds(problem, plan)


def behind_limits(problem: BatteryProblem, *, seed: int) -> BatteryProblem:
    """The same homes behind tight limits of their own; those that could not keep them have none."""
    chance = np.random.default_rng(seed)
    homes = len(problem.net_kw)
    limited = replace(
        problem,
        import_kw=chance.uniform(0.6, 1.2, homes) * np.maximum(0.5, problem.net_kw.max(axis=1)),
        export_kw=chance.uniform(0.6, 1.2, homes) * np.maximum(0.5, -problem.net_kw.min(axis=1)),
    )
    too_tight = []
    for home in range(homes):
        try:
            solve_batteries(limited.select(np.array([home])))
        except InfeasibleScheduleError:
            too_tight.append(home)
    assert limited.import_kw is not None and limited.export_kw is not None
    for limit in (limited.import_kw, limited.export_kw):
        np.asarray(limit)[too_tight] = np.inf
    return limited


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=20)
def test_homes_keep_their_own_limits_beside_the_shared_ones(seed: int) -> None:
    problem, limits, zones = drawn(seed)
    problem = behind_limits(problem, seed=seed)
    plan = plan_batteries(problem, limits, zone_of_home=zones, effort=replace(TIGHT, gap=1e-5))
    coupling = couple(limits, zones=3, steps=8, step_h=problem.step_h)
    referee = solve_as_one(problem, coupling, zone_of_home=zones)
    assert plan.certificate.dual <= referee.objective + 1e-5
    assert plan.certificate.primal == pytest.approx(referee.objective, rel=1e-3, abs=1e-3)
    least, most = (bound / problem.step_h for bound in problem.grid_bounds())
    assert (plan.homes.grid_kw <= most + 1e-9).all() and (plan.homes.grid_kw >= least - 1e-9).all()
    check_bounds(problem, plan)


def test_a_sample_of_homes_has_their_limits_too() -> None:
    problem = replace(random_homes(1300, seed=5, steps=12), import_kw=4.5, export_kw=7.0)
    cap = np.full(12, 0.7 * solve_batteries(problem).grid_kw.sum(axis=0).max())
    plan = plan_batteries(problem, [at_most("cap", cap)])
    assert plan.certificate.finished
    assert plan.homes.grid_kw.max() <= 4.5 + 1e-9 and plan.homes.grid_kw.min() >= -7.0 - 1e-9


def test_a_home_too_weak_for_its_limit_is_named_with_the_limit() -> None:
    problem = two_homes(import_kw=np.array([9.0, 0.5]), discharge_kw=0.25, names=("one", "two"))
    with pytest.raises(InfeasibleScheduleError, match=r"import limit cannot be kept at step 0 .*: two"):
        plan_batteries(problem, [at_most("cap", np.full(2, 9.0))])


def check_bounds(problem: BatteryProblem, plan: FleetPlan) -> None:
    """Energy is conserved, bounds hold, and the certificate is true of this very plan."""
    fleet, homes = problem.fleet(), plan.homes
    into = homes.charge_kw * fleet.charge_efficiency - homes.discharge_kw / fleet.discharge_efficiency
    followed = fleet.start + np.cumsum(into * problem.step_h, axis=1)
    assert followed == pytest.approx(homes.stored_kwh, abs=1e-7)
    assert (homes.stored_kwh >= fleet.least - 1e-9).all() and (homes.stored_kwh <= fleet.most + 1e-9).all()
    assert (np.minimum(homes.charge_kw, homes.discharge_kw) == 0).all()
    assert problem.net_kw + homes.charge_kw - homes.discharge_kw == pytest.approx(homes.grid_kw, abs=1e-9)
    assert plan.certificate.dual <= plan.certificate.primal + 1e-9


def test_a_large_fleet_learns_its_prices_from_a_sample() -> None:
    problem = random_homes(4200, seed=5, steps=12)
    cap = np.full(12, 0.7 * solve_batteries(problem).grid_kw.sum(axis=0).max())
    with ThreadPoolExecutor(2) as pool:
        plan = plan_batteries(problem, [at_most("cap", cap)], spread=pool.map)
    assert plan.certificate.finished and plan.certificate.gap <= 1e-3
    assert plan.certificate.violation_kw <= 1e-3
    check_bounds(problem, plan)


@pytest.mark.parametrize(
    ("homes", "sizes"), [(599, ()), (600, (100,)), (4200, (700, 116)), (100_000, (1500, 250))]
)
def test_samples_are_a_sixth_of_a_sixth(homes: int, sizes: tuple[int, ...]) -> None:
    assert sample_sizes(homes) == sizes


def test_at_the_deadline_the_best_plan_so_far_is_used() -> None:
    problem = random_homes(60, seed=6, steps=24)
    cap = [at_most("cap", np.full(24, 40.0))]
    hurried = plan_batteries(problem, cap, effort=Effort(time_left=lambda: 0.0))
    assert hurried.certificate.rounds == 1 and not hurried.certificate.finished
    check_bounds(problem, hurried)
    patient = plan_batteries(problem, cap)
    assert patient.certificate.finished and patient.certificate.primal < hurried.certificate.primal


def test_the_prices_of_the_last_run_save_rounds() -> None:
    problem = random_homes(200, seed=7)
    cap = [at_most("cap", np.full(96, 220.0))]
    first = plan_batteries(problem, cap)
    again = plan_batteries(problem, cap, warm=first.prices)
    assert first.certificate.finished and again.certificate.finished
    assert again.certificate.rounds < first.certificate.rounds / 2


@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 40))
def test_every_home_is_in_one_block_of_its_zone(homes: int, zones: int, wanted: int) -> None:
    zone_of_home = np.arange(homes) % zones
    blocks = split_homes(zone_of_home, blocks=wanted)
    assert sorted(blocks.homes.tolist()) == list(range(homes))
    for block, zone in enumerate(blocks.zone_of_block):
        members = blocks.homes[blocks.starts[block] : blocks.starts[block + 1]]
        assert len(members) > 0 and (zone_of_home[members] == zone).all()


def test_a_home_that_cannot_keep_its_reserve_is_named() -> None:
    problem = two_homes(
        least_kwh=np.array([[0.0, 0.0], [0.0, 5.0]]), most_kwh=9.0, end_kwh=0.0, names=("one", "two")
    )
    with pytest.raises(InfeasibleScheduleError, match="cannot be within its bounds: two"):
        plan_batteries(problem, [at_most("cap", np.full(2, 9.0))])


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (lambda: at_most("cap", np.array([np.nan, 1.0])), "cap: a bound is not a number"),
        (lambda: Limit("cap", np.ones(2), np.zeros(2)), "cap: the bounds are reversed at step 0"),
        (lambda: at_most("cap", np.ones(2), penalty=-1.0), "cap: a penalty of -1.0 makes no sense"),
        (lambda: at_most("cap", np.full(2, -np.inf)), "cap: a bound nothing can meet"),
        (lambda: at_most("cap", np.ones(3)), "cap has 3 steps, the fleet 2"),
        (lambda: at_most("cap", np.ones(2), zones=(1,)), "cap names a zone that is none of 1"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(limit: object, words: str) -> None:
    with pytest.raises(CouplingError, match=words):
        plan_batteries(two_homes(), [limit()])  # type: ignore[operator]
