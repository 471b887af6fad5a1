"""Decide a stored plan again from what was known then, or ask what another question would have got.

Nothing is stored and nobody is told.
"""

import dataclasses
import time
from typing import Any

import numpy as np

from apps.dispatch.kept import AS_IT_WAS, Change, Question, question_kept
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.outcomes import (
    Outcome,
    Replay,
    WhatIf,
    fleet_differences,
    outcome_of_plan,
    schedule_differences,
)
from apps.dispatch.question import solve
from apps.dispatch.steered_replay import steered_replay, steered_what_if
from vpp.dispatch.problem import AllocationResult


def plan_replay(*, plan: Plan) -> Replay:
    """Answer a stored plan's question again and compare, schedule by schedule."""
    if plan.is_steered:
        return steered_replay(plan=plan)
    question = question_kept(plan=plan)
    result, seconds = _solved(question)
    again = _outcome(result, question, seconds=seconds, hours=plan.interval_s / 3600)
    stored = outcome_of_plan(plan)
    found = fleet_differences(stored, again) + _home_differences(plan, question, result=result)
    return Replay(stored, again, found)


def plan_what_if(*, plan: Plan, change: Change) -> WhatIf:
    """Answer another question from what the plan knew."""
    if plan.is_steered:
        return steered_what_if(plan=plan, change=change)
    question = question_kept(plan=plan, change=change)
    result, seconds = _solved(question)
    return WhatIf(
        outcome_of_plan(plan), _outcome(result, question, seconds=seconds, hours=plan.interval_s / 3600)
    )


def answer(*, plan: Plan, change: Change) -> dict[str, Any]:
    """Return a replay, or with a change what it would do, as JSON."""
    if change == AS_IT_WAS:
        replay = plan_replay(plan=plan)
        return {"kind": "replay", "same": replay.same, **dataclasses.asdict(replay)}
    what_if = plan_what_if(plan=plan, change=change)
    return {
        "kind": "what_if",
        "more_cost": what_if.more_cost,
        "more_shortfall_kwh": what_if.more_shortfall_kwh,
        **dataclasses.asdict(what_if),
    }


def _solved(question: Question) -> tuple[AllocationResult, float]:
    started = time.monotonic()
    result = solve(question.problem)
    return result, time.monotonic() - started


def _outcome(result: AllocationResult, question: Question, *, seconds: float, hours: float) -> Outcome:
    return Outcome(
        status=result.status,
        solver=result.solver,
        seconds=seconds,
        gap=result.gap,
        cost=result.objective,
        homes=int(result.active.sum()),
        target_kw=question.problem.target_kw.tolist(),
        planned_kw=result.shed_kw.sum(axis=0).tolist(),
        shortfall_kwh=float(result.shortfall_kw.sum()) * hours,
        price_per_kwh=result.price_per_kwh.tolist(),
        explanation=list(result.explanation),
    )


def _home_differences(plan: Plan, question: Question, *, result: AllocationResult) -> list[str]:
    """Compare what homes are told; a home that is told nothing goes its own way, whatever is expected of it."""
    rows = Schedule.objects.filter(plan=plan, counted=True)
    told = {site_id: np.array(values) for site_id, values in rows.values_list("site_id", "shed_kw")}
    ids = np.array(question.site_ids)[question.takes_part].tolist()
    again = {
        site_id: row
        for site_id, row, active in zip(ids, result.shed_kw, result.active, strict=True)
        if active or site_id in told
    }
    return schedule_differences(told, again, steps=len(plan.target_kw))
