"""The fleet's decisions: plan a signal, plan the rest of it again, release homes, tell the hubs."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction

from apps.common.bulk import bulk_copy
from apps.common.queue import enqueue_on_commit
from apps.common.redis import publish
from apps.dispatch.errors import SignalUnknownError
from apps.dispatch.gathering import explanation_of, fleet_of, request_of
from apps.dispatch.models import Plan, Schedule, Tracker
from apps.dispatch.orders import carried_over, planning, priority_of, schedule_message, schedules_queue
from apps.dispatch.passed_on import is_passed_on, signal_pass_on, signal_take_back
from apps.dispatch.precedence import outranked
from apps.dispatch.question import Decision, Request, decide
from apps.dispatch.selectors import newest_plan, newest_revision, newest_schedules
from apps.dispatch.steered import home_let_go, program_steer
from apps.dispatch.telling import TELL_TASK
from apps.flexibility.services import FleetFlexibility
from apps.programs.models import GridSignal
from apps.programs.services import signal_set_state
from apps.sites.models import Resource
from apps.sites.selectors import resource_keys
from vpp.dispatch.problem import AllocationResult

PLANNABLE = [GridSignal.State.ACCEPTED, GridSignal.State.PLANNED, GridSignal.State.ACTIVE]


def signal_plan(*, signal_id: UUID, reason: str, now: datetime, only_after: int | None = None) -> Plan | None:
    """Decide who gives what from now to the signal's end, and queue the hubs' instructions.

    Homes that are silent or opted out are planned around. Returns None for a signal that is over, or where
    `only_after` is given and another plan has followed that revision (0: none) in the meantime.
    """
    with planning(signal_id):
        if only_after is not None and newest_revision(signal_id=signal_id) != only_after:
            return None
        signal = GridSignal.objects.select_related("program", "organization").filter(pk=signal_id).first()
        if signal is None:
            raise SignalUnknownError("no such grid signal")
        if signal.state not in PLANNABLE or now >= signal.ends_at:
            return None
        if is_passed_on(signal):
            signal_pass_on(signal=signal, reason=reason, now=now)
        if signal.is_steered:
            return program_steer(program=signal.program, reason=reason, now=now)
        return _plan(signal, reason=reason, now=now) if signal.is_shed else None


def _plan(signal: GridSignal, *, reason: str, now: datetime) -> Plan | None:
    fleet = fleet_of(signal=signal, now=now, store=True)
    request = request_of(signal=signal, fleet=fleet, reason=reason, now=now)
    started = time.perf_counter()
    decision = decide(request, fleet, last=newest_plan(signal_id=signal.pk))
    return _commit(request, fleet, decision=decision, seconds=time.perf_counter() - started, now=now)


@transaction.atomic
def site_release(*, signal_id: UUID, site_id: int, reason: str, now: datetime) -> None:
    """Let one home go at once: its hub drops the schedule, or what was passed on to it."""
    signal = GridSignal.objects.select_related("program").get(pk=signal_id)
    if is_passed_on(signal):
        signal_take_back(signal=signal, reason=reason, now=now, site_ids=[site_id])
    if signal.is_steered:
        home_let_go(program=signal.program, site_id=site_id, reason=reason, now=now)
    if not signal.is_shed:
        return
    schedules_queue(
        [site_id], {}, signal_id=signal_id, reason=reason, now=now, ends_at=now + timedelta(days=1)
    )


@transaction.atomic
def schedules_release(*, signal_id: UUID, site_ids: Sequence[int], reason: str, now: datetime) -> None:
    """Have hubs drop a shed's schedules, of those homes among `site_ids` that hold one."""
    held = sorted(set(newest_schedules(signal_id=signal_id)) & set(site_ids))
    schedules_queue(held, {}, signal_id=signal_id, reason=reason, now=now, ends_at=now + timedelta(days=1))


@transaction.atomic
def signal_release(*, signal_id: UUID, reason: str, now: datetime) -> None:
    """Let every home of a signal go; where it was one of several that steer a program, plan by the others."""
    signal = GridSignal.objects.select_related("program").get(pk=signal_id)
    if is_passed_on(signal):
        signal_take_back(signal=signal, reason=reason, now=now)
    if signal.is_steered:
        program_steer(program=signal.program, reason=reason, now=now)
    if not signal.is_shed:
        return
    site_ids = sorted(newest_schedules(signal_id=signal_id))
    schedules_queue(
        site_ids, {}, signal_id=signal_id, reason=reason, now=now, ends_at=now + timedelta(days=1)
    )


@transaction.atomic
def _commit(
    request: Request, fleet: FleetFlexibility, *, decision: Decision, seconds: float, now: datetime
) -> Plan | None:
    signal = GridSignal.objects.select_for_update().get(pk=request.signal.pk)
    if signal.state not in PLANNABLE or signal.revision != request.signal.revision:
        return None  # canceled or changed while we were solving; the change has asked for a plan of its own
    signal.target_kw = request.signal.target_kw
    signal.save(update_fields=["target_kw"])
    before = newest_schedules(signal_id=signal.pk)
    plan = _save_plan(request, fleet, decision=decision, seconds=seconds, now=now)
    schedules = _save_schedules(plan, fleet, result=decision.result, first=request.first)
    if signal.state == GridSignal.State.ACCEPTED:
        signal_set_state(signal_id=signal.pk, state=GridSignal.State.PLANNED)
        enqueue_on_commit(TELL_TASK, signal_id=str(signal.pk))
    _reset_tracker(request, fleet)
    messages = {schedule.site_id: schedule_message(schedule, plan=plan) for schedule in schedules}
    _carry_over(plan, [schedule for site_id, schedule in before.items() if site_id in request.silent])
    targets = sorted(set(messages) | (set(before) - request.silent))
    schedules_queue(
        targets, messages, signal_id=signal.pk, reason=request.reason, now=now, ends_at=signal.ends_at,
        priority=priority_of(signal),
    )  # fmt: skip
    transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    for later in outranked(signal=signal, now=now):
        enqueue_on_commit("dispatch.plan_signal", signal_id=str(later.pk), reason="another event goes first")
    return plan


def _reset_tracker(request: Request, fleet: FleetFlexibility) -> None:
    """Tracking judges the new plan by the homes it counts on."""
    counted = [str(site.pk) for site in fleet.sites if site.pk not in request.away]
    fresh = {"planned_with": counted, "short_looks": 0, "looks_since_plan": 0}
    Tracker.objects.update_or_create(signal=request.signal, defaults=fresh)


def _carry_over(plan: Plan, schedules: Sequence[Schedule]) -> None:
    """A silent hub goes on with what it was told last; so does the record of what is asked of it."""
    carried = [carried_over(schedule, plan=plan, counted=False) for schedule in schedules]
    Schedule.objects.bulk_create([one for one in carried if one is not None])


def _save_plan(
    request: Request, fleet: FleetFlexibility, *, decision: Decision, seconds: float, now: datetime
) -> Plan:
    result = decision.result
    return Plan.objects.create(
        signal=request.signal,
        revision=newest_revision(signal_id=request.signal.pk) + 1,
        reason=request.reason,
        status=result.status,
        created_at=now,
        starts_at=request.starts_at,
        interval_s=request.signal.interval_s,
        target_kw=request.signal.target_kw[request.first :],
        planned_kw=result.shed_kw.sum(axis=0).tolist(),
        shortfall_kw=result.shortfall_kw.tolist(),
        price_per_kwh=result.price_per_kwh.tolist(),
        limit_prices=decision.limit_prices,
        objective=result.objective,
        gap=result.gap,
        explanation=explanation_of(request, fleet, result=result),
        inputs={**fleet.inputs, **decision.known(request)},
        solver=result.solver[:40],
        seconds=seconds,
    )


def _save_schedules(
    plan: Plan, fleet: FleetFlexibility, *, result: AllocationResult, first: int
) -> list[Schedule]:
    planned_kw = fleet.envelope.baseline_kw[:, first:] - result.shed_kw
    battery_kw = 0.0 - result.discharge_kw
    shed, site_kw, battery = (values.round(4).tolist() for values in (result.shed_kw, planned_kw, battery_kw))
    drawn = {
        Resource.Kind.EV_CHARGER: _drawn(fleet.inputs["ev_kw"], cut_kw=result.ev_cut_kw, first=first),
        Resource.Kind.HEAT_PUMP: _drawn(fleet.inputs["heat_kw"], cut_kw=result.heat_cut_kw, first=first),
    }
    keys = resource_keys(site_ids=[site.pk for site in fleet.sites], kinds=list(drawn))
    made = [
        Schedule(
            plan=plan,
            site_id=fleet.sites[row].pk,
            shed_kw=shed[row],
            site_kw=site_kw[row],
            battery_kw=battery[row],
            resources={
                key: drawn[Resource.Kind(kind)][row]
                for kind, key in keys.get(fleet.sites[row].pk, {}).items()
            },
        )
        for row in np.flatnonzero(result.active).tolist()
    ]
    bulk_copy(Schedule, made)
    return made


def _drawn(
    usual_kw: Sequence[Sequence[float | None]], *, cut_kw: "np.ndarray[Any, Any]", first: int
) -> list[list[float]]:
    """What cars or heat pumps may draw: the plan counted on their usual power less the cut, so no more than that."""
    usual = np.array(usual_kw, dtype=np.float64).reshape(len(cut_kw), first + cut_kw.shape[1])[:, first:]
    left: list[list[float]] = np.maximum(0.0, np.nan_to_num(usual) - cut_kw).round(4).tolist()
    return left
