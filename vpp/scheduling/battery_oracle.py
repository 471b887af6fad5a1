"""The exact optimum of home batteries at given prices, by slope-trick dynamic programming.

For each home: minimize what import costs less what export earns plus wear, over charge and discharge within power
limits, with losses by direction, leakage, energy others take out, stored energy within bounds at every step and not
below a given end.

The least cost to reach a stored energy is a convex piecewise-linear function of it: a left end and a sorted list of
slopes. A step merges its own cost, again sorted slopes over the change of stored energy, into the list (an infimal
convolution) and cuts both ends to the bounds; going back, refilling the lists up to the chosen energy gives the plan.
There is no grid and no solver tolerance. The method is the "slope trick" for convex piecewise-linear dynamic programs,
applied to storage arbitrage.

Where it is exact, and what happens elsewhere
---------------------------------------------
A step's cost is convex, and the answer the true optimum, when its slopes ascend: `sell <= buy`, and at the rest point
`price * (1 / charge_efficiency - discharge_efficiency) + wear * discharge_efficiency >= 0`, which every price of 0
or more fulfills. Elsewhere (sell above buy; a negative price and losses, where burning energy would pay) the
step's cost is replaced by its greatest convex minorant. The plan then is still one the battery can carry out, never
charging and discharging at once, `objective` is its true cost, `lower_bound` the proven bound, and `exact` says for
each home whether they meet. Nothing is refused for its prices.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Final, Literal

import numpy as np

from vpp.scheduling import battery_kernel
from vpp.scheduling.battery_numpy import solve_vectorized
from vpp.scheduling.battery_problem import (
    Answer,
    BatteryProblem,
    BatteryResult,
    Fleet,
    Floats,
    InfeasibleScheduleError,
)

EXACT: Final = 1e-9
GROUP: Final = 512  # homes whose powers are worked out at once

Path = Literal["auto", "compiled", "numpy"]


def solve_batteries(problem: BatteryProblem, *, path: Path = "auto") -> BatteryResult:
    """Return the cheapest plan of each home.

    Parameters
    ----------
    problem
        N homes over T steps.
    path
        `compiled` needs numba and compiles on the first call of a process; `numpy` gives the same objective, about
        30 times slower; `auto` compiles where numba is installed.

    Raises
    ------
    InfeasibleScheduleError
        Naming the homes whose stored energy cannot be within its bounds at some step, the end included.
    """
    fleet = problem.fleet()
    if path == "auto":
        path = "compiled" if find_spec("numba") else "numpy"
    solver = compiled_solver() if path == "compiled" else solve_vectorized
    answer = solver(fleet)
    _refuse_failed(problem, answer)
    return _result(problem, fleet=fleet, answer=answer)


@cache
def compiled_solver() -> Callable[[Fleet], Answer]:
    """Hand the kernel to numba; the machine code itself is made at the first call."""
    from numba import njit
    from numba.extending import register_jitable

    for helper in battery_kernel.HELPERS:
        register_jitable(helper)
    solver: Callable[[Fleet], Answer] = njit(nogil=True)(battery_kernel.solve_homes)
    return solver


def _refuse_failed(problem: BatteryProblem, answer: Answer) -> None:
    homes = np.flatnonzero(answer.failed >= 0)
    if not homes.size:
        return
    last = problem.net_kw.shape[1] - 1
    first = int(answer.failed[homes[0]])
    where = "its end" if first == last else f"step {first}"
    raise InfeasibleScheduleError(
        f"the battery cannot be within its bounds by {where} (the first such home), with its power from its start: "
        f"{problem.named(homes)}"
    )


def _result(problem: BatteryProblem, *, fleet: Fleet, answer: Answer) -> BatteryResult:
    """Powers and the true cost that follow from the stored energies; some homes at a time, to stay in the cache."""
    homes, shape = len(answer.bound), answer.stored.shape
    result = BatteryResult(
        objective=np.empty(homes),
        lower_bound=answer.bound,
        exact=np.empty(homes, np.bool_),
        stored_kwh=answer.stored,
        grid_kw=np.empty(shape),
        charge_kw=np.empty(shape),
        discharge_kw=np.empty(shape),
    )
    for first in range(0, homes, GROUP):
        rows = slice(first, first + GROUP)
        part = Fleet(*(plane[rows] if len(plane) > 1 else plane for plane in fleet))
        _fill(result, rows, fleet=part, step_h=problem.step_h)
    return result


def _fill(result: BatteryResult, rows: slice, *, fleet: Fleet, step_h: float) -> None:
    stored = result.stored_kwh[rows]
    before = np.hstack([np.broadcast_to(fleet.start, (len(stored), 1)), stored[:, :-1]])
    change = stored - (fleet.retention * before - fleet.drain)
    charge = np.clip(change / fleet.charge_efficiency, 0.0, fleet.charge)
    discharge = np.clip(change * -fleet.discharge_efficiency, 0.0, fleet.discharge)
    grid = fleet.net + charge - discharge
    paid: Floats = np.where(grid > 0.0, fleet.buy, fleet.sell) * grid
    worn = fleet.wear * discharge
    objective = (paid + worn).sum(axis=1)
    moved = (np.abs(paid) + worn).sum(axis=1)
    result.objective[rows] = objective
    result.exact[rows] = objective - result.lower_bound[rows] <= EXACT * np.maximum(moved, 1e-3)
    np.divide(grid, step_h, out=result.grid_kw[rows])
    np.divide(charge, step_h, out=result.charge_kw[rows])
    np.divide(discharge, step_h, out=result.discharge_kw[rows])
