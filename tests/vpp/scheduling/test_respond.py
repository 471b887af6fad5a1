"""What each kind of resource does best at given prices, against a second formulation, and by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.scheduling.home_cases import KINDS
from tests.vpp.scheduling.home_referee import referee_cost
from vpp.errors import VppError
from vpp.resources.appliance import Appliance
from vpp.resources.battery import Battery
from vpp.resources.bounds import ResourceError
from vpp.resources.ev import Ev, Stay
from vpp.resources.horizon import Horizon, ImpossibleNeedError
from vpp.resources.load import Load
from vpp.resources.pv import Pv
from vpp.resources.thermal import Building
from vpp.scheduling.program import SolverFailedError, solve_program
from vpp.scheduling.respond import best_response

HOURS = Horizon(4, 1.0)
PRICES = np.array([0.3, 0.1, 0.2, 0.4])


@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS), negative=st.booleans())
@settings(deadline=None, max_examples=120)
def test_no_resource_can_do_better(seed: int, kind: Any, negative: bool) -> None:
    chance = np.random.default_rng(seed)
    horizon = Horizon(int(chance.integers(3, 9)), float(chance.choice([0.5, 1.0])))
    resource = kind(horizon, chance)
    prices = np.round(chance.uniform(-0.3 if negative else 0.0, 0.5, horizon.steps), 2)
    best = referee_cost([resource], buy=prices, sell=prices)
    if best is None:
        with pytest.raises(VppError) as caught:
            best_response(resource, prices)
        assert resource.name in str(caught.value)
        return
    response = best_response(resource, prices)
    assert response.cost == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert response.exact
    assert response.lower_bound <= response.cost + 1e-9


@given(seed=st.integers(0, 2**32), kind=st.sampled_from(KINDS))
@settings(deadline=None, max_examples=60)
def test_the_model_in_cvxpy_says_the_same_and_relaxed_it_is_a_lower_bound(seed: int, kind: Any) -> None:
    chance = np.random.default_rng(seed)
    resource = kind(Horizon(int(chance.integers(3, 9)), 0.5), chance)
    prices = np.round(chance.uniform(-0.1, 0.5, resource.horizon.steps), 2)
    try:
        best = best_response(resource, prices).cost
    except VppError:
        return
    costs = []
    for model in (resource.model(exclusive=True), resource.model(relax=True)):
        held = [*model.constraints, *(need.short <= 0 for need in model.requirements)]
        asked = (prices * 0.5) @ model.power_kw + model.cost
        chosen = bool(asked.variables())  # a load leaves nothing to choose
        costs.append(solve_program(asked, held, time_limit_s=30.0).objective if chosen else asked.value)
        power = np.asarray(model.power_kw.value)
        assert (power >= model.least_kw - 1e-6).all()
        assert (power <= model.most_kw + 1e-6).all()
    assert costs[0] == pytest.approx(best, rel=1e-6, abs=1e-6)
    assert costs[1] <= best + 1e-6


def test_a_car_charges_in_its_cheapest_hours() -> None:
    car = Ev(2.0, capacity_kwh=10.0, charge_efficiency=1.0)
    response = best_response(car.store(HOURS, start_kwh=1.0, stays=[Stay(0, 4, ready_kwh=4.0)]), PRICES)
    assert response.power_kw.tolist() == [0.0, 2.0, 1.0, 0.0]
    assert response.method == "slope_trick"


def test_a_charger_that_cannot_pause_charges_from_the_arrival_in_one_block() -> None:
    car = Ev(2.0, min_kw=1.0, interruptible=False, capacity_kwh=10.0, charge_efficiency=1.0)
    response = best_response(car.store(HOURS, start_kwh=1.0, stays=[Stay(0, 4, ready_kwh=4.0)]), PRICES)
    assert response.power_kw == pytest.approx([1.0, 2.0, 0.0, 0.0])
    assert response.cost == pytest.approx(0.5)
    assert response.method == "milp"


def test_a_house_is_warmed_before_the_dear_hour() -> None:
    house = Building(capacity_kwh_per_k=2.0, loss_kw_per_k=0.1, max_kw=3.0)
    store = house.store(HOURS, start_c=20.0, outdoor_c=0.0, low_c=20.0, high_c=23.0, cop=3.0)
    flat = best_response(store, 0.2)
    assert flat.power_kw == pytest.approx([20.0 * 0.1 / 3.0] * 4)  # the loss of 2 kW, by a COP of 3
    shifted = best_response(store, PRICES)
    assert shifted.power_kw[3] < flat.power_kw[3]


@pytest.mark.parametrize(
    ("interruptible", "cost", "method"),
    [(False, 2 * 0.1 + 0.2, "every_start"), (True, 2 * 0.1 + 0.2, "dynamic_program")],
)
def test_an_appliance_runs_when_it_is_cheapest(interruptible: bool, cost: float, method: str) -> None:
    washer = Appliance("the washer", HOURS, [2.0, 1.0], interruptible=interruptible)
    response = best_response(washer, PRICES)
    assert response.power_kw.tolist() == [0.0, 2.0, 1.0, 0.0]
    assert response.cost == pytest.approx(cost)
    assert response.method == method


def test_an_appliance_that_may_pause_skips_the_dear_hour() -> None:
    dear_between = np.array([0.1, 0.4, 0.1, 0.4])
    washer = Appliance("the washer", HOURS, [2.0, 1.0], interruptible=True)
    assert best_response(washer, dear_between).power_kw.tolist() == [2.0, 0.0, 1.0, 0.0]


def test_solar_power_is_curtailed_only_where_it_would_have_to_pay() -> None:
    prices = np.array([0.1, -0.1, 0.0, 0.2])
    free = Pv(3.0, curtailable=True).output(HOURS, [1.0, 2.0, 3.0, 4.0])
    assert best_response(free, prices).power_kw.tolist() == [-1.0, 0.0, -3.0, -3.0]
    tied = Pv(3.0).output(HOURS, [1.0, 2.0, 3.0, 4.0])
    assert best_response(tied, prices).cost == pytest.approx(-0.1 + 0.2 - 0.6)


def test_a_load_pays_what_it_draws() -> None:
    assert best_response(Load("the load", HOURS, np.ones(4)), PRICES).cost == pytest.approx(1.0)


def test_a_lossy_battery_does_not_burn_energy_at_negative_prices_by_both_ways_at_once() -> None:
    store = Battery(4.0, 2.0, 2.0, charge_efficiency=0.8, discharge_efficiency=0.8, reserve_soc=0.0).store(
        HOURS, soc=0.5, end_soc=0.0
    )
    response = best_response(store, np.full(4, -0.2))
    assert response.exact
    assert response.cost == pytest.approx(referee_cost([store], buy=np.full(4, -0.2), sell=np.full(4, -0.2)))


def test_a_need_that_no_power_meets_is_named() -> None:
    car = Ev(2.0, capacity_kwh=40.0, charge_efficiency=1.0)
    with pytest.raises(ImpossibleNeedError) as caught:
        best_response(car.store(HOURS, start_kwh=1.0, stays=[Stay(0, 3, ready_kwh=30.0)]), PRICES)
    assert caught.value.detail == "the car cannot have 30 kWh by step 3: at most 7 kWh"
    assert caught.value.code == "impossible_need"


@pytest.mark.parametrize("prices", [[0.1, np.nan, 0.1, 0.1], [0.1, 0.2], np.inf, "cheap"])
def test_prices_that_are_none_are_refused(prices: Any) -> None:
    with pytest.raises(ResourceError, match="prices_per_kwh"):
        best_response(Load("the load", HOURS, np.ones(4)), prices)


def test_nothing_within_no_time_is_said_and_may_be_asked_again() -> None:
    car = Ev(2.0, min_kw=1.3, capacity_kwh=10.0)
    store = car.store(Horizon(96, 0.25), start_kwh=1.0, stays=[Stay(0, 90, ready_kwh=4.05)])
    with pytest.raises(SolverFailedError) as caught:
        best_response(store, np.random.default_rng(0).random(96), time_limit_s=0.0)
    assert not caught.value.permanent
