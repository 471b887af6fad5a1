"""Homes of any kind under shared limits: against one program in cvxpy, by hand, and where something is missing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.benchmarks.dispatch import random_homes
from tests.benchmarks.street import street_of_a_day
from tests.vpp.dispatch.mixed_homes import drawn_street
from tests.vpp.scheduling.test_home import assert_kept
from vpp.dispatch.battery_plan import plan_batteries
from vpp.dispatch.coordinate import Effort
from vpp.dispatch.coupling import CouplingError, Limit, at_most, couple
from vpp.dispatch.fleet_plan import MixedPlan, plan_fleet
from vpp.dispatch.fleet_program import solve_homes_as_one
from vpp.dispatch.home_fleet import HomesCannotError
from vpp.dispatch.home_stack import is_row
from vpp.dispatch.mixed_fleet import Zones
from vpp.resources.appliance import Appliance
from vpp.resources.battery import Battery
from vpp.resources.ev import Ev, Stay
from vpp.resources.horizon import Horizon
from vpp.resources.load import Load
from vpp.scheduling.battery_problem import ScheduleError
from vpp.scheduling.home import plan_home
from vpp.scheduling.home_problem import HomeProblem
from vpp.scheduling.prices import Prices

HOURS = Horizon(2, 1.0)
FLAT = Prices(np.array([0.10, 0.40]), np.array([0.05, 0.05]))
TIGHT = Effort(gap=1e-5, rounds=400)
NO_BATTERY = np.zeros(0, np.intp)


def capped(homes: list[HomeProblem], share: float = 0.8) -> list[Limit]:
    """A cap below what the homes would draw by themselves at their peak."""
    free = np.sum([plan_home(home).meter_kw for home in homes], axis=0)
    return [at_most("feeder", np.full(len(free), share * max(1.0, float(free.max()))), penalty=3.0)]


def check(homes: list[HomeProblem], plan: MixedPlan) -> None:
    """Every home is within its own bounds, and what is said of the whole is true of these very powers."""
    for home, behavior in zip(homes, plan.homes, strict=True):
        assert_kept(home, behavior)
        assert set(behavior.power_kw) == {one.name for one in home.resources}
    cost = sum(behavior.cost.total for behavior in plan.homes)
    total = np.sum([behavior.meter_kw for behavior in plan.homes], axis=0)
    if plan.batteries is not None:
        cost += float(plan.batteries.cost.sum())
        total = total + plan.batteries.grid_kw.sum(axis=0)
    assert plan.sums_kw[0] == pytest.approx(total, abs=1e-9)
    assert plan.certificate.dual <= plan.certificate.primal + 1e-6
    assert plan.certificate.primal >= cost - 1e-9
    worst = float(np.maximum(plan.below_kw, plan.above_kw).max())
    assert plan.certificate.violation_kw == worst


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=15)
def test_convex_homes_cost_what_the_whole_program_says(seed: int) -> None:
    homes = drawn_street(seed)
    limits = capped(homes)
    plan = plan_fleet(homes, limits, effort=TIGHT)
    coupling = couple(limits, zones=1, steps=6, step_h=1.0)
    best = solve_homes_as_one(homes, coupling, zone_of_home=np.zeros(5, np.intp))
    assert plan.certificate.dual <= best.objective + 1e-5
    assert plan.certificate.primal == pytest.approx(best.objective, rel=1e-3, abs=1e-3)
    check(homes, plan)


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=10)
def test_homes_that_switch_are_above_the_optimum_by_no_more_than_is_said(seed: int) -> None:
    homes = drawn_street(seed, switching=2)
    limits = capped(homes)
    plan = plan_fleet(homes, limits)
    coupling = couple(limits, zones=1, steps=6, step_h=1.0)
    best = solve_homes_as_one(homes, coupling, zone_of_home=np.zeros(5, np.intp))
    assert plan.certificate.dual <= best.objective + 1e-5 <= plan.certificate.primal + 2e-5
    assert plan.certificate.finished == (plan.certificate.gap <= 1e-3)
    assert plan.certificate.finished or "from the least cost there is" in plan.explanation[-1]
    check(homes, plan)


def small_home(name: str, *more: Any, **changed: Any) -> HomeProblem:
    """1 kW of load in both hours, the first of which is cheap."""
    fields: dict[str, Any] = {"prices": FLAT}
    return HomeProblem(name, (Load("the load", HOURS, np.ones(2)), *more), **(fields | changed))


def store(**changed: Any) -> Any:
    lossless = Battery(2.0, 2.0, 2.0, charge_efficiency=1.0, discharge_efficiency=1.0, reserve_soc=0.0)
    return replace(lossless.store(HOURS, soc=0.0), **changed)


def test_a_battery_gives_way_to_a_car_and_the_price_is_the_spread() -> None:
    car = Ev(4.0, capacity_kwh=20.0, charge_efficiency=1.0).store(
        HOURS, start_kwh=0.0, stays=[Stay(0, 1, ready_kwh=2.0)]
    )
    homes = [small_home("one", store()), small_home("two", store(), car)]
    plan = plan_fleet(homes, [at_most("feeder", np.array([5.0, np.inf]))], effort=TIGHT)
    # two of load, two for the car, one left for the batteries, which would take two and save 0.30 with each
    assert plan.sums_kw == pytest.approx(np.array([[5.0, 1.0]]), abs=1e-6)
    assert plan.homes[1].power_kw["the car"] == pytest.approx(np.array([2.0, 0.0]), abs=1e-6)
    assert plan.prices == pytest.approx(np.array([[0.30, 0.0]]), abs=1e-4)
    assert plan.certificate.primal == pytest.approx(0.10 * 5 + 0.40, abs=1e-6)
    assert plan.explanation == ("feeder costs 0.30 per kWh at step 0.",)


def test_machines_take_turns_though_half_a_run_is_none() -> None:
    machines = [small_home(name, Appliance("machine", HOURS, [2.0])) for name in ("one", "two")]
    plan = plan_fleet(machines, [at_most("feeder", np.full(2, 4.0), penalty=10.0)])
    assert sorted(home.power_kw["machine"].tolist() for home in plan.homes) == [[0.0, 2.0], [2.0, 0.0]]
    assert plan.certificate.violation_kw == pytest.approx(0.0, abs=1e-9)
    assert plan.certificate.primal == pytest.approx(0.10 * 4 + 0.40 * 4)


def test_of_its_answers_a_home_follows_the_one_that_misses_least() -> None:
    # three quarters of its mix are in the cheap hour, where a whole run is 0.5 kW too much; in the other it is 0.1
    machine = small_home("one", Appliance("machine", HOURS, [2.0]))
    plan = plan_fleet([machine], [at_most("feeder", np.array([2.5, 2.9]), penalty=10.0)], effort=TIGHT)
    assert plan.homes[0].power_kw["machine"].tolist() == [0.0, 2.0]
    assert plan.certificate.violation_kw == pytest.approx(0.1)
    assert plan.certificate.dual == pytest.approx(0.10 * 2.5 + 0.40 * 1.5, abs=1e-4)


def test_the_rest_makes_room_for_a_run_that_is_whole() -> None:
    machine = small_home("one", Appliance("machine", HOURS, [2.0]))
    homes = [
        machine,
        small_home("two", store()),
        small_home("three", store(), Load("more", HOURS, np.zeros(2))),
    ]
    plan = plan_fleet(homes, [at_most("feeder", np.array([6.5, 9.0]), penalty=10.0)], effort=TIGHT)
    assert plan.certificate.violation_kw == pytest.approx(0.0, abs=1e-9)
    assert plan.certificate.primal == pytest.approx(0.10 * 6.5 + 0.40 * 1.5)
    check(homes, plan)


def test_what_rounding_leaves_open_is_said() -> None:
    machine = small_home("one", Appliance("machine", HOURS, [2.0]))
    plan = plan_fleet([machine], [at_most("feeder", np.full(2, 2.0), penalty=10.0)], effort=TIGHT)
    assert plan.certificate.violation_kw == pytest.approx(1.0)
    assert not plan.certificate.finished
    assert plan.certificate.dual == pytest.approx(0.10 * 2 + 0.40 * 2, abs=1e-6)  # half a run in each hour
    assert plan.certificate.primal == pytest.approx(0.10 * 3 + 0.40 + 10.0)
    assert "1 homes that switch follow one answer" in plan.explanation[-1]


def test_batteries_as_arrays_and_homes_of_one_battery_are_the_same_fleet() -> None:
    problem = random_homes(40, seed=2, steps=12)
    limits = [at_most("cap", np.full(12, 45.0))]
    horizon = Horizon(12, 2.0)
    fleet = problem.fleet()
    homes = []
    for home in range(20, 40):
        battery = Battery(
            float(fleet.most[home, 0]), float(fleet.charge[home, 0]) / 2, float(fleet.discharge[home, 0]) / 2,
            float(fleet.charge_efficiency[home, 0]), float(fleet.discharge_efficiency[home, 0]),
            cycle_cost_per_kwh=float(fleet.wear[home, 0]),
        )  # fmt: skip
        start = float(fleet.start[home, 0] / fleet.most[home, 0])
        prices = Prices(np.asarray(problem.buy_per_kwh), np.asarray(problem.sell_per_kwh))
        resources = (Load("the load", horizon, problem.net_kw[home]), battery.store(horizon, soc=start))
        homes.append(HomeProblem(f"home {home}", resources, prices))
    assert all(is_row(home) for home in homes)
    plan = plan_fleet(homes, limits, batteries=problem.select(np.arange(20)), effort=TIGHT)
    whole = plan_batteries(problem, limits, effort=TIGHT)
    assert plan.certificate.primal == pytest.approx(whole.certificate.primal, rel=2e-5)
    check(homes, plan)


def test_a_street_beside_many_batteries_keeps_the_cap() -> None:
    batteries, homes = random_homes(700, seed=1, steps=24), street_of_a_day(20, seed=1, heated=6, steps=24)
    plan = plan_fleet(homes, [at_most("cap", np.full(24, 720.0))], batteries=batteries)
    assert plan.certificate.finished and plan.certificate.violation_kw <= 1e-3
    assert plan.prices.max() > 0.0
    check(homes, plan)


def test_zones_have_limits_of_their_own() -> None:
    homes = drawn_street(3, homes=4)
    zones = Zones(NO_BATTERY, np.array([0, 1, 0, 1], np.intp))
    north = np.sum([plan_home(home).meter_kw for home in homes[1::2]], axis=0)
    limits = [at_most("north", np.full(6, 0.8 * float(north.max())), zones=(1,), penalty=3.0)]
    plan = plan_fleet(homes, limits, zones=zones, effort=TIGHT)
    drawn = np.sum([plan.homes[number].meter_kw for number in (1, 3)], axis=0)
    assert plan.sums_kw[0] == pytest.approx(drawn, abs=1e-9)
    for number in (0, 2):
        assert plan.homes[number].cost.total == pytest.approx(plan_home(homes[number]).objective, abs=1e-6)


def test_at_the_deadline_the_best_so_far_is_used() -> None:
    homes = drawn_street(7, switching=2)
    plan = plan_fleet(homes, capped(homes), effort=Effort(gap=1e-9, time_left=lambda: 0.0))
    assert plan.certificate.rounds == 1
    check(homes, plan)


def test_homes_that_cannot_are_named_with_what_gives_way() -> None:
    car = Ev(4.0, capacity_kwh=20.0, charge_efficiency=1.0)
    hungry = car.store(HOURS, start_kwh=0.0, stays=[Stay(0, 2, ready_kwh=6.0)])
    homes = [small_home(name, store(), hungry, import_limit_kw=limit) for name, limit in
             (("one", 9.0), ("two", 3.0), ("three", 3.5))]  # fmt: skip
    with pytest.raises(HomesCannotError) as caught:
        plan_fleet(homes, [])
    assert caught.value.detail == (
        "three: the car cannot have 6 kWh by step 2: at most 5 kWh, beside the other resources and within an import "
        "limit of 3.5 kW; two: the car cannot have 6 kWh by step 2: at most 4 kWh, beside the other resources and "
        "within an import limit of 3 kW"
    )
    too_much = car.store(HOURS, start_kwh=0.0, stays=[Stay(0, 2, ready_kwh=9.0)])
    with pytest.raises(HomesCannotError, match="one: the car cannot have 9 kWh by step 2: at most 8 kWh"):
        plan_fleet([small_home("one", store(), too_much)], [])


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda: plan_fleet([], []), CouplingError, "there are no homes"),
        (
            lambda: plan_fleet([small_home("one")], [], batteries=random_homes(2, seed=0, steps=4)),
            CouplingError,
            "homes have different horizons",
        ),
        (
            lambda: plan_fleet([small_home("one")], [], zones=Zones(NO_BATTERY, np.array([-1]))),
            CouplingError,
            "a zone is a number of 0 or more",
        ),
        (
            lambda: plan_fleet([small_home("one")], [], zones=Zones(NO_BATTERY, NO_BATTERY)),
            CouplingError,
            "0 batteries and 1 homes need a zone each",
        ),
        (
            lambda: plan_fleet([small_home("one", goal="self_consumption")], []),
            ScheduleError,
            "the goal of one is self_consumption: it cannot be coordinated",
        ),
        (
            lambda: plan_fleet([small_home("one")], [], warm=np.zeros((1, 2))),
            CouplingError,
            "do not fit limits",
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(ask: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        ask()
