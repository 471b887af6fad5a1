"""Who gives what: one call that always answers."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.coordinate import Effort
from vpp.dispatch.explain import explain, name_all
from vpp.dispatch.master import MasterFailed
from vpp.dispatch.problem import AllocationProblem, AllocationResult, Cuts, Floats, Status
from vpp.dispatch.proportional import share_in_proportion
from vpp.dispatch.shed_fleet import ShedBlocks, Workers, solve_shed
from vpp.dispatch.shed_program import SolverFailed, solve_fleet
from vpp.scheduling.battery_oracle import Spread

# Homes times intervals from which column generation is faster than one program for all.
COLUMNS_FROM_CELLS = 2000
NOTHING_KW = 1e-6
Employ = Callable[[ShedBlocks], Workers]
ACTIVE_KW = 1e-4
SHORT_KW = 1e-3


def allocate(
    problem: AllocationProblem,
    *,
    time_limit_s: float = 10.0,
    effort: Effort | None = None,
    spread: Spread = map,
    warm: Floats | None = None,
    employ: Employ | None = None,
) -> AllocationResult:
    """Share a target among the homes.

    Homes whose data is not complete are left out and named. Small portfolios are decided by the program of
    `shed_program`, large ones by column generation, `shed_fleet`; where the solver fails or runs out of time, the
    target is shared in proportion to head-room and the explanation says so.

    Parameters
    ----------
    problem
        N homes, T intervals; either may be 0.
    time_limit_s
        For the solver of small portfolios [s].
    effort, spread, warm, employ
        Of column generation; `warm` are prices (1 + limits, T) of the last run, `employ` says who answers for blocks of
        homes, see `ShedFleet`.

    Returns
    -------
    AllocationResult
        ``optimal`` when the target is met, ``partial`` when something is missing or no solver decided,
        ``empty`` when something is asked for and no home gives anything.
    """
    usable = problem.envelope.usable
    part = problem.select(usable)

    def by_columns() -> Cuts:
        return solve_shed(part, effort=effort, spread=spread, warm=warm, employ=employ)

    cuts, remark = _decide(part, time_limit_s=time_limit_s, by_columns=by_columns)
    return _result(problem, part=part, cuts=cuts, remark=remark)


def _decide(
    part: AllocationProblem, *, time_limit_s: float, by_columns: Callable[[], Cuts]
) -> tuple[Cuts, str]:
    if not part.envelope.names or not (part.target_kw > 0).any():
        return share_in_proportion(part), ""
    try:
        if part.envelope.baseline_kw.size >= COLUMNS_FROM_CELLS:
            return by_columns(), ""
        return solve_fleet(part, time_limit_s=time_limit_s), ""
    except (SolverFailed, MasterFailed) as error:
        remark = f"The solver gave no plan ({error.detail}); the target is shared in proportion to head-room."
        return share_in_proportion(part), remark


def _result(
    problem: AllocationProblem, *, part: AllocationProblem, cuts: Cuts, remark: str
) -> AllocationResult:
    usable = problem.envelope.usable
    excluded = tuple(n for n, known in zip(problem.envelope.names, usable, strict=True) if not known)
    total = cuts.discharge_kw + cuts.ev_kw + cuts.heat_kw
    shed = part.envelope.idle_shed_kw + total
    shed[np.abs(shed) < NOTHING_KW] = 0.0
    balance = problem.target_kw - shed.sum(axis=0)
    shortfall = np.where(balance > NOTHING_KW, balance, 0.0)
    active = np.zeros(len(usable), dtype=np.bool_)
    active[usable] = (shed > ACTIVE_KW).any(axis=1)
    reasons = [*explain(part, cuts=cuts, shed_kw=shed, shortfall_kw=shortfall), remark]
    if excluded:
        reasons.append(f"Left out because their data is not complete: {name_all(excluded)}.")
    return AllocationResult(
        shed_kw=_fill(shed, homes=usable, empty=0.0),
        discharge_kw=_fill(cuts.discharge_kw, homes=usable, empty=0.0),
        ev_cut_kw=_fill(cuts.ev_kw, homes=usable, empty=0.0),
        heat_cut_kw=_fill(cuts.heat_kw, homes=usable, empty=0.0),
        site_kw=_fill(part.envelope.baseline_kw - shed, homes=usable, empty=np.nan),
        active=active,
        shortfall_kw=shortfall,
        surplus_kw=np.where(balance < -NOTHING_KW, -balance, 0.0),
        status=_status(problem.target_kw, shortfall_kw=shortfall, active=bool(active.any()), sure=not remark),
        objective=cuts.objective,
        price_per_kwh=cuts.price_per_kwh,
        solver=cuts.solver,
        explanation=tuple(reason for reason in reasons if reason),
        excluded=excluded,
        gap=cuts.gap,
        limit_prices=cuts.limit_prices,
    )


def _status(target_kw: Floats, *, shortfall_kw: Floats, active: bool, sure: bool) -> Status:
    if not active and (target_kw > 0).any():
        return "empty"
    return "partial" if not sure or (shortfall_kw > SHORT_KW).any() else "optimal"


def _fill(values: Floats, *, homes: NDArray[np.bool_], empty: float) -> Floats:
    """Values of some homes in the rows of all."""
    whole = np.full((len(homes), *values.shape[1:]), empty, dtype=np.float64)
    whole[homes] = values
    return whole
