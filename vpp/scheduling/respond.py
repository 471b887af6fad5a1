"""The oracle: what a resource does best by itself at given prices.

Grid functions and the market ask nothing else of a resource. Each kind has its own exact method; where charging
switches, or burning energy at negative prices would pay, it is a mixed-integer program by HiGHS.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from vpp.resources.appliance import Appliance
from vpp.resources.horizon import Floats
from vpp.resources.load import Load
from vpp.resources.pv import PvOutput
from vpp.resources.store import Store
from vpp.scheduling.battery_oracle import solve_batteries
from vpp.scheduling.battery_problem import BatteryProblem, ScheduleError
from vpp.scheduling.program import SolverFailedError, solve_program

EXACT: Final = 1e-6

Planned = Store | Appliance | PvOutput | Load
Method = Literal["slope_trick", "milp", "every_start", "dynamic_program", "closed_form"]


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What a resource does.

    Attributes
    ----------
    power_kw
        (T,) power drawn [kW], load convention.
    cost
        Price times energy drawn, and wear [currency].
    lower_bound
        A cost that no response can go below [currency].
    exact
        Whether they are the same, to 1e-6 of the cost.
    method
        How it was found.
    """

    power_kw: Floats
    cost: float
    lower_bound: float
    exact: bool
    method: Method


def best_response(resource: Planned, prices_per_kwh: ArrayLike, *, time_limit_s: float = 5.0) -> Response:
    """The cheapest behavior of one resource that pays a price for what it draws and gets it for what it gives.

    Parameters
    ----------
    resource
        A battery, car, building or tank as `Store`, an appliance, solar output or load; it has its horizon.
    prices_per_kwh
        Scalar or (T,) price [currency/kWh]; negative ones are allowed.
    time_limit_s
        For the solver where a mixed-integer program is needed [s].

    Raises
    ------
    ResourceError
        For prices that are NaN or do not fit.
    ImpossibleNeedError
        Naming the resource and what it cannot reach.
    SolverFailedError
        Where a mixed-integer program found nothing within the time.
    """
    prices = resource.horizon.series("prices_per_kwh", prices_per_kwh)
    if isinstance(resource, Store):
        return _store_response(resource, prices, time_limit_s=time_limit_s)
    if isinstance(resource, Appliance):
        return _run_phases(resource, prices) if resource.interruptible else _run_once(resource, prices)
    power = resource.power_kw if isinstance(resource, Load) else _produced(resource, prices)
    return _response(power, prices, step_h=resource.horizon.step_h, method="closed_form")


def _response(power_kw: Floats, prices: Floats, *, step_h: float, method: Method) -> Response:
    cost = float(prices @ power_kw) * step_h
    return Response(power_kw, cost, cost, True, method)


def _produced(plant: PvOutput, prices: Floats) -> Floats:
    wanted = (prices >= 0) | (not plant.curtailable)
    return np.where(wanted, -plant.available_kw, 0.0)


def _store_response(store: Store, prices: Floats, *, time_limit_s: float) -> Response:
    store.refuse_impossible()
    if store.switches:
        return _by_program(store, prices, time_limit_s=time_limit_s)
    found = _by_slope_trick(store, prices)
    if found.exact:
        return found
    try:
        better = _by_program(store, prices, time_limit_s=time_limit_s)
    except SolverFailedError:
        return found
    chosen, bound = min(better, found, key=lambda one: one.cost), max(better.lower_bound, found.lower_bound)
    return replace(chosen, lower_bound=min(bound, chosen.cost), exact=_is_exact(chosen.cost, bound))


def _by_slope_trick(store: Store, prices: Floats) -> Response:
    """A store that only charges is asked in stored energy, so that its efficiency may change and exceed 1."""
    step_h = store.horizon.step_h
    per_drawn = np.ones_like(prices) if store.discharges else store.charge_efficiency
    prices_stored = prices / per_drawn
    result = solve_batteries(
        BatteryProblem(
            net_kw=np.zeros((1, len(prices))),
            buy_per_kwh=prices_stored,
            sell_per_kwh=prices_stored,
            step_h=step_h,
            start_kwh=store.start_kwh,
            least_kwh=store.least_kwh[None],
            most_kwh=store.most_kwh[None],
            charge_kw=(store.charge_kw * per_drawn)[None],
            discharge_kw=store.discharge_kw[None],
            charge_efficiency=float(store.charge_efficiency[0]) if store.discharges else 1.0,
            discharge_efficiency=store.discharge_efficiency,
            wear_per_kwh=store.wear_per_kwh,
            retention=store.retention,
            drain_kwh=store.drain_kwh[None],
            end_kwh=0.0,
            names=(store.name,),
        )
    )
    return Response(
        power_kw=(result.charge_kw[0] / per_drawn - result.discharge_kw[0]),
        cost=float(result.objective[0]),
        lower_bound=float(result.lower_bound[0]),
        exact=bool(result.exact[0]),
        method="slope_trick",
    )


def _by_program(store: Store, prices: Floats, *, time_limit_s: float) -> Response:
    model = store.model(exclusive=store.discharges)
    limits = [requirement.short <= 0 for requirement in model.requirements]
    asked = (prices * store.horizon.step_h) @ model.power_kw + model.cost
    solved = solve_program(asked, [*model.constraints, *limits], time_limit_s=time_limit_s)
    if solved.status == "infeasible":
        raise ScheduleError(f"{store.name} cannot meet its needs with the powers it can be switched to")
    if not solved.found:
        raise SolverFailedError(f"nothing found for {store.name} within {time_limit_s:g} s")
    power = np.asarray(model.power_kw.value, dtype=np.float64)
    cost = solved.objective
    return Response(power, cost, solved.bound, _is_exact(cost, solved.bound), "milp")


def _is_exact(cost: float, bound: float) -> bool:
    return cost - bound <= EXACT * max(1.0, abs(cost))


def _run_once(appliance: Appliance, prices: Floats) -> Response:
    runs = appliance.runs()
    best = runs[int(np.argmin(runs @ prices))]
    return _response(best, prices, step_h=appliance.horizon.step_h, method="every_start")


def _run_phases(appliance: Appliance, prices: Floats) -> Response:
    """Least cost of the first phases by each step, phase by phase; the window's steps are in order."""
    window, profile = appliance.window, appliance.profile
    asked = prices[window.start : window.stop]
    cost_before = np.zeros(len(asked))  # of the phases so far, done before each step
    chosen = []
    for power in profile:
        at_step = cost_before + power * asked
        best = np.minimum.accumulate(at_step)
        chosen.append(np.array([int(np.argmin(at_step[: step + 1])) for step in range(len(asked))]))
        cost_before = np.concatenate([[np.inf], best[:-1]])
    planned = np.zeros(len(prices))
    end = len(asked)
    for power, places in zip(profile[::-1], chosen[::-1], strict=True):
        end = int(places[end - 1])
        planned[window.start + end] = power
    return _response(planned, prices, step_h=appliance.horizon.step_h, method="dynamic_program")
