"""A home asked again and again, against the referee at the same prices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vpp.scheduling.home_referee import BIG_KW, referee_cost
from tests.vpp.scheduling.test_home import assert_kept, drawn_home, home
from vpp.errors import VppError
from vpp.resources.appliance import Appliance
from vpp.resources.horizon import Horizon
from vpp.resources.load import Load
from vpp.scheduling.home_answer import HomeSolver
from vpp.scheduling.home_problem import HomeProblem, NoPlanInTimeError
from vpp.scheduling.prices import Prices


def referee(problem: HomeProblem, price: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    return referee_cost(
        problem.resources,
        buy=problem.prices.buy_per_kwh + price,
        sell=problem.prices.sell_per_kwh + price,
        import_limit_kw=BIG_KW if problem.import_limit_kw is None else problem.import_limit_kw,
        export_limit_kw=BIG_KW if problem.export_limit_kw is None else problem.export_limit_kw,
        demand_per_kw=problem.prices.demand_per_kw,
    )


@given(seed=st.integers(0, 2**32))
@settings(deadline=None, max_examples=50)
def test_any_home_answers_any_price_as_the_referee_says(seed: int) -> None:
    problem = drawn_home(seed)
    chance = np.random.default_rng(seed)
    steps, step_h = problem.horizon.steps, problem.horizon.step_h
    solver = HomeSolver(problem)
    for _ in range(3):
        price = np.round(chance.uniform(-0.2, 0.6, steps) * (chance.random(steps) < 0.6), 2)
        best = referee(problem, price)
        if best is None:
            with pytest.raises(VppError) as caught:
                solver.ask(price, time_limit_s=30.0)
            assert caught.value.code == "infeasible_home"
            return
        answer = solver.ask(price, time_limit_s=30.0)
        priced = answer.behavior.cost.total + step_h * float(price @ answer.behavior.meter_kw)
        assert priced == pytest.approx(best, rel=1e-5, abs=1e-5)
        assert answer.bound <= best + 1e-6 and answer.bound == pytest.approx(best, rel=1e-5, abs=1e-5)
        assert_kept(problem, answer.behavior)


def test_without_time_a_switching_home_repeats_itself_or_follows_the_rule_and_the_bound_stays_true() -> None:
    horizon = Horizon(6, 1.0)
    washer = Appliance("the washer", horizon, [2.0, 1.0])
    load = Load("the load", horizon, np.zeros(6))
    prices = Prices(np.array([0.4, 0.3, 0.1, 0.1, 0.3, 0.4]), np.zeros(6), demand_per_kw=1.0)
    dryer = Appliance("the dryer", horizon, [2.0, 2.0])
    problem = home(load, washer, dryer, prices=prices)
    free = np.zeros(6)
    hurried = HomeSolver(problem).ask(free, time_limit_s=0.0)
    assert hurried.behavior.power_kw["the washer"].tolist() == [2.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    solver = HomeSolver(problem)
    best = solver.ask(free, time_limit_s=30.0)
    again = solver.ask(np.linspace(0.5, 0.0, 6), time_limit_s=0.0)
    assert hurried.bound <= best.behavior.cost.total < hurried.behavior.cost.total
    assert again.behavior is best.behavior


def test_where_there_is_no_time_and_no_rule_that_is_said() -> None:
    horizon = Horizon(4, 1.0)
    runs = [Appliance(f"machine {number}", horizon, [1.0, 1.0]) for number in range(3)]
    short = home(*runs, prices=Prices(np.full(4, 0.3), np.zeros(4)), import_limit_kw=1.6)
    with pytest.raises(NoPlanInTimeError):
        HomeSolver(short).ask(np.zeros(4), time_limit_s=0.0)
