"""A home's own optimum: the cheapest plan of all its resources behind one meter.

One battery beside what cannot be chosen, and no demand charge, is the slope trick's (see `battery_oracle`); whatever
else is convex is a linear program; where something switches, a mixed-integer program with a time box. HiGHS solves
both. There is always an answer: a plan with its proven bound, or an error that names what cannot be had.
"""

import numpy as np

from vpp.resources.store import Store
from vpp.scheduling.home_battery import by_slope_trick
from vpp.scheduling.home_explain import infeasible
from vpp.scheduling.home_plan import Found, better_of, plan_of
from vpp.scheduling.home_problem import HomePlan, HomeProblem, NoPlanInTimeError
from vpp.scheduling.home_program import HomeProgram, build_program
from vpp.scheduling.home_rule import rule_powers


def plan_home(problem: HomeProblem) -> HomePlan:
    """Find the plan that reaches the home's goal best.

    Parameters
    ----------
    problem
        Resources, prices, limits, goal and time.

    Returns
    -------
    HomePlan
        With `exact` where nothing can do better; else with the bound that was proven in the time.

    Raises
    ------
    ImpossibleNeedError
        For a resource that cannot meet its need by itself.
    InfeasibleHomeError
        For needs and limits that cannot be met together, naming what gives way.
    NoPlanInTimeError
        Where the time ran out and the simple rule found no plan either.
    SolverFailedError
        For a failure inside the solver.
    """
    for resource in problem.resources:
        if isinstance(resource, Store):
            resource.refuse_impossible()
    quick = by_slope_trick(problem)
    if quick is not None and quick.exact:
        return quick
    found = _by_program(problem)
    if quick is None:
        return found or _by_rule(problem)
    return quick if found is None else better_of(problem, (quick, found))


def _by_program(problem: HomeProblem) -> HomePlan | None:
    """None where the solver found nothing in its time. Switches against both ways are added where they are missed."""
    exclusive: frozenset[str] = frozenset()
    bound, left_s = -np.inf, problem.time_limit_s
    while True:
        program = build_program(problem, exclusive=exclusive)
        solved = program.solve(time_limit_s=left_s)
        if solved.status == "infeasible":
            raise infeasible(problem, time_limit_s=problem.time_limit_s)
        if not solved.found:
            return None
        # A program with fewer switches lets more through, so its bound holds for the ones after it.
        bound, left_s = max(bound, solved.bound), max(0.0, left_s - solved.seconds)
        missed = program.both_ways() - exclusive
        if not missed:
            return _from_program(problem, program, bound=bound)
        exclusive |= missed


def _from_program(problem: HomeProblem, program: HomeProgram, *, bound: float) -> HomePlan:
    return plan_of(
        problem,
        Found(
            power_kw=program.power_kw(),
            stored_kwh=program.detail("stored_kwh"),
            discharged_kw=program.detail("discharge_kw"),
            method="milp" if program.integers else "lp",
            lower_bound=bound,
            price_per_kwh=program.price_per_kwh(),
        ),
    )


def _by_rule(problem: HomeProblem) -> HomePlan:
    powers = rule_powers(problem)
    if powers is None:
        raise NoPlanInTimeError(
            f"{problem.name}: no plan was found within {problem.time_limit_s:g} s, nor by the simple rule"
        )
    nothing = np.zeros(problem.horizon.steps)
    stores = [resource for resource in problem.resources if isinstance(resource, Store)]
    return plan_of(
        problem,
        Found(
            power_kw=powers,
            stored_kwh={store.name: store.stored_from(powers[store.name], nothing) for store in stores},
            discharged_kw={},
            method="rule",
            lower_bound=-np.inf,
        ),
    )
