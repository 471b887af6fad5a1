"""From what a method found to a home's plan."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vpp.resources.horizon import Floats
from vpp.scheduling.home_explain import sentences
from vpp.scheduling.home_problem import HomeMethod, HomePlan, HomeProblem, cost_of

EXACT: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Found:
    """Powers and stored energies by resource, and where they come from."""

    power_kw: dict[str, Floats]
    stored_kwh: dict[str, Floats]
    discharged_kw: Mapping[str, Floats]
    method: HomeMethod
    lower_bound: float
    price_per_kwh: Floats | None = None


def plan_of(problem: HomeProblem, found: Found) -> HomePlan:
    """The meter, the cost and the sentences that follow from what was found."""
    meter: Floats = np.sum(list(found.power_kw.values()), axis=0)
    cost = cost_of(problem, meter, discharged_kw=found.discharged_kw)
    imported = float(np.maximum(meter, 0.0).sum()) * problem.horizon.step_h
    objective = cost.total if problem.goal == "cost" else imported
    plan = HomePlan(
        power_kw=found.power_kw,
        stored_kwh=found.stored_kwh,
        meter_kw=meter,
        cost=cost,
        objective=objective,
        lower_bound=min(objective, found.lower_bound),
        exact=_is_exact(objective, found.lower_bound),
        method=found.method,
        price_per_kwh=found.price_per_kwh,
        explanation=(),
    )
    return _explained(problem, plan)


def better_of(problem: HomeProblem, plans: tuple[HomePlan, HomePlan]) -> HomePlan:
    """The better of two plans for the same goal, with the better of their bounds."""
    plan, bound = min(plans, key=lambda one: one.objective), max(one.lower_bound for one in plans)
    exact = _is_exact(plan.objective, bound)
    return _explained(problem, replace(plan, lower_bound=min(bound, plan.objective), exact=exact))


def _is_exact(objective: float, bound: float) -> bool:
    return objective - bound <= EXACT * max(1.0, abs(objective))


def _explained(problem: HomeProblem, plan: HomePlan) -> HomePlan:
    gap = 0.0 if plan.exact else plan.gap
    said = sentences(problem, power_kw=plan.power_kw, cost=plan.cost, method=plan.method, gap=gap)
    return replace(plan, explanation=said)
