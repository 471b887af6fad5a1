"""The exact optimum of home batteries at given prices, by slope-trick dynamic programming.

For each home: minimize what import costs less what export earns plus wear, over charge and discharge within power
limits, with losses by direction, leakage, energy others take out, stored energy within bounds at every step and not
below a given end, and import and export within limits (`battery_limits` takes those out first).

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

from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, Literal

import numpy as np

from vpp.scheduling import battery_kernel
from vpp.scheduling.battery_limits import bounded_fleet, confine
from vpp.scheduling.battery_numpy import solve_vectorized
from vpp.scheduling.battery_problem import (
    Answer,
    BatteryPowers,
    BatteryProblem,
    BatteryResult,
    Fleet,
    Floats,
    InfeasibleScheduleError,
    Totals,
)

EXACT: Final = 1e-9
GROUP: Final = 512  # homes whose powers are worked out at once

PART: Final = 2048  # homes one thread is given at a time

Path = Literal["auto", "compiled", "numpy"]
Spread = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]


def solve_batteries(problem: BatteryProblem, *, path: Path = "auto", spread: Spread = map) -> BatteryResult:
    """Return the cheapest plan of each home.

    Parameters
    ----------
    problem
        N homes over T steps.
    path
        `compiled` needs numba and compiles on the first call of a process; `numpy` gives the same objective, about
        30 times slower; `auto` compiles where numba is installed.
    spread
        How the compiled path works through groups of homes: `map`, or that of a pool of threads, which then share the
        processor's cores, for the machine code holds no lock.

    Raises
    ------
    InfeasibleScheduleError
        Naming the homes whose stored energy cannot be within its bounds at some step, the end included, or whose
        battery is too weak to keep a limit of the connection point.
    """
    fleet, worn = confine(problem)
    if path == "auto":
        path = "compiled" if find_spec("numba") else "numpy"
    answer = _in_parts(fleet, spread=spread) if path == "compiled" else solve_vectorized(fleet)
    _refuse_failed(problem, answer)
    powers, bound = powers_of(problem, answer.stored), answer.bound + worn
    return BatteryResult(
        objective=powers.cost,
        lower_bound=bound,
        exact=powers.cost - bound <= EXACT * np.maximum(powers.moved, 1e-3),
        stored_kwh=powers.stored_kwh,
        grid_kw=powers.grid_kw,
        charge_kw=powers.charge_kw,
        discharge_kw=powers.discharge_kw,
    )


def _in_parts(fleet: Fleet, *, spread: Spread) -> Answer:
    homes, steps = fleet.net.shape
    answer = Answer(np.empty(homes), np.empty((homes, steps)), np.empty(homes, np.int64))
    solver = compiled_solver()

    def solve(first: int) -> None:
        rows = slice(first, first + PART)
        part = Fleet(*(plane[rows] if len(plane) > 1 else plane for plane in fleet))
        for whole, piece in zip(answer, solver(part), strict=True):
            whole[rows] = piece

    for _ in spread(solve, range(0, homes, PART)):
        pass
    return answer


@cache
def compiled_solver() -> Callable[[Fleet], Answer]:
    """Hand the kernel to numba; the machine code itself is made at the first call."""
    solver: Callable[[Fleet], Answer] = _compiler()(battery_kernel.solve_homes)
    return solver


@cache
def compiled_totals() -> Callable[[Fleet], Totals]:
    """Likewise the kernel that keeps nothing but sums."""
    solver: Callable[[Fleet], Totals] = _compiler()(battery_kernel.total_homes)
    return solver


@cache
def _compiler() -> Any:
    from numba import njit
    from numba.extending import register_jitable

    for helper in battery_kernel.HELPERS:
        register_jitable(helper)
    return njit(nogil=True, cache=True)


def _refuse_failed(problem: BatteryProblem, answer: Answer) -> None:
    homes = np.flatnonzero(answer.failed >= 0)
    if not homes.size:
        return
    last = problem.net_kw.shape[1] - 1
    first = int(answer.failed[homes[0]])
    where = "its end" if first == last else f"step {first}"
    unlimited = problem.import_kw is None and problem.export_kw is None
    limited = "" if unlimited else " and within its home's limits"
    raise InfeasibleScheduleError(
        f"the battery cannot be within its bounds by {where} (the first such home), with its power from its start"
        f"{limited}: {problem.named(homes)}"
    )


def powers_of(problem: BatteryProblem, stored_kwh: Floats) -> BatteryPowers:
    """Powers and true cost that follow from energies stored at the end of each step, (N, T) [kWh].

    Works some homes at a time, to stay in the processor's cache.
    """
    fleet, shape = bounded_fleet(problem), stored_kwh.shape
    powers = BatteryPowers(
        cost=np.empty(shape[0]),
        moved=np.empty(shape[0]),
        stored_kwh=stored_kwh,
        grid_kw=np.empty(shape),
        charge_kw=np.empty(shape),
        discharge_kw=np.empty(shape),
    )
    for first in range(0, shape[0], GROUP):
        rows = slice(first, first + GROUP)
        part = Fleet(*(plane[rows] if len(plane) > 1 else plane for plane in fleet))
        _fill(powers, rows, fleet=part, step_h=problem.step_h)
    return powers


def _fill(powers: BatteryPowers, rows: slice, *, fleet: Fleet, step_h: float) -> None:
    stored = powers.stored_kwh[rows]
    before = np.hstack([np.broadcast_to(fleet.start, (len(stored), 1)), stored[:, :-1]])
    change = stored - (fleet.retention * before - fleet.drain)
    charge = np.clip(change / fleet.charge_efficiency, 0.0, fleet.charge)
    discharge = np.clip(change * -fleet.discharge_efficiency, 0.0, fleet.discharge)
    grid = fleet.net + charge - discharge
    paid: Floats = np.where(grid > 0.0, fleet.buy, fleet.sell) * grid
    worn = fleet.wear * discharge
    powers.cost[rows] = (paid + worn).sum(axis=1)
    powers.moved[rows] = (np.abs(paid) + worn).sum(axis=1)
    np.divide(grid, step_h, out=powers.grid_kw[rows])
    np.divide(charge, step_h, out=powers.charge_kw[rows])
    np.divide(discharge, step_h, out=powers.discharge_kw[rows])
