"""A home's own optimum against a second formulation, by hand, and where there is none."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.scheduling import home_cases as cases
from tests.vpp.scheduling.home_referee import BIG_KW, referee_cost
from vpp.errors import VppError
from vpp.resources.appliance import Appliance
from vpp.resources.battery import Battery
from vpp.resources.ev import Ev, Stay
from vpp.resources.horizon import Horizon, ImpossibleNeedError
from vpp.resources.load import Load
from vpp.resources.pv import Pv
from vpp.resources.store import Store
from vpp.resources.thermal import Tank
from vpp.scheduling.battery_problem import ScheduleError
from vpp.scheduling.home import plan_home
from vpp.scheduling.home_problem import HomeProblem, InfeasibleHomeError, NoPlanInTimeError
from vpp.scheduling.prices import Prices

HOURS = Horizon(4, 1.0)
LOAD = Load("the load", HOURS, np.ones(4))
BUY, SELL = np.array([0.1, 0.4, 0.2, 0.4]), np.full(4, 0.05)
PRICES = Prices(BUY, SELL)
BATTERY = Battery(4.0, 2.0, 2.0, charge_efficiency=1.0, discharge_efficiency=1.0, reserve_soc=0.0)
STORE = BATTERY.store(HOURS, soc=0.0)
CAR = Ev(3.0, capacity_kwh=40.0, charge_efficiency=1.0)


def home(*resources: Any, **changed: Any) -> HomeProblem:
    fields: dict[str, Any] = {"name": "Elm 1", "resources": resources or (LOAD, STORE), "prices": PRICES}
    return HomeProblem(**(fields | changed))


def drawn_home(seed: int) -> HomeProblem:
    """Any of the kinds, at most one of each, with prices of any sign, limits and a demand charge now and then."""
    chance = np.random.default_rng(seed)
    horizon = Horizon(int(chance.integers(3, 8)), float(chance.choice([0.5, 1.0])))
    kinds = [kind for kind in cases.KINDS if chance.random() < 0.5] or [cases.drawn_battery]
    buy = np.round(chance.uniform(-0.1 if chance.random() < 0.3 else 0.0, 0.5, horizon.steps), 2)
    factor = chance.choice([0.3, 1.0, 1.3], horizon.steps)
    return HomeProblem(
        name="Elm 1",
        resources=tuple(kind(horizon, chance) for kind in kinds),
        prices=Prices(buy, np.round(buy * factor, 3), float(chance.choice([0.0, 0.5]))),
        import_limit_kw=float(chance.uniform(3, 15)) if chance.random() < 0.3 else None,
        export_limit_kw=float(chance.uniform(0, 5)) if chance.random() < 0.3 else None,
        time_limit_s=30.0,
    )


def assert_kept(problem: HomeProblem, plan: Any) -> None:
    """The powers add up to the meter, and everything stays within its bounds."""
    assert plan.meter_kw == pytest.approx(sum(plan.power_kw.values()), abs=1e-7)
    assert (plan.meter_kw <= (problem.import_limit_kw or BIG_KW) + 1e-6).all()
    assert (
        plan.meter_kw >= -(BIG_KW if problem.export_limit_kw is None else problem.export_limit_kw) - 1e-6
    ).all()
    for resource in problem.resources:
        if isinstance(resource, Store):
            power = plan.power_kw[resource.name]
            stored = resource.stored_from(np.maximum(power, 0.0), np.maximum(-power, 0.0))
            assert stored == pytest.approx(plan.stored_kwh[resource.name], abs=1e-5)
            assert (stored >= resource.least_kwh - 1e-5).all()
            assert (stored <= resource.most_kwh + 1e-5).all()


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=40)
def test_no_plan_of_any_home_is_cheaper(seed: int) -> None:
    problem = drawn_home(seed)
    best = referee_cost(
        problem.resources,
        buy=problem.prices.buy_per_kwh,
        sell=problem.prices.sell_per_kwh,
        import_limit_kw=BIG_KW if problem.import_limit_kw is None else problem.import_limit_kw,
        export_limit_kw=BIG_KW if problem.export_limit_kw is None else problem.export_limit_kw,
        demand_per_kw=problem.prices.demand_per_kw,
    )
    if best is None:
        with pytest.raises(VppError) as caught:
            plan_home(problem)
        assert caught.value.code in ("infeasible_home", "impossible_need")
        return
    plan = plan_home(problem)
    assert plan.objective == pytest.approx(best, rel=1e-6, abs=2e-6)
    assert plan.exact
    assert plan.lower_bound <= plan.objective
    assert_kept(problem, plan)


def test_one_battery_goes_by_slope_trick_and_says_what_it_does() -> None:
    plan = plan_home(home())
    assert plan.method == "slope_trick"
    assert plan.power_kw["the battery"].tolist() == [2.0, -1.0, 0.0, -1.0]
    assert plan.cost.total == pytest.approx(3 * 0.1 + 0.2)
    assert plan.explanation == (
        "Elm 1 pays 0.50: import 0.50, export -0.00, demand 0.00, wear 0.00.",
        "No plan can do better.",
        "the battery draws 2.00 kWh from step 0 to step 1.",
        "the battery gives 2.00 kWh from step 1 to step 4, in 2 pieces.",
    )


def test_a_limit_that_the_rest_keeps_stays_with_the_slope_trick_and_binds() -> None:
    plan = plan_home(home(import_limit_kw=1.5))
    assert plan.method == "slope_trick"
    assert plan.meter_kw.max() == pytest.approx(1.5)


def test_sun_that_may_be_curtailed_stays_with_the_slope_trick_until_its_limit_asks_for_it() -> None:
    sun = Pv(3.0, curtailable=True).output(HOURS, [3.0, 0.0, 0.0, 0.0])
    assert plan_home(home(LOAD, sun, STORE, export_limit_kw=2.0)).method == "slope_trick"
    curtailed = plan_home(home(LOAD, sun, export_limit_kw=1.5))
    assert curtailed.method == "lp"
    assert "the solar plant is curtailed by 0.50 kWh." in curtailed.explanation
    assert plan_home(home(LOAD, sun, STORE, prices=Prices(BUY, -SELL))).method == "lp"


def test_a_demand_charge_flattens_the_import() -> None:
    plan = plan_home(home(prices=Prices(BUY, SELL, demand_per_kw=10.0)))
    assert plan.method == "lp"
    assert plan.meter_kw == pytest.approx(np.ones(4))
    assert plan.cost.demand == pytest.approx(10.0)
    free_until_2 = plan_home(home(prices=Prices(BUY, SELL, demand_per_kw=10.0, demand_already_kw=2.0)))
    assert (free_until_2.cost.demand, free_until_2.meter_kw[0]) == (0.0, pytest.approx(2.0))


def test_the_price_of_a_step_is_what_one_kwh_more_costs() -> None:
    prices = Prices(BUY, SELL, demand_per_kw=0.15)
    plan = plan_home(home(prices=prices))
    assert plan.price_per_kwh is not None
    for step in range(4):
        more = LOAD.power_kw + 1e-4 * (np.arange(4) == step)
        dearer = plan_home(home(Load("the load", HOURS, more), STORE, prices=prices))
        less = LOAD.power_kw - 1e-4 * (np.arange(4) == step)
        cheaper = plan_home(home(Load("the load", HOURS, less), STORE, prices=prices))
        low, high = (plan.objective - cheaper.objective) / 1e-4, (dearer.objective - plan.objective) / 1e-4
        assert low - 1e-6 <= plan.price_per_kwh[step] <= high + 1e-6


def test_selling_dearer_than_buying_is_no_money_machine() -> None:
    prices = Prices(np.full(4, 0.1), np.full(4, 0.3))
    plan = plan_home(home(LOAD, prices=prices))
    assert plan.objective == pytest.approx(0.4)
    with_battery = plan_home(home(LOAD, BATTERY.store(HOURS, soc=0.0), prices=prices))
    assert (with_battery.method, with_battery.exact) == ("milp", True)
    assert with_battery.objective == pytest.approx(
        referee_cost([LOAD, STORE], buy=prices.buy_per_kwh, sell=prices.sell_per_kwh)
    )


def test_at_an_export_limit_a_battery_burns_nothing_by_both_ways_at_once() -> None:
    lossy = Battery(2.0, 2.0, 2.0, charge_efficiency=0.5, discharge_efficiency=0.5, reserve_soc=0.0)
    store = lossy.store(HOURS, soc=0.5, end_soc=0.0)
    sun = Pv(3.0).output(HOURS, [3.0, 0.0, 0.0, 0.0])
    plan = plan_home(home(sun, store, export_limit_kw=1.0))
    assert plan.power_kw["the battery"][0] == pytest.approx(2.0)
    with pytest.raises(InfeasibleHomeError) as caught:
        strong = replace(lossy, charge_kw=4.0)  # it could charge 4 kW and discharge 1 kW at once for ever
        full = strong.store(HOURS, soc=1.0, end_soc=0.0)
        plan_home(home(sun, full, export_limit_kw=1.0))
    assert "no way to switch the battery" in caught.value.detail


def test_solar_power_is_curtailed_at_negative_prices_and_it_is_said() -> None:
    sun = Pv(3.0, curtailable=True).output(HOURS, 3.0)
    plan = plan_home(home(LOAD, sun, prices=Prices(BUY, np.full(4, -0.1))))
    assert plan.meter_kw == pytest.approx(np.zeros(4))
    assert "the solar plant is curtailed by 8.00 kWh." in plan.explanation


def test_self_consumption_imports_least_even_where_it_costs_more() -> None:
    sun = Pv(3.0).output(HOURS, [0.0, 3.0, 0.0, 0.0])
    prices = Prices(np.array([0.1, 0.4, 0.12, 0.12]), np.full(4, 0.3))
    cheap = plan_home(home(LOAD, sun, STORE, prices=prices))
    own = plan_home(home(LOAD, sun, STORE, prices=prices, goal="self_consumption"))
    assert own.objective == pytest.approx(1.0)  # the first hour; the sun covers the other three
    assert own.exact
    assert own.price_per_kwh is None
    assert own.cost.total > cheap.cost.total + 0.01


def test_a_reserve_is_kept_and_an_appliance_stays_in_its_window() -> None:
    battery = Battery(4.0, 2.0, 2.0, charge_efficiency=1.0, discharge_efficiency=1.0, reserve_soc=0.5)
    washer = Appliance("the washer", HOURS, [1.0, 1.0], earliest=2)
    plan = plan_home(home(LOAD, battery.store(HOURS, soc=0.75), washer))
    assert plan.stored_kwh["the battery"].min() >= 2.0 - 1e-9
    assert plan.power_kw["the washer"].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert plan.method == "milp"
    assert "the washer runs from step 2 to step 4." in plan.explanation


def test_a_need_beyond_the_charger_names_the_car() -> None:
    with pytest.raises(ImpossibleNeedError, match="the car cannot have 30 kWh by step 4: at most 13 kWh"):
        plan_home(home(LOAD, CAR.store(HOURS, start_kwh=1.0, stays=[Stay(0, 4, 30.0)])))


def test_a_need_beyond_the_connection_names_the_car_and_the_limit() -> None:
    with pytest.raises(InfeasibleHomeError) as caught:
        plan_home(home(LOAD, CAR.store(HOURS, start_kwh=1.0, stays=[Stay(0, 4, 12.0)]), import_limit_kw=3.0))
    assert caught.value.detail == (
        "Elm 1: the car cannot have 12 kWh by step 4: at most 9 kWh, beside the other resources and within an import "
        "limit of 3 kW"
    )
    assert caught.value.code == "infeasible_home"


def test_a_load_beyond_the_connection_names_the_limit_and_the_time() -> None:
    heavy = Load("the load", HOURS, np.array([1.0, 1.0, 6.0, 1.0]))
    with pytest.raises(InfeasibleHomeError) as caught:
        plan_home(home(heavy, STORE, import_limit_kw=3.0))
    assert caught.value.detail == "Elm 1: the import limit of 3 kW cannot be kept from step 2: at least 4 kW"


@pytest.mark.parametrize("seed", range(12))
def test_without_time_there_is_a_plan_by_rule_that_keeps_everything(seed: int) -> None:
    chance = np.random.default_rng(seed)
    horizon = Horizon(24, 1.0)
    washer = Appliance("the washer", horizon, [2.0, 0.5, 1.0], earliest=8, interruptible=bool(seed % 2))
    car = Ev(7.0, min_kw=1.4, interruptible=bool(seed % 3), capacity_kwh=50.0)
    store = car.store(horizon, start_kwh=10.0, stays=[Stay(0, 8, 30.0, trip_kwh=9.0), Stay(18, 30, 40.0)])
    sun = Pv(6.0, curtailable=True).output(horizon, chance.uniform(0, 6, 24))
    load, battery = cases.drawn_load(horizon, chance), Battery(5.0, 3.0, 3.0).store(horizon, soc=0.5)
    buy = chance.uniform(0.1, 0.4, 24)
    problem = home(
        load,
        sun,
        battery,
        store,
        washer,
        prices=Prices(buy, 0.3 * buy),
        import_limit_kw=9.0,
        export_limit_kw=2.0,
        time_limit_s=0.0,
    )
    plan = plan_home(problem)
    assert (plan.method, plan.exact, plan.gap) == ("rule", False, np.inf)
    assert plan.explanation[1].startswith("The solver found no plan in its time")
    assert_kept(problem, plan)
    assert plan_home(home(*problem.resources, prices=problem.prices)).objective <= plan.objective


def test_the_rule_fills_a_leaky_tank_ahead_of_a_demand_its_power_cannot_meet() -> None:
    horizon = Horizon(6, 1.0)
    tank = Tank(20.0, max_kw=2.0, min_kw=0.5, loss_per_h=0.1)
    store = tank.store(horizon, start_kwh=0.0, demand_kw=[0.0, 0.0, 0.0, 0.0, 0.0, 9.0], cop=3.0)
    plan = plan_home(home(store, prices=Prices(np.full(6, 0.3), np.zeros(6)), time_limit_s=0.0))
    assert plan.method == "rule"
    assert plan.stored_kwh["the heat pump"][4] == pytest.approx(9.0 / 0.9)
    assert plan.power_kw["the heat pump"][5] == 0.0


def test_where_the_rule_finds_nothing_either_that_is_said_and_may_be_asked_again() -> None:
    horizon = Horizon(24, 1.0)
    washer = Appliance("the washer", horizon, np.full(3, 2.0))
    load = Load("the load", horizon, np.full(24, 2.0))
    problem = home(
        load,
        washer,
        Battery(9.0, 3.0, 3.0).store(horizon, soc=0.9, end_soc=0.1),
        prices=Prices(np.full(24, 0.3), np.zeros(24)),
        import_limit_kw=3.0,
        time_limit_s=0.0,
    )
    with pytest.raises(NoPlanInTimeError) as caught:
        plan_home(problem)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"resources": ()}, "Elm 1 has no resources"),
        ({"resources": (LOAD, LOAD)}, "two resources of one name"),
        ({"resources": (LOAD, Load("more", Horizon(5, 1.0), np.ones(5)))}, "different horizons"),
        ({"prices": Prices(np.ones(3), np.ones(3))}, "3 prices do not fit the 4 steps of Elm 1"),
        ({"import_limit_kw": -1.0}, "import_limit_kw of Elm 1 is -1.0"),
        ({"export_limit_kw": float("nan")}, "export_limit_kw of Elm 1 is nan"),
        ({"time_limit_s": -1.0}, "time_limit_s of Elm 1 is -1.0"),
        ({"goal": "comfort"}, "goal of Elm 1 is 'comfort'"),
    ],
)
def test_a_home_that_makes_no_sense_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        home(**changed)
