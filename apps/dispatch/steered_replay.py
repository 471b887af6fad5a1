"""Decide a stored steered plan again from what was known then, or at other prices, or without some homes."""

import time

import numpy as np

from apps.dispatch.kept import AS_IT_WAS, Change
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.outcomes import (
    SAME_SHARE,
    Outcome,
    Replay,
    WhatIf,
    fleet_differences,
    outcome_of_plan,
    schedule_differences,
)
from apps.dispatch.steered import status_of
from apps.dispatch.steering import Question, price_of, solve
from apps.dispatch.steering_kept import steered_question
from vpp.dispatch.battery_plan import FleetPlan

# In the currency.
SAME_COST = 1e-3


def steered_replay(*, plan: Plan) -> Replay:
    """Answer a steered plan's question again and compare: costs within what was proven, schedules one by one."""
    site_ids, question = steered_question(plan=plan, change=AS_IT_WAS)
    found, seconds = _solved(question)
    stored, again = outcome_of_plan(plan), _outcome(plan, question, found=found, seconds=seconds)
    gap = max(plan.gap or 0.0, again.gap or 0.0)
    said = fleet_differences(stored, again, share=max(SAME_SHARE, gap))
    if (
        stored.cost is not None
        and again.cost is not None
        and abs(stored.cost - again.cost) > SAME_COST + gap * abs(stored.cost)
    ):
        said.append(f"The plan cost {stored.cost:.2f}, the replay {again.cost:.2f}.")
    return Replay(stored, again, said + _home_differences(plan, site_ids, question=question, found=found))


def steered_what_if(*, plan: Plan, change: Change) -> WhatIf:
    """Answer another question from what a steered plan knew."""
    _, question = steered_question(plan=plan, change=change)
    found, seconds = _solved(question)
    return WhatIf(outcome_of_plan(plan), _outcome(plan, question, found=found, seconds=seconds))


def _solved(question: Question | None) -> tuple[FleetPlan | None, float]:
    started = time.monotonic()
    found = None if question is None else solve(question)
    return found, time.monotonic() - started


def _outcome(plan: Plan, question: Question | None, *, found: FleetPlan | None, seconds: float) -> Outcome:
    nothing = [0.0] * len(plan.target_kw)
    if question is None or found is None:
        return Outcome(
            status=Plan.Status.EMPTY,
            solver=plan.solver,
            seconds=seconds,
            gap=None,
            cost=None,
            homes=0,
            target_kw=nothing,
            planned_kw=nothing,
            shortfall_kwh=0.0,
            price_per_kwh=plan.price_per_kwh,
            explanation=[],
        )
    problem = question.problem
    return Outcome(
        status=status_of(found),
        solver=plan.solver,
        seconds=seconds,
        gap=found.certificate.gap,
        cost=found.certificate.primal,
        homes=len(problem.net_kw),
        target_kw=nothing,
        planned_kw=(problem.net_kw.sum(axis=0) - found.homes.grid_kw.sum(axis=0)).tolist(),
        shortfall_kwh=float(found.above_kw.sum()) * problem.step_h,
        price_per_kwh=price_of(problem).tolist(),
        explanation=list(found.explanation),
    )


def _home_differences(
    plan: Plan, site_ids: list[int], *, question: Question | None, found: FleetPlan | None
) -> list[str]:
    rows = Schedule.objects.filter(plan=plan)
    told = {site_id: np.array(values) for site_id, values in rows.values_list("site_id", "shed_kw")}
    shed = (
        np.empty((0, 0))
        if question is None or found is None
        else question.problem.net_kw - found.homes.grid_kw
    )
    again = dict(zip(site_ids, shed, strict=True))
    return schedule_differences(told, again, steps=len(plan.target_kw))
