"""The coordinated batteries as one program in cvxpy: the definition, and the referee of the decomposed path.

For homes i and steps t, with charge c, discharge d, import b and export s [kW], stored energy e [kWh] and step h [h]:

    minimize   h * sum_it( buy b - sell s + wear d ) + h * sum_mt( penalty_least below + penalty_most above )
    subject to net + c - d = b - s
               b <= import,  s <= export
               e_t = retention e_(t-1) - drain_t + h (into c - d / out_of),   least <= e <= most
               least_m <= sum of (b - s) over the homes of m + below_m,   the same - above_m <= most_m
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.coupling import Coupling, Floats
from vpp.dispatch.shed_program import SolverFailed, load_cvxpy
from vpp.scheduling.battery_problem import BatteryProblem


@dataclass(frozen=True, slots=True)
class ProgramAnswer:
    """Objective with penalties [currency], (N, T) power from the grid [kW], (M, T) prices [currency/kWh]."""

    objective: float
    grid_kw: Floats
    prices: Floats
    seconds: float


def solve_as_one(
    problem: BatteryProblem,
    coupling: Coupling,
    *,
    zone_of_home: NDArray[np.intp],
    time_limit_s: float = 300.0,
) -> ProgramAnswer:
    """Solve all homes and limits together with Clarabel; for a thousand homes at most.

    Raises
    ------
    SolverFailed
        Whatever went wrong, running out of time included.
    """
    cp = load_cvxpy()
    homes, steps = problem.net_kw.shape
    fleet, hours = problem.fleet(), problem.step_h
    planes = fleet._replace(
        **{
            name: np.broadcast_to(plane, (homes, steps))
            for name, plane in zip(fleet._fields, fleet, strict=True)
        }
    )
    charge, discharge, bought, sold, stored = (cp.Variable((homes, steps), nonneg=True) for _ in range(5))
    before = cp.hstack([planes.start[:, :1], stored[:, :-1]])
    into = cp.multiply(planes.charge_efficiency, charge) - cp.multiply(
        1 / planes.discharge_efficiency, discharge
    )
    constraints: list[Any] = [
        charge <= planes.charge,
        discharge <= planes.discharge,
        stored >= planes.least,
        stored <= planes.most,
        stored == cp.multiply(planes.retention, before) - planes.drain + into,
        planes.net + charge - discharge == bought - sold,
        *_connection(problem, bought=bought, sold=sold),
    ]
    cost = cp.sum(
        cp.multiply(planes.buy, bought) - cp.multiply(planes.sell, sold) + cp.multiply(planes.wear, discharge)
    )
    grid = (bought - sold) / hours
    kept, penalty = program_limits(coupling, grid, zone_of_home=zone_of_home)
    whole: Any = cp.Problem(
        cp.Minimize(cost + hours * penalty), [*constraints, *(each for each, _, _ in kept)]
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            whole.solve(solver=cp.CLARABEL, time_limit=time_limit_s)
    except Exception as error:  # cvxpy raises several kinds; none may reach a user
        raise SolverFailed(f"{type(error).__name__}: {error}"[:300]) from error
    if whole.status != cp.OPTIMAL:
        raise SolverFailed(f"Clarabel ended with {whole.status}, limit {time_limit_s:g} s")
    prices = np.zeros(coupling.shape)
    for constraint, row, sign in kept:
        bounded = np.isfinite(coupling.most_kw[row] if sign > 0 else coupling.least_kw[row])
        prices[row, bounded] += sign * np.asarray(constraint.dual_value) / hours
    return ProgramAnswer(
        float(whole.value), np.asarray(grid.value), prices, float(whole.solver_stats.solve_time)
    )


def _connection(problem: BatteryProblem, *, bought: Any, sold: Any) -> list[Any]:
    """Each home's own limits, as they are said: the referee knows nothing of how the kernel is given them."""
    least, most = (np.broadcast_to(bound, problem.net_kw.shape) for bound in problem.grid_bounds())
    kept = []
    for flow, bound in ((bought, most), (sold, -least)):
        rows, columns = np.nonzero(np.isfinite(bound))
        if rows.size:
            kept.append(flow[rows, columns] <= bound[rows, columns])
    return kept


def program_limits(
    coupling: Coupling, grid: Any, *, zone_of_home: NDArray[np.intp]
) -> tuple[list[tuple[Any, int, int]], Any]:
    """The limits' constraints, each with its row and the sign of its price, and the penalty per hour."""
    cp = load_cvxpy()
    kept: list[tuple[Any, int, int]] = []
    penalty: Any = 0.0
    for row in range(len(coupling.names)):
        summed = coupling.member[row, zone_of_home].astype(np.float64) @ grid
        for sign, bound, rate in (
            (1, coupling.most_kw[row], coupling.penalty_most[row]),
            (-1, coupling.least_kw[row], coupling.penalty_least[row]),
        ):
            bounded = np.flatnonzero(np.isfinite(bound))
            if len(bounded):
                missed = cp.Variable(len(bounded), nonneg=True)
                kept.append((sign * (summed[bounded] - bound[bounded]) <= missed, row, sign))
                penalty += rate * cp.sum(missed)
    return kept, penalty
