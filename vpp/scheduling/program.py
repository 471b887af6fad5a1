"""One cvxpy program solved by HiGHS within a time, with the bound it proves."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vpp.errors import VppError
from vpp.resources.horizon import modeling

Status = Literal["optimal", "feasible", "infeasible", "nothing"]


class SolverFailedError(VppError):
    """A failure inside the solver; the same question may be asked again."""

    code = "solver_failed"
    permanent = False


@dataclass(frozen=True, slots=True)
class Solved:
    """`optimal`; `feasible` at the end of the time; `infeasible`; or `nothing` found in the time.

    With the first two the program's variables hold the solution. `bound` is a cost that nothing can go below,
    `seconds` what the solver took [s].
    """

    status: Status
    objective: float = math.inf
    bound: float = -math.inf
    seconds: float = 0.0

    @property
    def found(self) -> bool:
        """Whether there is a solution."""
        return self.status in ("optimal", "feasible")


def solve_program(cost: Any, constraints: Sequence[Any], *, time_limit_s: float, gap: float = 1e-7) -> Solved:
    """Minimize `cost`.

    Parameters
    ----------
    cost, constraints
        Of cvxpy; linear, integer variables allowed.
    time_limit_s
        For the solver [s].
    gap
        Relative gap at which an integer program counts as solved [1].

    Raises
    ------
    SolverFailedError
        Whatever went wrong inside cvxpy or HiGHS, an unbounded program included.
    """
    cp = modeling()
    program = cp.Problem(cp.Minimize(cost), list(constraints))
    options = {"time_limit": time_limit_s, "mip_rel_gap": gap, "mip_abs_gap": 1e-9, "threads": 1}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # "may be inaccurate" is the status that is checked below
            data, chain, inverse = program.get_problem_data(cp.HIGHS)
            raw = chain.solve_via_data(program, data, solver_opts={"highs_options": options})
            return _read(program, raw, chain=chain, inverse=inverse)
    except SolverFailedError:
        raise
    except Exception as error:  # cvxpy raises several kinds and HiGHS its own; none may reach a user
        raise SolverFailedError(f"{type(error).__name__}: {error}"[:300]) from error


def _read(program: Any, raw: Any, *, chain: Any, inverse: Any) -> Solved:
    model, info, seconds = raw["model_status"], raw["info"], float(raw["run_time"])
    if model in ("kInfeasible", "kUnboundedOrInfeasible"):
        return Solved("infeasible", seconds=seconds)
    is_mip = program.is_mixed_integer()
    # 2 is HiGHS's word for a feasible primal solution.
    if model == "kTimeLimit" and not (is_mip and info.primal_solution_status == 2):
        return Solved("nothing", seconds=seconds)
    if model not in ("kOptimal", "kTimeLimit"):
        raise SolverFailedError(f"HiGHS ended with {model}")
    program.unpack_results(raw, chain, inverse)
    objective = float(program.value)
    if not is_mip:
        return Solved("optimal", objective, objective, seconds)
    offset = objective - float(info.objective_function_value)
    status: Status = "optimal" if model == "kOptimal" else "feasible"
    return Solved(status, objective, min(objective, float(info.mip_dual_bound) + offset), seconds)
