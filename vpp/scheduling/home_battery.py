"""A home whose only choice is one store, by the slope trick."""

import numpy as np

from vpp.resources.horizon import Floats
from vpp.resources.load import Load
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store
from vpp.scheduling.battery_oracle import solve_batteries
from vpp.scheduling.battery_problem import BatteryProblem, InfeasibleScheduleError
from vpp.scheduling.home_plan import Found, plan_of
from vpp.scheduling.home_problem import HomePlan, HomeProblem


def by_slope_trick(problem: HomeProblem) -> HomePlan | None:
    """The plan where all but one store is as it is; None where the method does not fit or finds no plan.

    Limits of the connection point become limits of the store's power, which is the same as long as the rest of the home
    keeps them by itself and the store never charges and discharges at once.
    """
    stores = [resource for resource in problem.resources if isinstance(resource, Store)]
    fixed = _fixed(problem)
    if len(stores) != 1 or len(fixed) != len(problem.resources) - 1 or not fits(problem, stores[0]):
        return None
    net: Floats = np.sum([np.zeros(problem.horizon.steps), *fixed.values()], axis=0)
    into = np.inf if problem.import_limit_kw is None else problem.import_limit_kw - net
    out = np.inf if problem.export_limit_kw is None else problem.export_limit_kw + net
    if np.min(into) < 0 or np.min(out) < 0:
        return None
    try:
        return plan_of(problem, _found(problem, stores[0], fixed=fixed, into_kw=into, out_kw=out))
    except InfeasibleScheduleError:
        return None  # the program says what gives way


def _fixed(problem: HomeProblem) -> dict[str, Floats]:
    # Where no price is negative, what the sun gives is never worth less than nothing: a limit that the full output keeps
    # leaves curtailing only to make room for the store, which may as well keep its energy.
    prices = problem.prices
    never_curtailed = min(prices.buy_per_kwh.min(), prices.sell_per_kwh.min()) >= 0
    fixed = {}
    for one in problem.resources:
        if isinstance(one, Load):
            fixed[one.name] = one.power_kw
        elif isinstance(one, PvOutput) and (never_curtailed or not one.curtailable):
            fixed[one.name] = -one.available_kw
    return fixed


def fits(problem: HomeProblem, store: Store) -> bool:
    """Whether the slope trick knows all that the store and the home ask."""
    efficiency = store.charge_efficiency
    plain = (
        np.ptp(efficiency) == 0 and efficiency[0] <= 1 and not store.switches and store.drain_kwh.min() >= 0
    )
    return bool(plain and problem.goal == "cost" and not problem.prices.peak_steps.any())


def _found(
    problem: HomeProblem,
    store: Store,
    *,
    fixed: dict[str, Floats],
    into_kw: Floats | float,
    out_kw: Floats | float,
) -> Found:
    net: Floats = np.sum([np.zeros(problem.horizon.steps), *fixed.values()], axis=0)
    result = solve_batteries(
        BatteryProblem(
            net_kw=net[None],
            buy_per_kwh=problem.prices.buy_per_kwh,
            sell_per_kwh=problem.prices.sell_per_kwh,
            step_h=problem.horizon.step_h,
            start_kwh=store.start_kwh,
            least_kwh=store.least_kwh[None],
            most_kwh=store.most_kwh[None],
            charge_kw=np.minimum(store.charge_kw, into_kw)[None],
            discharge_kw=np.minimum(store.discharge_kw, out_kw)[None],
            charge_efficiency=float(store.charge_efficiency[0]),
            discharge_efficiency=store.discharge_efficiency,
            wear_per_kwh=store.wear_per_kwh,
            retention=store.retention,
            drain_kwh=store.drain_kwh[None],
            end_kwh=0.0,
            names=(problem.name,),
        )
    )
    return Found(
        power_kw={**fixed, store.name: result.charge_kw[0] - result.discharge_kw[0]},
        stored_kwh={store.name: result.stored_kwh[0]},
        discharged_kw={store.name: result.discharge_kw[0]},
        method="slope_trick",
        lower_bound=float(result.lower_bound[0]),
    )
