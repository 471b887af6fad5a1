"""The fleet's allocation as one convex program in cvxpy, solved by Clarabel: definition, referee, and small portfolios.

For homes i and intervals t, with d, e, h the battery discharge, EV cut and heat cut [kW] and dt [h]:

    g_it = idle_shed_it + d_it + e_it + h_it                        shed at the meter
    sum_i g_it + shortfall_t - surplus_t = target_t                 its dual is the price
    d <= battery_kw, e <= ev_kw, h <= heat_kw, d + e + h <= headroom_kw
    sum_t d_it dt <= battery_kwh_i, sum_t h_it dt <= heat_kwh_i     no recharge within an event
    b_it >= -g_it, b_it >= 0                                        how far a home is behind its baseline
    z_it >= g_it - max(0, idle_shed_it), z_it >= 0                  what it does on purpose
    least_m <= sum over the homes of m of (baseline - g) <= most_m  limits of grid areas, at a penalty

    minimize dt * sum( cycle_cost d + ev e + heat h + behind b + fairness z^2 / share )
           + dt * sum_t( shortfall_t + surplus_t )
           with the weight of each

`share_it` is what home i could give at one fraction of its power for the whole event. The quadratic term makes one
more kW dearer the larger a part of its share a home gives already (by 2 `fairness` where it gives all of it), so homes
of one cost share in proportion, and fairness never outweighs a larger difference of cost.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.problem import AllocationProblem, Cuts, Floats
from vpp.errors import VppError

LEAST_SHARE_KW = 0.05
NEAR_KW = 1e-6


class SolverFailed(VppError):
    """No plan within the time, or a failure inside the solver."""

    code = "solver_failed"
    permanent = False


@dataclass(frozen=True, slots=True)
class _Program:
    problem: Any
    balance: Any
    limits: "_Limits"
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
    cp = load_cvxpy()
    envelope = problem.envelope
    program = _build(problem)
    try:
        with warnings.catch_warnings():
            # "Solution may be inaccurate" is the status that is checked below.
            warnings.simplefilter("ignore", UserWarning)
            program.problem.solve(solver=cp.CLARABEL, time_limit=time_limit_s)
    except Exception as error:  # cvxpy raises several kinds and HiGHS its own; none may reach a user
        raise SolverFailed(f"{type(error).__name__}: {error}"[:300]) from error
    if program.problem.status != cp.OPTIMAL:
        raise SolverFailed(f"Clarabel ended with {program.problem.status}, limit {time_limit_s:g} s")
    # cvxpy's multiplier of an equality is minus the change of the objective by the right-hand side.
    price = -np.asarray(program.balance.dual_value, dtype=np.float64) / envelope.hours
    return Cuts(
        discharge_kw=_snapped(program.discharge.value, bound=envelope.battery_kw),
        ev_kw=_spread(program.ev, rows=program.with_ev, bound=envelope.ev_kw),
        heat_kw=_spread(program.heat, rows=program.with_heat, bound=envelope.heat_kw),
        price_per_kwh=price + 0.0,
        objective=float(program.problem.value),
        solver="Clarabel",
        gap=0.0,
        limit_prices=program.limits.prices(problem),
    )


def fair_share_kw(problem: AllocationProblem) -> Floats:
    """(N, T) what each home could give at one fraction of its power throughout [kW], > 0, by its `share_weight`."""
    envelope, dt = problem.envelope, problem.envelope.hours
    battery = _sustained(envelope.battery_kw, energy_kwh=envelope.battery_kwh, dt=dt)
    heat = _sustained(envelope.heat_kw, energy_kwh=envelope.heat_kwh, dt=dt)
    cuts = np.minimum(battery + envelope.ev_kw + heat, envelope.headroom_kw)
    weight = 1.0 if problem.share_weight is None else problem.share_weight[:, None]
    share: Floats = np.maximum(LEAST_SHARE_KW, weight * (np.minimum(0.0, envelope.idle_shed_kw) + cuts))
    return share


def _sustained(power_kw: Floats, *, energy_kwh: Floats, dt: float) -> Floats:
    needed = power_kw.sum(axis=1) * dt
    fraction = np.divide(energy_kwh, needed, out=np.ones_like(needed), where=needed > 0)
    sustained: Floats = power_kw * np.minimum(1.0, fraction)[:, None]
    return sustained


def _build(problem: AllocationProblem) -> _Program:
    cp = load_cvxpy()
    envelope, dt = problem.envelope, problem.envelope.hours
    homes, intervals = envelope.baseline_kw.shape
    with_ev, with_heat = (np.flatnonzero(cut.any(axis=1)) for cut in (envelope.ev_kw, envelope.heat_kw))
    discharge = _bounded(envelope.battery_kw)
    ev, heat = _bounded(envelope.ev_kw[with_ev]), _bounded(envelope.heat_kw[with_heat])
    behind = cp.Variable((homes, intervals), nonneg=True)
    short, surplus = (cp.Variable((1, intervals), nonneg=True) for _ in range(2))
    cuts = discharge + _rows(with_ev, homes=homes) @ ev + _rows(with_heat, homes=homes) @ heat
    shed = envelope.idle_shed_kw + cuts
    given = cp.Variable((homes, intervals), nonneg=True)
    limits = _limits(problem, shed)
    balance = cp.sum(shed, axis=0) + short[0] - surplus[0] == problem.target_kw
    constraints = [
        balance,
        cuts <= envelope.headroom_kw,
        cp.sum(discharge, axis=1) * dt <= envelope.battery_kwh,
        cp.sum(heat, axis=1) * dt <= envelope.heat_kwh[with_heat],
        behind >= -shed,
        given >= shed - np.maximum(0.0, envelope.idle_shed_kw),
        *(constraint for constraint, _, _, _ in limits.kept),
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
        + weights.fairness * cp.sum(cp.multiply(1 / fair_share_kw(problem), cp.square(given)))
        + limits.penalty
    )
    whole = cp.Problem(cp.Minimize(dt * cost), constraints)
    return _Program(whole, balance, limits, discharge, ev, heat, with_ev, with_heat)


@dataclass(frozen=True, slots=True)
class _Limits:
    """Constraints with the row of their limit, the sign of their price and the intervals; the penalty per hour."""

    kept: list[tuple[Any, int, int, NDArray[np.intp]]]
    penalty: Any

    def prices(self, problem: AllocationProblem) -> Floats:
        """(M, T) duals [currency/kWh]."""
        prices = np.zeros((len(problem.limits), len(problem.target_kw)))
        for constraint, row, sign, bounded in self.kept:
            prices[row, bounded] += sign * np.asarray(constraint.dual_value) / problem.envelope.hours
        return prices


def _limits(problem: AllocationProblem, shed: Any) -> _Limits:
    cp = load_cvxpy()
    kept: list[tuple[Any, int, int, NDArray[np.intp]]] = []
    penalty: Any = 0.0
    for row, limit in enumerate(problem.limits):
        homes = problem.homes_of(limit)
        drawn = cp.sum(problem.envelope.baseline_kw[homes] - shed[homes], axis=0)
        for sign, bound, rate in (
            (1, limit.most_kw, limit.penalty_most),
            (-1, limit.least_kw, limit.penalty_least),
        ):
            bounded = np.flatnonzero(np.isfinite(bound))
            if len(bounded) and homes.any():
                missed = cp.Variable(len(bounded), nonneg=True)
                kept.append((sign * (drawn[bounded] - bound[bounded]) <= missed, row, sign, bounded))
                penalty += rate * cp.sum(missed)
    return _Limits(kept, penalty)


def load_cvxpy() -> Any:
    """Imported where it is used: it takes a second, and its types do not know its own functions."""
    import cvxpy

    return cvxpy


def _bounded(upper: Floats) -> Any:
    return load_cvxpy().Variable(upper.shape, bounds=[np.zeros_like(upper), upper])


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
    return _snapped(values, bound=bound)


def _snapped(values: Floats, *, bound: Floats) -> Floats:
    """Values held to [0, bound], and set to an end they are as near to as the solver is exact."""
    held = np.where(values < NEAR_KW, 0.0, np.where(values > bound - NEAR_KW, bound, values))
    snapped: Floats = np.minimum(held, bound)
    return snapped
