"""The fleet's decisions: plan a signal, plan the rest of it again, release homes, tell the hubs."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from django.db import transaction

from apps.common.bulk import bulk_copy
from apps.common.redis import publish
from apps.dispatch.errors import SignalUnknownError
from apps.dispatch.models import Plan, Schedule, Tracker
from apps.dispatch.orders import carried_over, planning, schedule_message, schedules_queue
from apps.dispatch.question import Decision, Request, decide, events_asked
from apps.dispatch.selectors import newest_plan, newest_revision, newest_schedules, silent_site_ids
from apps.flexibility.rows import SignalIntervals
from apps.flexibility.services import FleetFlexibility, flexibility_compute
from apps.programs.models import GridSignal
from apps.programs.selectors import earlier_event_days, enrolled_site_ids, opted_out_site_ids
from apps.programs.services import signal_set_state
from apps.sites.models import Resource
from apps.sites.selectors import resources_by_site, sites_of_organization
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
        return _plan(signal_id, reason=reason, now=now)


def _plan(signal_id: UUID, *, reason: str, now: datetime) -> Plan | None:
    signal = GridSignal.objects.select_related("program", "organization").filter(pk=signal_id).first()
    if signal is None:
        raise SignalUnknownError("no such grid signal")
    if signal.state not in PLANNABLE or now >= signal.ends_at:
        return None
    first = max(0, int((now - signal.starts_at).total_seconds() // signal.interval_s))
    fleet = _flexibility(signal, now=now)
    opted_out = frozenset(opted_out_site_ids(signal_id=signal.pk))
    silent = frozenset(silent_site_ids(site_ids=[site.pk for site in fleet.sites], now=now)) - opted_out
    request = Request(
        signal=signal,
        first=first,
        silent=silent,
        opted_out=opted_out,
        reason=reason,
        asked_before=events_asked(program=signal.program, before=signal),
    )
    started = time.perf_counter()
    decision = decide(request, fleet, last=newest_plan(signal_id=signal.pk))
    return _commit(request, fleet, decision=decision, seconds=time.perf_counter() - started, now=now)


@transaction.atomic
def site_release(*, signal_id: UUID, site_id: int, reason: str, now: datetime) -> None:
    """Let one home go at once: its hub drops the schedule."""
    schedules_queue(
        [site_id], {}, signal_id=signal_id, reason=reason, now=now, ends_at=now + timedelta(days=1)
    )


@transaction.atomic
def signal_release(*, signal_id: UUID, reason: str, now: datetime) -> None:
    """Let every home of a signal go."""
    site_ids = sorted(newest_schedules(signal_id=signal_id))
    schedules_queue(
        site_ids, {}, signal_id=signal_id, reason=reason, now=now, ends_at=now + timedelta(days=1)
    )


def _flexibility(signal: GridSignal, *, now: datetime) -> FleetFlexibility:
    site_ids = enrolled_site_ids(program=signal.program, at=now)
    sites = list(sites_of_organization(organization=signal.organization).filter(pk__in=site_ids))
    zone = ZoneInfo(sites[0].time_zone if sites else "UTC")
    intervals = SignalIntervals(signal.pk, signal.starts_at, signal.interval_s, len(signal.target_kw))
    return flexibility_compute(
        intervals=intervals,
        sites=sites,
        excluded_days=earlier_event_days(signal=signal, zone=zone),
        now=now,
        freeze_baseline=now >= signal.starts_at,
        method=signal.program.baseline_method,
        holidays=signal.program.holidays,
    )


@transaction.atomic
def _commit(
    request: Request, fleet: FleetFlexibility, *, decision: Decision, seconds: float, now: datetime
) -> Plan | None:
    signal = GridSignal.objects.select_for_update().get(pk=request.signal.pk)
    if signal.state not in PLANNABLE or signal.revision != request.signal.revision:
        return None  # canceled or changed while we were solving; the change has asked for a plan of its own
    before = newest_schedules(signal_id=signal.pk)
    plan = _save_plan(request, fleet, decision=decision, seconds=seconds, now=now)
    schedules = _save_schedules(plan, fleet, result=decision.result, first=request.first)
    if signal.state == GridSignal.State.ACCEPTED:
        signal_set_state(signal_id=signal.pk, state=GridSignal.State.PLANNED)
    _reset_tracker(request, fleet)
    messages = {schedule.site_id: schedule_message(schedule, plan=plan) for schedule in schedules}
    _carry_over(plan, [schedule for site_id, schedule in before.items() if site_id in request.silent])
    targets = sorted(set(messages) | (set(before) - request.silent))
    schedules_queue(
        targets, messages, signal_id=signal.pk, reason=request.reason, now=now, ends_at=signal.ends_at
    )
    transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
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
    explanation = list(result.explanation)
    if not fleet.sites:
        explanation.insert(0, "No home takes part in this program, so nothing can be given.")
    explanation += [f"{site.name}: {fleet.notes[site.pk]}" for site in fleet.sites if site.pk in fleet.notes]
    if request.spent:
        explanation.append(_left_alone(len(request.spent), most=request.signal.program.most_events))
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
        explanation=[sentence[:300] for sentence in explanation],
        inputs={**fleet.inputs, **decision.known(request)},
        solver=result.solver[:40],
        seconds=seconds,
    )


def _left_alone(homes: int, *, most: int | None) -> str:
    who, verb = ("1 home has had its", "is") if homes == 1 else (f"{homes} homes have had their", "are")
    return f"{who} share of {most} event{'' if most == 1 else 's'} lately and {verb} not asked."


def _save_schedules(
    plan: Plan, fleet: FleetFlexibility, *, result: AllocationResult, first: int
) -> list[Schedule]:
    held = resources_by_site(site_ids=[site.pk for site in fleet.sites])
    planned_kw = fleet.envelope.baseline_kw[:, first:] - result.shed_kw
    made = []
    for index, site in enumerate(fleet.sites):
        if not result.active[index]:
            continue
        cuts = {
            Resource.Kind.EV_CHARGER: (fleet.inputs["ev_kw"][index][first:], result.ev_cut_kw[index]),
            Resource.Kind.HEAT_PUMP: (fleet.inputs["heat_kw"][index][first:], result.heat_cut_kw[index]),
        }
        made.append(
            Schedule(
                plan=plan,
                site=site,
                shed_kw=[round(value, 4) for value in result.shed_kw[index].tolist()],
                site_kw=[round(value, 4) for value in planned_kw[index].tolist()],
                resources={
                    held[site.pk][kind].key: _planned(usual, cut)
                    for kind, (usual, cut) in cuts.items()
                    if kind in held[site.pk]
                },
            )
        )
    bulk_copy(Schedule, made)
    return made


def _planned(usual_kw: Sequence[float | None], cut_kw: "np.ndarray[Any, Any]") -> list[float | None]:
    """What a car or heat pump may draw: the plan counted on its usual power less the cut, so no more than that."""
    return [
        round(max(0.0, (usual or 0.0) - cut), 4) for usual, cut in zip(usual_kw, cut_kw.tolist(), strict=True)
    ]
