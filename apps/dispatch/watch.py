"""What operators are told of events: less is delivered than asked for, or too little could be planned."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final

from apps.alerts.services import Found, IncidentKind, Rule, conditions_hold_everywhere, rules_of_kind
from apps.dispatch.models import TrackingPoint
from apps.dispatch.selectors import newest_plan
from apps.dispatch.services import PLANNABLE
from apps.programs.models import SHED_KINDS, GridSignal
from apps.programs.selectors import signals_in_states

MINUTE: Final = timedelta(minutes=1)
# A signal that is this near and has no plan will not get one by itself.
NEAR: Final = timedelta(minutes=15)
# Homes take a while to follow; the first minutes of an event say nothing.
RAMP: Final = timedelta(minutes=5)


def events_watch(*, now: datetime) -> None:
    """Look at every event that is not over."""
    signals = signals_in_states(states=list(PLANNABLE), kinds=SHED_KINDS)
    _short_watch([one for one in signals if one.state == GridSignal.State.ACTIVE], now=now)
    _plans_watch([one for one in signals if now < one.ends_at], now=now)


def _short_watch(running: list[GridSignal], *, now: datetime) -> None:
    kind = IncidentKind.EVENT_SHORT
    rules, found = rules_of_kind(kind=kind), defaultdict(list)
    for signal in running:
        one = _short(signal, rules[signal.organization_id], now=now)
        if one is not None:
            found[signal.organization_id].append(one)
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules)


def _short(signal: GridSignal, rule: Rule, *, now: datetime) -> Found | None:
    """An event is short where every look of the rule's time was."""
    since = max(now - rule.after - MINUTE, signal.starts_at + RAMP)
    looks = list(TrackingPoint.objects.filter(signal=signal, at__gt=since, at__lte=now).order_by("at"))
    asked = [one for one in looks if one.target_kw > 0]
    short = [one for one in asked if one.delivered_kw < one.target_kw * (1 - rule.threshold / 100)]
    if not asked or len(short) < max(1, rule.after_s // 60) or len(short) < len(asked):
        return None
    last = short[-1]
    said = f"{last.delivered_kw:.1f} of {last.target_kw:.1f} kW at {last.at:%H:%M} UTC, {last.sites_silent} homes silent"
    return Found(f"signal:{signal.pk}", f"{signal} delivers less than asked for", said)


def _plans_watch(signals: list[GridSignal], *, now: datetime) -> None:
    kind = IncidentKind.PLAN_INFEASIBLE
    rules, found = rules_of_kind(kind=kind), defaultdict(list)
    for signal in signals:
        one = _unplanned(signal, rules[signal.organization_id], now=now)
        if one is not None:
            found[signal.organization_id].append(one)
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules)


def _unplanned(signal: GridSignal, rule: Rule, *, now: datetime) -> Found | None:
    plan = newest_plan(signal_id=signal.pk)
    if plan is None:
        if now < signal.starts_at - NEAR or now < signal.received_at + NEAR / 3:
            return None
        return Found(f"signal:{signal.pk}", f"{signal} has no plan", "Planning it has not succeeded so far.")
    target, missing = sum(plan.target_kw), sum(plan.shortfall_kw)
    if target <= 0 or missing <= 0 or missing / target * 100 < rule.threshold:
        return None
    said = plan.explanation[0] if plan.explanation else "The homes cannot give more."
    return Found(f"signal:{signal.pk}", f"{missing / target:.0%} of {signal} could not be planned", said)
