"""The minute's look at running signals: move them on in their life, compare, correct or plan the shortfall again."""

import logging
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import transaction

from apps.common.queue import enqueue_on_commit
from apps.common.redis import publish
from apps.dispatch.corrections import full_plan_is_due, signal_correct
from apps.dispatch.models import Tracker, TrackingPoint
from apps.dispatch.outlook import signal_outlook
from apps.dispatch.passed_on import is_passed_on, signal_pass_on
from apps.dispatch.selectors import (
    SILENT_AFTER,
    asked_kw,
    baseline_kw,
    first_interval,
    interval_at,
    newest_plan,
    newest_revision,
)
from apps.dispatch.services import signal_plan
from apps.dispatch.steered import program_steer, steering_is_due
from apps.dispatch.steering_wish import HORIZON
from apps.dispatch.telling import signal_ended_tell
from apps.flexibility.selectors import flexibility_of_signal
from apps.hubs.instructions import instructions_verify
from apps.hubs.selectors import active_hub_ids_by_site
from apps.programs.models import GridSignal
from apps.programs.selectors import enrolled_site_ids, opted_out_site_ids, signals_in_states
from apps.programs.services import signal_set_state
from apps.telemetry.selectors import latest_by_site, minute_mean_kw
from vpp.dispatch.lifecycle import due
from vpp.dispatch.tracking import Delivery, TrackingState, deliver_now, needs_redispatch
from vpp.intervals import Interval

log = logging.getLogger(__name__)
WATCHED = [GridSignal.State.ACCEPTED, GridSignal.State.PLANNED, GridSignal.State.ACTIVE]
# The measurements of a minute are complete a minute later.
LOOK_BACK = timedelta(minutes=1)
FOLLOWS = 0.8
REASONS = {
    "homes_lost": "homes have dropped out",
    "homes_returned": "homes are back",
    "shortfall": "less was delivered than planned",
}


def signals_tick(*, now: datetime) -> None:
    """Do what is due for every signal that is not over; one that fails does not hold up the others."""
    for signal in signals_in_states(states=list(WATCHED)):
        try:
            if signal.is_shed:
                _advance(signal, now=now)
            else:
                _advance_other(signal, now=now)
        except Exception:
            log.exception("grid signal %s could not be looked at, trying again next time", signal.pk)


def _advance(signal: GridSignal, *, now: datetime) -> None:
    action = due(signal.state, Interval(signal.starts_at, signal.ends_at), now=now)  # type: ignore[arg-type]
    if action == "plan":
        signal_plan(signal_id=signal.pk, reason="the event is near", now=now, only_after=0)
    elif action == "start":
        signal_set_state(signal_id=signal.pk, state=GridSignal.State.ACTIVE)
        signal_plan(signal_id=signal.pk, reason="the event begins", now=now)
    elif action == "track":
        signal_track(signal=signal, now=now)
    elif action == "end":
        _end(signal, now=now)


def _advance_other(signal: GridSignal, *, now: datetime) -> None:
    """Move on what is not measured against a baseline: steered signals are planned again every hour."""
    if now >= signal.ends_at:
        signal_set_state(signal_id=signal.pk, state=GridSignal.State.ENDED)
        signal_ended_tell(signal=signal, now=now)
        if signal.is_steered:
            program_steer(program=signal.program, reason=f"{signal} is over", now=now)
        return
    if signal.state != GridSignal.State.ACTIVE and now >= signal.starts_at:
        signal_set_state(signal_id=signal.pk, state=GridSignal.State.ACTIVE)
    if is_passed_on(signal) and now.minute == 0:  # homes that have joined since
        signal_pass_on(signal=signal, reason="it holds for homes that joined", now=now, again=False)
    if signal.is_steered and now >= signal.starts_at - HORIZON and steering_is_due(signal, now=now):
        program_steer(program=signal.program, reason="an hour has passed", now=now)


@transaction.atomic
def _end(signal: GridSignal, *, now: datetime) -> None:
    signal_set_state(signal_id=signal.pk, state=GridSignal.State.ENDED)
    signal_ended_tell(signal=signal, now=now)
    enqueue_on_commit("dispatch.learn_responsiveness", signal_id=str(signal.pk))


def signal_track(*, signal: GridSignal, now: datetime) -> None:
    """Note target, plan and delivery of the last full minute; correct or plan the rest again if there is a reason."""
    at = now.astimezone(UTC).replace(second=0, microsecond=0) - LOOK_BACK
    index = interval_at(signal=signal, at=at - timedelta(seconds=1))
    if index is None:
        return
    revision = newest_revision(signal_id=signal.pk)
    site_ids = enrolled_site_ids(program=signal.program, at=now)
    delivery = _delivery(signal, site_ids=site_ids, index=index, at=at, now=now)
    asked = asked_kw(signal=signal)
    now_kw = {site_id: values[index] for site_id, values in asked.items()}
    _note(signal, delivery, asked=now_kw, at=at, index=index)
    _look_ahead(signal, asked=asked, at=at)
    publish("signals", [str(signal.pk)])
    _verify(delivery, now_kw)
    reason = _judge(signal, delivery, target_kw=signal.target_kw[index])
    if reason == "shortfall" and signal_correct(
        signal_id=signal.pk, delivery=delivery, asked=now_kw, now=now, only_after=revision
    ):
        return
    if reason is not None:
        signal_plan(signal_id=signal.pk, reason=REASONS[reason], now=now, only_after=revision)
    elif full_plan_is_due(signal, now=now):
        signal_plan(signal_id=signal.pk, reason="after corrections", now=now, only_after=revision)


def _delivery(
    signal: GridSignal, *, site_ids: list[int], index: int, at: datetime, now: datetime
) -> Delivery:
    flexibility = flexibility_of_signal(signal_id=signal.pk)
    measured = minute_mean_kw(site_ids=site_ids, starts_at=at - timedelta(minutes=1), ends_at=at)
    latest = latest_by_site(site_ids=site_ids)
    opted_out = opted_out_site_ids(signal_id=signal.pk)
    return deliver_now(
        [str(site_id) for site_id in site_ids],
        baseline_kw=[
            np.nan if known is None else known[index]
            for known in (baseline_kw(row=flexibility.get(i), signal=signal) for i in site_ids)
        ],
        grid_kw=[measured.get(i, _last_kw(latest.get(i))) for i in site_ids],
        age_s=[(now - latest[i].at).total_seconds() if i in latest else np.inf for i in site_ids],
        opted_out=[i in opted_out for i in site_ids],
        silent_after_s=SILENT_AFTER.total_seconds(),
    )


def _last_kw(row: object) -> float:
    value = getattr(row, "grid_kw", None)
    return float("nan") if value is None else float(value)


def _note(
    signal: GridSignal, delivery: Delivery, *, asked: dict[int, float], at: datetime, index: int
) -> None:
    delivered = {int(n): kw for n, kw in zip(delivery.names, delivery.delivered_kw.tolist(), strict=True)}
    delivering = [site_id for site_id, kw in asked.items() if kw > 0 and delivered.get(site_id, 0.0) > 0]
    TrackingPoint.objects.update_or_create(
        signal=signal,
        at=at,
        defaults={
            "target_kw": signal.target_kw[index],
            "planned_kw": _planned_kw(signal, index=index),
            "delivered_kw": sum(kw for site_id, kw in delivered.items() if asked.get(site_id, 0.0) > 0),
            "sites_delivering": len(delivering),
            "sites_silent": len(delivery.silent),
        },
    )


def _look_ahead(signal: GridSignal, *, asked: dict[int, list[float]], at: datetime) -> None:
    found = signal_outlook(signal=signal, asked=asked, at=at)
    TrackingPoint.objects.filter(signal=signal, at=at).update(
        expected_kwh=found.expected_kwh,
        expected_low_kwh=found.low_kwh,
        expected_high_kwh=found.high_kwh,
    )


def _planned_kw(signal: GridSignal, *, index: int) -> float:
    """What the plan in force counts on in interval `index`."""
    plan = newest_plan(signal_id=signal.pk)
    first = first_interval(plan=plan, signal=signal) if plan else None
    if plan is None or first is None or not 0 <= index - first < len(plan.planned_kw):
        return 0.0
    return float(plan.planned_kw[index - first])


def _verify(delivery: Delivery, asked: dict[int, float]) -> None:
    follows = [
        int(name)
        for name, kw in zip(delivery.names, delivery.delivered_kw.tolist(), strict=True)
        if asked.get(int(name), 0.0) > 0 and kw >= FOLLOWS * asked[int(name)]
    ]
    if follows:
        instructions_verify(hub_ids=active_hub_ids_by_site(site_ids=follows).values())


@transaction.atomic
def _judge(signal: GridSignal, delivery: Delivery, *, target_kw: float) -> str | None:
    here = [name for name, there in zip(delivery.names, delivery.available.tolist(), strict=True) if there]
    tracker, _ = Tracker.objects.select_for_update().get_or_create(
        signal=signal, defaults={"planned_with": here}
    )
    state = TrackingState(frozenset(tracker.planned_with), tracker.short_looks, tracker.looks_since_plan)
    state, reason = needs_redispatch(state, delivery, target_kw=target_kw)
    tracker.planned_with = sorted(state.planned_with)
    tracker.short_looks, tracker.looks_since_plan = state.short_looks, state.looks_since_plan
    tracker.save()
    return reason
