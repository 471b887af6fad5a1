"""Between two full plans: ask homes with head-room for what is missing, without solving anything."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from apps.common.bulk import bulk_copy
from apps.common.redis import publish
from apps.dispatch.models import Plan, Schedule, TrackingPoint
from apps.dispatch.orders import carried_over, planning, schedule_message, schedules_queue
from apps.dispatch.outlook import hours_left
from apps.dispatch.question import limit_from
from apps.dispatch.responsiveness import responsiveness_of
from apps.dispatch.selectors import (
    baseline_kw,
    first_interval,
    interval_at,
    newest_plan,
)
from apps.flexibility.models import SiteFlexibility
from apps.flexibility.selectors import flexibility_of_signal
from apps.programs.models import GridSignal
from apps.programs.selectors import opted_out_site_ids
from apps.telemetry.selectors import latest_by_site
from vpp.dispatch.correction import Correction, Running, correct
from vpp.dispatch.coupling import Limit
from vpp.dispatch.tracking import Delivery, RedispatchRule, performance_ratio
from vpp.resources.battery import Battery

Floats = NDArray[np.float64]
HEAD_ROOM = "head-room"
REASON = "shortfall corrected by head-room"
FULL_AFTER = timedelta(minutes=15)
# The looks that made the shortfall a reason.
LOOKS = RedispatchRule().patience
# A home that gives less than this share of what it is asked is not asked for more.
FOLLOWS = 0.5
# What of a full plan's inputs a correction needs.
KNOWN = {"sites", "states", "away", "zones", "limits"}


@dataclasses.dataclass(frozen=True)
class Base:
    """The last plan that a solver made, the plan in force with its schedules, and the interval that runs."""

    signal: GridSignal
    full: Plan
    plan: Plan
    schedules: Mapping[int, Schedule]
    index: int

    @property
    def starts_at(self) -> datetime:
        return self.signal.starts_at + timedelta(seconds=self.index * self.signal.interval_s)

    @property
    def target_kw(self) -> list[float]:
        return self.signal.target_kw[self.index :]

    @cached_property
    def coming(self) -> Plan:
        """The plan to come, as far as schedules need to know it."""
        return Plan(signal=self.signal, starts_at=self.starts_at, interval_s=self.signal.interval_s)

    @property
    def planned_kw(self) -> Floats:
        """What the plan in force counts on from the running interval on."""
        first = first_interval(plan=self.plan, signal=self.signal)
        assert first is not None
        return np.array(self.plan.planned_kw[self.index - first :], dtype=np.float64)


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A home that may be asked for more, over the intervals to come."""

    site_id: int
    schedule: Schedule | None
    baseline_kw: list[float]
    shed_kw: list[float]
    most_kw: Floats
    spare_kwh: float


def signal_correct(
    *, signal_id: UUID, delivery: Delivery, asked: Mapping[int, float], now: datetime, only_after: int
) -> Plan | None:
    """Make a plan that covers the shortfall by homes with head-room, and tell the homes that change.

    Returns None where it is time for a full plan, or the shortfall cannot be covered so, or another plan has followed
    revision `only_after`.
    """
    started = time.perf_counter()
    with planning(signal_id):
        base = _base(signal_id, now=now)
        if base is None or base.plan.revision != only_after or full_plan_is_due(base.signal, now=now):
            return None
        candidates = _candidates(base, delivery, now=now)
        running = _running(base, candidates, delivery=delivery, asked=asked, now=now)
        missing = _missing_kw(base)
        correction = correct(running, missing)
        rule = RedispatchRule()
        threshold = np.maximum(rule.least_kw, rule.fraction * np.array(base.target_kw))
        if not correction.changed.any() or (correction.uncovered_kw > threshold).any():
            return None
        seconds = time.perf_counter() - started
        return _commit(base, candidates, correction=correction, missing_kw=missing, seconds=seconds, now=now)


def full_plan_is_due(signal: GridSignal, *, now: datetime) -> bool:
    """Return whether corrections have gone on for long enough since a solver decided last."""
    plans = Plan.objects.filter(signal=signal).only("created_at").order_by("-revision")
    newest, full = plans.first(), plans.exclude(solver=HEAD_ROOM).first()
    if newest is None or full is None or newest.pk == full.pk:
        return False
    return now >= full.created_at + FULL_AFTER


def _base(signal_id: UUID, *, now: datetime) -> Base | None:
    signal = GridSignal.objects.select_related("program").get(pk=signal_id)
    plan, index = newest_plan(signal_id=signal_id), interval_at(signal=signal, at=now)
    full = Plan.objects.filter(signal=signal).exclude(solver=HEAD_ROOM).order_by("-revision").first()
    if plan is None or full is None or index is None or signal.state != GridSignal.State.ACTIVE:
        return None
    if not full.inputs.keys() >= KNOWN:
        return None
    # What a reserve holds back of each home is the solver's business.
    if signal.program.reserve_kw > 0 or any(
        first_interval(plan=p, signal=signal) is None for p in (plan, full)
    ):
        return None
    schedules = {schedule.site_id: schedule for schedule in plan.schedules.all()}
    return Base(signal, full=full, plan=plan, schedules=schedules, index=index)


def _candidates(base: Base, delivery: Delivery, *, now: datetime) -> list[Candidate]:
    """Homes that are there, that the last full plan knew, and whose battery's charge is known."""
    away, inputs = set(base.full.inputs["away"]), base.full.inputs
    states = dict(zip(inputs["sites"], inputs["states"], strict=True))
    delivered = {
        int(name): kw
        for name, kw, there in zip(delivery.names, delivery.delivered_kw, delivery.available, strict=True)
        if there and int(name) in states and int(name) not in away
    }
    flexibility = flexibility_of_signal(signal_id=base.signal.pk)
    latest = latest_by_site(site_ids=list(delivered))
    hours = hours_left(signal=base.signal, at=now)[base.index :]
    found = [
        _candidate(
            base,
            flexibility.get(site_id),
            state=states[site_id],
            row=latest.get(site_id),
            schedule=base.schedules.get(site_id),
            delivered_kw=kw,
            hours=hours,
        )
        for site_id, kw in delivered.items()
    ]
    return [one for one in found if one is not None]


def _candidate(
    base: Base,
    flexibility: SiteFlexibility | None,
    *,
    state: Mapping[str, Any],
    row: Any,
    schedule: Schedule | None,
    delivered_kw: float,
    hours: Floats,
) -> Candidate | None:
    baseline = baseline_kw(row=flexibility, signal=base.signal)
    soc = getattr(row, "battery_soc", None)
    if flexibility is None or baseline is None or state["battery"] is None or soc is None:
        return None
    battery = Battery(**state["battery"])
    carried = None if schedule is None else carried_over(schedule, plan=base.coming, counted=True)
    shed = np.array(carried.shed_kw if carried else [0.0] * len(hours), dtype=np.float64)
    # What the battery gives beyond the shed holds the baseline; cars and heat pumps give what it does not.
    beyond_kw = 0.0 if row.battery_kw is None else -row.battery_kw - delivered_kw
    discharge = np.clip(shed + beyond_kw, 0.0, battery.discharge_kw)
    room = np.minimum(
        battery.discharge_kw - discharge, np.array(flexibility.max_shed_kw[base.index :]) - shed
    )
    left = battery.deliverable_kwh(min(1.0, max(0.0, soc))) - float(discharge @ hours)
    return Candidate(
        site_id=flexibility.site_id,
        schedule=schedule,
        baseline_kw=baseline[base.index :],
        shed_kw=shed.tolist(),
        most_kw=shed + np.maximum(room, 0.0),
        spare_kwh=max(left, 0.0),
    )


def _running(
    base: Base,
    candidates: Sequence[Candidate],
    *,
    delivery: Delivery,
    asked: Mapping[int, float],
    now: datetime,
) -> Running:
    hours = hours_left(signal=base.signal, at=now)[base.index :]
    site_ids = [one.site_id for one in candidates]
    shape = (len(candidates), len(hours))
    shed, most, baseline = (
        np.array([getattr(one, name) for one in candidates], dtype=np.float64).reshape(shape)
        for name in ("shed_kw", "most_kw", "baseline_kw")
    )
    given = dict(zip(delivery.names, delivery.delivered_kw.tolist(), strict=True))
    follows = [given[str(i)] >= FOLLOWS * asked.get(i, 0.0) for i in site_ids]
    limits, zones = _limits(base, candidates, net_kw=baseline - shed)
    return Running(
        shed_kw=shed,
        least_kw=np.minimum(shed, 0.0),
        most_kw=most,
        spare_kwh=np.array([one.spare_kwh for one in candidates], dtype=np.float64),
        response=np.where(follows, np.minimum(responsiveness_of(site_ids=site_ids).expected, 1.0), 0.0),
        hours=hours,
        net_kw=baseline - shed,
        limits=limits,
        zone_of_home=zones,
    )


def _limits(
    base: Base, candidates: Sequence[Candidate], *, net_kw: Floats
) -> tuple[tuple[Limit, ...], NDArray[np.intp]]:
    """The last full plan's limits on the intervals to come, less what homes are planned to draw that are no candidates."""
    inputs = base.full.inputs
    zone_of = dict(zip(inputs["sites"], inputs["zones"], strict=True))
    zones = np.array([zone_of[one.site_id] for one in candidates], dtype=np.intp)
    limits = [limit_from(kept) for kept in inputs["limits"]]
    if not limits:
        return (), zones
    first = first_interval(plan=base.full, signal=base.signal)
    assert first is not None
    others = _others_kw(base, without={one.site_id for one in candidates})
    made = []
    for limit in limits:
        inside = [
            kw for site_id, kw in others.items() if limit.zones is None or zone_of.get(site_id) in limit.zones
        ]
        drawn = np.sum(inside, axis=0) if inside else np.zeros(net_kw.shape[1])
        skipped = base.index - first
        bounds = {name: getattr(limit, name)[skipped:] - drawn for name in ("least_kw", "most_kw")}
        made.append(dataclasses.replace(limit, **bounds))
    return tuple(made), zones


def _others_kw(base: Base, *, without: set[int]) -> dict[int, Floats]:
    """Planned net power of the homes that the full plan counted on and that are no candidates."""
    flexibility = flexibility_of_signal(signal_id=base.signal.pk)
    away = set(base.full.inputs["away"])
    found = {}
    for site_id in set(base.full.inputs["sites"]) - away - without:
        baseline = baseline_kw(row=flexibility.get(site_id), signal=base.signal)
        held = base.schedules.get(site_id)
        carried = carried_over(held, plan=base.coming, counted=True) if held else None
        planned = carried.site_kw if carried else baseline[base.index :] if baseline else None
        if planned is not None:
            found[site_id] = np.array(planned, dtype=np.float64)
    return found


def _missing_kw(base: Base) -> Floats:
    """What will be missing in each interval to come, if the fleet goes on as in the looks that were short."""
    points = TrackingPoint.objects.filter(signal=base.signal, at__gt=base.plan.created_at).order_by("-at")
    lately = list(points[:LOOKS])
    ratio = performance_ratio([p.delivered_kw for p in lately], [p.planned_kw for p in lately])
    return np.maximum(np.array(base.target_kw) - ratio * base.planned_kw, 0.0)


@transaction.atomic
def _commit(
    base: Base,
    candidates: Sequence[Candidate],
    *,
    correction: Correction,
    missing_kw: Floats,
    seconds: float,
    now: datetime,
) -> Plan | None:
    signal = GridSignal.objects.select_for_update().get(pk=base.signal.pk)
    if signal.state != GridSignal.State.ACTIVE or signal.revision != base.signal.revision:
        return None
    changed = {
        one.site_id: (one, np.round(shed, 4))
        for one, shed, told in zip(candidates, correction.shed_kw, correction.changed, strict=True)
        if told
    }
    plan = _save_plan(
        base, changed, uncovered_kw=correction.uncovered_kw, missing_kw=missing_kw, seconds=seconds, now=now
    )
    schedules = _save_schedules(plan, base, changed=changed)
    messages = {
        schedule.site_id: schedule_message(schedule, plan=plan)
        for schedule in schedules
        if schedule.site_id in changed
    }
    schedules_queue(
        sorted(messages), messages, signal_id=signal.pk, reason=REASON, now=now, ends_at=signal.ends_at
    )
    transaction.on_commit(lambda: publish("signals", [str(signal.pk)]))
    return plan


def _save_plan(
    base: Base,
    changed: Mapping[int, tuple[Candidate, Floats]],
    *,
    uncovered_kw: Floats,
    missing_kw: Floats,
    seconds: float,
    now: datetime,
) -> Plan:
    more_kw = sum((shed - np.array(one.shed_kw) for one, shed in changed.values()), np.zeros(len(missing_kw)))
    homes = "1 home" if len(changed) == 1 else f"{len(changed)} homes"
    return Plan.objects.create(
        signal=base.signal,
        revision=base.plan.revision + 1,
        reason=REASON,
        status=Plan.Status.OPTIMAL if base.plan.status == Plan.Status.OPTIMAL else Plan.Status.PARTIAL,
        created_at=now,
        starts_at=base.starts_at,
        interval_s=base.signal.interval_s,
        target_kw=base.target_kw,
        planned_kw=(base.planned_kw + more_kw).tolist(),
        shortfall_kw=np.maximum(uncovered_kw, 0.0).tolist(),
        price_per_kwh=[0.0] * len(missing_kw),
        explanation=[
            f"{missing_kw[0]:.1f} kW were missing; {homes} with head-room {'is' if len(changed) == 1 else 'are'} "
            f"asked for {more_kw[0]:.1f} kW more."
        ],
        inputs={
            "corrects": base.plan.revision,
            "full_plan": base.full.revision,
            "missing_kw": missing_kw.tolist(),
            "asked_more": sorted(changed),
        },
        solver=HEAD_ROOM,
        seconds=seconds,
    )


def _save_schedules(
    plan: Plan, base: Base, *, changed: Mapping[int, tuple[Candidate, Floats]]
) -> list[Schedule]:
    """Every home's schedule goes on; those of `changed` homes ask for more of the battery."""
    out = opted_out_site_ids(signal_id=plan.signal_id)
    kept = {
        site_id: carried_over(schedule, plan=plan, counted=schedule.counted)
        for site_id, schedule in base.schedules.items()
        if site_id not in out
    }
    made = {site_id: one for site_id, one in kept.items() if one is not None}
    for site_id, (candidate, shed) in changed.items():
        one = made.get(site_id) or Schedule(plan=plan, site_id=site_id)
        counted_on = np.array(one.battery_kw or [0.0] * len(shed), dtype=np.float64)
        one.battery_kw = np.round(counted_on - (shed - np.array(candidate.shed_kw)), 4).tolist()
        one.shed_kw = shed.tolist()
        one.site_kw = np.round(np.array(candidate.baseline_kw) - shed, 4).tolist()
        made[site_id] = one
    schedules = [made[site_id] for site_id in sorted(made)]
    bulk_copy(Schedule, schedules)
    return schedules
