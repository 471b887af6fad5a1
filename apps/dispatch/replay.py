"""Decide a stored plan again from what was known then, or ask what another question would have got.

Nothing is stored and nobody is told.
"""

import dataclasses
import time
from typing import Any

import numpy as np

from apps.dispatch.kept import AS_IT_WAS, Change, Question, question_kept
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.question import solve
from apps.sites.selectors import sites_by_id
from vpp.dispatch.explain import name_all
from vpp.dispatch.problem import AllocationResult

# Kept forecasts are rounded to 0.01 W and large fleets are planned to 0.1 % of the least cost.
SAME_KW = 0.01
SAME_SHARE = 2e-3
SAME_PRICE = 0.005


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a plan decides for the fleet, over its intervals; powers [kW], prices and cost in currency."""

    status: str
    solver: str
    seconds: float
    gap: float | None
    cost: float | None
    homes: int
    target_kw: list[float]
    planned_kw: list[float]
    shortfall_kwh: float
    price_per_kwh: list[float]
    explanation: list[str]


@dataclasses.dataclass(frozen=True)
class Replay:
    """A stored plan beside the same question answered again; `differences` in sentences, none where both agree."""

    stored: Outcome
    again: Outcome
    differences: list[str]

    @property
    def same(self) -> bool:
        return not self.differences


@dataclasses.dataclass(frozen=True)
class WhatIf:
    """A stored plan beside the answer to another question from the same knowledge."""

    stored: Outcome
    instead: Outcome

    @property
    def more_cost(self) -> float | None:
        """What the other plan would cost more [currency]; None where a solver did not say."""
        if self.stored.cost is None or self.instead.cost is None:
            return None
        return self.instead.cost - self.stored.cost

    @property
    def more_shortfall_kwh(self) -> float:
        return self.instead.shortfall_kwh - self.stored.shortfall_kwh


def plan_replay(*, plan: Plan) -> Replay:
    """Answer a stored plan's question again and compare, schedule by schedule."""
    question = question_kept(plan=plan)
    result, seconds = _solved(question)
    again = _outcome(result, question, seconds=seconds, hours=plan.interval_s / 3600)
    stored = outcome_of_plan(plan)
    found = _fleet_differences(stored, again) + _home_differences(plan, question, result=result)
    return Replay(stored, again, found)


def plan_what_if(*, plan: Plan, change: Change) -> WhatIf:
    """Answer another question from what the plan knew."""
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


def outcome_of_plan(plan: Plan) -> Outcome:
    """What a stored plan decided."""
    return Outcome(
        status=plan.status,
        solver=plan.solver,
        seconds=plan.seconds,
        gap=plan.gap,
        cost=plan.objective,
        homes=plan.schedules.filter(counted=True).count(),
        target_kw=plan.target_kw,
        planned_kw=plan.planned_kw,
        shortfall_kwh=sum(plan.shortfall_kw) * plan.interval_s / 3600,
        price_per_kwh=plan.price_per_kwh,
        explanation=plan.explanation,
    )


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


def _fleet_differences(stored: Outcome, again: Outcome) -> list[str]:
    found = []
    if stored.status != again.status:
        found.append(f"The plan was {stored.status}, the replay is {again.status}.")
    off = np.abs(np.subtract(stored.planned_kw, again.planned_kw))
    if (off > SAME_KW + SAME_SHARE * np.abs(stored.planned_kw)).any():
        worst = int(np.argmax(off))
        found.append(
            f"Interval {worst + 1} was planned with {stored.planned_kw[worst]:.2f} kW, "
            f"the replay has {again.planned_kw[worst]:.2f} kW."
        )
    if (off := np.abs(np.subtract(stored.price_per_kwh, again.price_per_kwh))).max(initial=0.0) > SAME_PRICE:
        found.append(f"The prices differ by up to {off.max():.3f} per kWh.")
    return found


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
    nothing = np.zeros(len(plan.target_kw))
    off = {
        site_id: float(np.abs(told.get(site_id, nothing) - again.get(site_id, nothing)).max(initial=0.0))
        for site_id in told.keys() | again.keys()
    }
    differing = {site_id: value for site_id, value in off.items() if value > SAME_KW}
    if not differing:
        return []
    sites = sites_by_id(site_ids=sorted(differing))
    names = [sites[one].name if one in sites else f"home {one}" for one in sorted(differing)]
    who = "1 home has" if len(differing) == 1 else f"{len(differing)} homes have"
    return [f"{who} another schedule, by up to {max(differing.values()):.2f} kW: {name_all(names)}."]
