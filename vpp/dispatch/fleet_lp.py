"""The fleet allocation as a linear program, written in cvxpy, solved by HiGHS or, for large fleets, Clarabel.

For homes i and intervals t, with d, e, h the battery discharge, EV cut and heat cut [kW] and dt [h]:

    g_it = idle_shed_it + d_it + e_it + h_it                        shed at the meter
    sum_i g_it + shortfall_t - surplus_t = target_t                 its dual is the price
    d <= battery_kw, e <= ev_kw, h <= heat_kw, d + e + h <= headroom_kw
    sum_t d_it dt <= battery_kwh_i, sum_t h_it dt <= heat_kwh_i     no recharge within an event
    b_it >= -g_it, b_it >= 0                                        how far a home is behind its baseline
    g_it <= max(0, idle_shed_it) + y_t share_it + x_it, x_it >= 0   y_t: the utilization, x: beyond it

    minimize dt * sum( cycle_cost d + ev e + heat h + behind b )
           + dt * sum_t( shortfall_t + surplus_t + fairness (y_t sum_i share_it + 2 sum_i x_it) )
           with the weight of each

`share_it` is what home i could give at one fraction of its power for the whole event. A kW that all homes
give in proportion costs `fairness`, one that a single home gives beyond its proportion twice that; so homes
of one cost share evenly as far as they can, and fairness never outweighs anything of more than that price.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.problem import AllocationProblem, Cuts, Floats
from vpp.errors import VppError

# At 1,000 homes x 8 intervals HiGHS's simplex takes 9 s, its interior point method 1.2 to 3.4 s and Clarabel
# 0.7 s; at 24 homes simplex takes 5 ms and gives exact vertices.
CLARABEL_FROM_CELLS = 2000


class SolverFailed(VppError):
    """No plan within the time, or a failure inside the solver."""

    code = "solver_failed"
    permanent = False


@dataclass(frozen=True, slots=True)
class _Program:
    problem: Any
    balance: Any
    discharge: Any
    ev: Any
    heat: Any
    with_ev: NDArray[np.intp]
    with_heat: NDArray[np.intp]


def solve_fleet(problem: AllocationProblem, *, time_limit_s: float = 10.0) -> Cuts:
    """Solve the program; every home of the envelope must be usable, and there must be one.

    Parameters
    ----------
    problem
        Targets and bounds.
    time_limit_s
        For the solver [s].

    Raises
    ------
    SolverFailed
        Whatever went wrong, running out of time included.
    """
    cp = _cvxpy()
    envelope = problem.envelope
    program = _build(problem)
    solver = "Clarabel" if envelope.baseline_kw.size >= CLARABEL_FROM_CELLS else "HiGHS"
    try:
        with warnings.catch_warnings():
            # "Solution may be inaccurate" is the status that is checked below.
            warnings.simplefilter("ignore", UserWarning)
            if solver == "Clarabel":
                program.problem.solve(solver=cp.CLARABEL, time_limit=time_limit_s)
            else:
                program.problem.solve(solver=cp.HIGHS, highs_options={"time_limit": time_limit_s})
    except Exception as error:  # cvxpy raises several kinds and HiGHS its own; none may reach a user
        raise SolverFailed(f"{type(error).__name__}: {error}"[:300]) from error
    if program.problem.status != cp.OPTIMAL:
        raise SolverFailed(f"{solver} ended with {program.problem.status}, limit {time_limit_s:g} s")
    # cvxpy's multiplier of an equality is minus the change of the objective by the right-hand side.
    price = -np.asarray(program.balance.dual_value, dtype=np.float64) / envelope.hours
    return Cuts(
        discharge_kw=np.clip(program.discharge.value, 0.0, envelope.battery_kw),
        ev_kw=_spread(program.ev, rows=program.with_ev, bound=envelope.ev_kw),
        heat_kw=_spread(program.heat, rows=program.with_heat, bound=envelope.heat_kw),
        price_per_kwh=price + 0.0,
        objective=float(program.problem.value),
        solver=solver,
    )


def fair_share_kw(problem: AllocationProblem) -> Floats:
    """(N, T) what each home could give at one fraction of its power throughout [kW], >= 0."""
    envelope, dt = problem.envelope, problem.envelope.hours
    battery = _sustained(envelope.battery_kw, energy_kwh=envelope.battery_kwh, dt=dt)
    heat = _sustained(envelope.heat_kw, energy_kwh=envelope.heat_kwh, dt=dt)
    cuts = np.minimum(battery + envelope.ev_kw + heat, envelope.headroom_kw)
    share: Floats = np.maximum(0.0, np.minimum(0.0, envelope.idle_shed_kw) + cuts)
    return share


def _sustained(power_kw: Floats, *, energy_kwh: Floats, dt: float) -> Floats:
    needed = power_kw.sum(axis=1) * dt
    fraction = np.divide(energy_kwh, needed, out=np.ones_like(needed), where=needed > 0)
    sustained: Floats = power_kw * np.minimum(1.0, fraction)[:, None]
    return sustained


def _build(problem: AllocationProblem) -> _Program:
    cp = _cvxpy()
    envelope, dt = problem.envelope, problem.envelope.hours
    homes, intervals = envelope.baseline_kw.shape
    with_ev, with_heat = (np.flatnonzero(cut.any(axis=1)) for cut in (envelope.ev_kw, envelope.heat_kw))
    discharge = _bounded(envelope.battery_kw)
    ev, heat = _bounded(envelope.ev_kw[with_ev]), _bounded(envelope.heat_kw[with_heat])
    behind = cp.Variable((homes, intervals), nonneg=True)
    short, surplus, utilization = (cp.Variable((1, intervals), nonneg=True) for _ in range(3))
    cuts = discharge + _rows(with_ev, homes=homes) @ ev + _rows(with_heat, homes=homes) @ heat
    shed = envelope.idle_shed_kw + cuts
    share = fair_share_kw(problem)
    beyond = cp.Variable((homes, intervals), nonneg=True)
    even = cp.multiply(share, np.ones((homes, 1)) @ utilization)
    balance = cp.sum(shed, axis=0) + short[0] - surplus[0] == problem.target_kw
    constraints = [
        balance,
        cuts <= envelope.headroom_kw,
        cp.sum(discharge, axis=1) * dt <= envelope.battery_kwh,
        cp.sum(heat, axis=1) * dt <= envelope.heat_kwh[with_heat],
        behind >= -shed,
        shed <= np.maximum(0.0, envelope.idle_shed_kw) + even + beyond,
    ]
    weights = problem.weights
    ev_cost = weights.ev_discomfort * _factors(problem.ev_discomfort, homes=homes)[with_ev]
    heat_cost = weights.heat_discomfort * _factors(problem.heat_discomfort, homes=homes)[with_heat]
    cost = (
        weights.cycle_cost * cp.sum(discharge)
        + cp.sum(ev_cost @ ev)
        + cp.sum(heat_cost @ heat)
        + weights.behind * cp.sum(behind)
        + weights.shortfall * cp.sum(short)
        + weights.surplus * cp.sum(surplus)
        + weights.fairness * (cp.sum(even) + 2 * cp.sum(beyond))
    )
    whole = cp.Problem(cp.Minimize(dt * cost), constraints)
    return _Program(whole, balance, discharge, ev, heat, with_ev, with_heat)


def _cvxpy() -> Any:
    """Imported where it is used: it takes a second, and its types do not know its own functions."""
    import cvxpy

    return cvxpy


def _bounded(upper: Floats) -> Any:
    return _cvxpy().Variable(upper.shape, bounds=[np.zeros_like(upper), upper])


def _rows(rows: NDArray[np.intp], *, homes: int) -> Any:
    """The matrix that puts variables of some homes into the rows of all."""
    import scipy.sparse as sp

    return sp.csr_array((np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(homes, len(rows)))


def _factors(given: Floats | None, *, homes: int) -> Floats:
    return np.ones(homes) if given is None else given


def _spread(variable: Any, *, rows: NDArray[np.intp], bound: Floats) -> Floats:
    values = np.zeros_like(bound)
    if len(rows):
        values[rows] = variable.value
    clipped: Floats = np.clip(values, 0.0, bound)
    return clipped
