"""Coordinated homes of any kind as one program in cvxpy: the definition, and the referee of the decomposed path.

minimize   sum_i money_i + h * sum_mt( penalty_least below + penalty_most above )
subject to each home's own program (`home_program`), no store charging and discharging at once
           least_m <= sum of the meters of m + below_m,   the same - above_m <= most_m
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.battery_program import program_limits
from vpp.dispatch.coupling import Coupling
from vpp.dispatch.shed_program import load_cvxpy
from vpp.resources.store import Store
from vpp.scheduling.home_problem import HomeProblem
from vpp.scheduling.home_program import build_program
from vpp.scheduling.program import Solved, solve_program


def solve_homes_as_one(
    homes: Sequence[HomeProblem],
    coupling: Coupling,
    *,
    zone_of_home: NDArray[np.intp],
    time_limit_s: float = 60.0,
    relax: bool = False,
) -> Solved:
    """Solve all homes and limits together with HiGHS; for some dozens of homes at most.

    Raises
    ------
    SolverFailedError
        For a failure inside the solver.
    """
    cp = load_cvxpy()
    programs = [
        build_program(
            home,
            exclusive=() if relax else [one.name for one in home.resources if isinstance(one, Store)],
            relax=relax,
        )
        for home in homes
    ]
    meters = cp.vstack([sum(model.power_kw for model in program.models) for program in programs])
    kept, penalty = program_limits(coupling, meters, zone_of_home=zone_of_home)
    held: list[Any] = [one for one, _, _ in kept]
    for program in programs:
        held += [*program.constraints, *(one.short <= 0 for one in (*program.needs, *program.limits))]
    cost = sum(program.money for program in programs) + coupling.step_h * penalty
    return solve_program(cost, held, time_limit_s=time_limit_s)
