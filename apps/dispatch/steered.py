"""Plan a program's steered signals together, tell the hubs, and plan again as the hours pass."""

import dataclasses
import re
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db import transaction

from apps.common.bulk import bulk_copy
from apps.common.redis import client, publish
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.orders import ALERT, PLAN_LOCK_S, STEERED, Told, steered_order, subject_queue
from apps.dispatch.selectors import newest_revision
from apps.dispatch.steering import Steered, gather, price_of, solve
from apps.dispatch.steering_kept import finite, kept
from apps.dispatch.steering_parts import parts_of
from apps.dispatch.steering_wish import grid_of
from apps.programs.models import GridSignal, Program
from apps.programs.selectors import enrolled_site_ids, opted_out_of_any, steered_signals
from apps.programs.services import signal_set_state
from apps.programs.wording import NAMES
from apps.sites.models import Resource, Site
from apps.sites.selectors import resource_keys, sites_named, sites_of_organization
from vpp.dispatch.battery_plan import FleetPlan

AGAIN_AFTER: Final = timedelta(hours=1)
SMALL_KW: Final = 0.005
SAID_AT_MOST: Final = 12
STEP: Final = re.compile(r"(?<= at )step (\d+)")


def program_steer(*, program: Program, reason: str, now: datetime) -> Plan | None:
    """Plan the batteries of a program for the coming hours, by all its steered signals together.

    With none left, hubs are told to go their own way. Returns the plan, which the first signal in rank holds.
    """
    with client().lock(f"{settings.REDIS_PREFIX}steer:{program.pk}", timeout=PLAN_LOCK_S):
        signals = steered_signals(program=program, now=now)
        if not signals:
            program_release(program=program, reason=reason, now=now)
            return None
        sites = steered_sites(program, signals, now=now)
        grid = grid_of(signals=signals, now=now)
        parts = parts_of(program=program, signals=signals, sites=sites, grid=grid, now=now)
        opted_out = opted_out_of_any(signals=signals)
        steered = gather(program=program, parts=parts, sites=sites, opted_out=opted_out, now=now)
        started = time.perf_counter()
        found = None if steered.question is None else solve(steered.question)
        seconds = time.perf_counter() - started
        return _commit(signals, steered, found=found, reason=reason, seconds=seconds, now=now)


@transaction.atomic
def program_release(*, program: Program, reason: str, now: datetime) -> None:
    """Let every home of a program go its own way."""
    site_ids = enrolled_site_ids(program=program, at=now)
    subject_queue(
        site_ids,
        {},
        subject=_subject(program),
        only_running=True,
        told=_told(program, reason=reason, now=now),
    )


@transaction.atomic
def home_let_go(*, program: Program, site_id: int, reason: str, now: datetime) -> None:
    """Let one home go its own way at once, if it was told anything."""
    homes_let_go(program=program, site_ids=[site_id], reason=reason, now=now)


@transaction.atomic
def homes_let_go(*, program: Program, site_ids: Sequence[int], reason: str, now: datetime) -> None:
    """Let some homes go their own way at once, those that were told anything."""
    told = _told(program, reason=reason, now=now)
    subject_queue(list(site_ids), {}, subject=_subject(program), only_running=True, told=told)


def steering_is_due(signal: GridSignal, *, now: datetime) -> bool:
    """Whether the program of a steered signal has not been planned for a while."""
    newest = Plan.objects.filter(signal__program=signal.program, solver__startswith="steered")
    latest = newest.order_by("-created_at").values_list("created_at", flat=True).first()
    return latest is None or now >= latest + AGAIN_AFTER


def steered_sites(program: Program, signals: Sequence[GridSignal], *, now: datetime) -> list[Site]:
    """Return the homes that a program's steered signals are for."""
    held = sites_of_organization(organization=program.organization)
    site_ids = set(enrolled_site_ids(program=program, at=now))
    targets = {name for signal in signals for name in signal.targets}
    if targets and all(signal.targets for signal in signals):
        site_ids &= sites_named(organization=program.organization, names=targets)
    return list(held.filter(pk__in=site_ids))


def _subject(program: Program) -> str:
    return f"steered:{program.pk}"


def _told(program: Program, *, reason: str, now: datetime, ends_at: datetime | None = None) -> Told:
    return Told(reason, now, ends_at or now + timedelta(days=1), STEERED)


@transaction.atomic
def _commit(
    signals: Sequence[GridSignal],
    steered: Steered,
    *,
    found: FleetPlan | None,
    reason: str,
    seconds: float,
    now: datetime,
) -> Plan | None:
    locked = list(
        GridSignal.objects.select_for_update().filter(pk__in=[one.pk for one in signals]).order_by("pk")
    )
    if {(one.pk, one.revision) for one in locked} != {(one.pk, one.revision) for one in signals}:
        return None  # changed while we were solving; the change has asked for a plan of its own
    plan = _save_plan(signals, steered, found=found, reason=reason, seconds=seconds, now=now)
    schedules = [] if found is None else _save_schedules(plan, steered, found=found)
    for signal in locked:
        if signal.state == GridSignal.State.ACCEPTED:
            signal_set_state(signal_id=signal.pk, state=GridSignal.State.PLANNED)
    program = signals[0].program
    orders = {schedule.site_id: steered_order(schedule, plan=plan) for schedule in schedules}
    site_ids = enrolled_site_ids(program=program, at=now)
    told = _told(program, reason=reason, now=now, ends_at=steered.wish.grid.ends_at)
    if any("alert" in signal.detail for signal in signals):
        told = dataclasses.replace(told, priority=ALERT)
    subject_queue(site_ids, orders, subject=_subject(program), only_running=True, told=told)
    transaction.on_commit(lambda: publish("signals", [str(signal.pk) for signal in signals]))
    return plan


def _save_plan(
    signals: Sequence[GridSignal],
    steered: Steered,
    *,
    found: FleetPlan | None,
    reason: str,
    seconds: float,
    now: datetime,
) -> Plan:
    grid, nothing = steered.wish.grid, [0.0] * steered.wish.grid.count
    changed = nothing if found is None else (_own_idle(steered) - found.homes.grid_kw.sum(axis=0)).tolist()
    duals = {} if found is None else _duals(steered, found)
    return Plan.objects.create(
        signal=signals[0],
        revision=newest_revision(signal_id=signals[0].pk) + 1,
        reason=reason,
        status=status_of(found),
        created_at=now,
        starts_at=grid.starts_at,
        interval_s=grid.interval_s,
        target_kw=nothing,
        planned_kw=changed,
        shortfall_kw=nothing if found is None else found.above_kw.sum(axis=0).tolist() or nothing,
        price_per_kwh=(steered.wish.buy if steered.problem is None else price_of(steered.problem)).tolist(),
        limit_prices=duals,
        objective=None if found is None else found.certificate.primal,
        gap=None if found is None else found.certificate.gap,
        explanation=[sentence[:300] for sentence in steered_explanation(signals, steered, found=found)],
        inputs=kept(steered) | {"signals": [str(signal.pk) for signal in signals]},
        steers=[signal.pk for signal in signals],
        fleet=_fleet(steered, found=found),
        solver="steered by prices",
        seconds=seconds,
    )


def _fleet(steered: Steered, *, found: FleetPlan | None) -> dict[str, Any]:
    """What the homes do together, with and without the plan, for pages."""
    if found is None or steered.problem is None:
        return {}
    capacity = float(np.broadcast_to(steered.problem.most_kwh, (len(steered.sites),)).sum())
    together = {
        "idle_kw": steered.idle_kw,
        "planned_kw": steered.rest_kw + found.homes.grid_kw.sum(axis=0),
        "charge_kw": found.homes.charge_kw.sum(axis=0),
        "discharge_kw": found.homes.discharge_kw.sum(axis=0),
        "stored_share": found.homes.stored_kwh.sum(axis=0) / max(capacity, 1e-9),
    }
    wished = {"Import limit": steered.wish.import_kw, "Export limit": -steered.wish.export_kw}
    limits = {name: finite(values) for name, values in wished.items() if np.isfinite(values).any()}
    costs = {"cost_at_rest": _cost_at_rest(steered), "cost": float(found.homes.cost.sum())}
    return {name: values.round(4).tolist() for name, values in together.items()} | costs | {
        "homes": len(steered.sites), "limits": limits,
    }  # fmt: skip


def _own_idle(steered: Steered) -> "np.ndarray[Any, Any]":
    assert steered.problem is not None
    total: np.ndarray[Any, Any] = steered.problem.net_kw.sum(axis=0)
    return total


def status_of(found: FleetPlan | None) -> str:
    """Return how well a question was answered."""
    if found is None:
        return Plan.Status.EMPTY
    return Plan.Status.PARTIAL if found.certificate.violation_kw > SMALL_KW else Plan.Status.OPTIMAL


def _duals(steered: Steered, found: FleetPlan) -> dict[str, list[float]]:
    return {limit.name: row.tolist() for limit, row in zip(steered.limits, found.prices, strict=True)}


def steered_explanation(
    signals: Sequence[GridSignal], steered: Steered, *, found: FleetPlan | None
) -> list[str]:
    """Return a steered plan's reasons in sentences."""
    kinds = ", ".join(dict.fromkeys(NAMES[signal.kind] for signal in signals))
    said = [f"Planned by {kinds} together."]
    if found is None:
        return [*said, "No battery whose state is known takes part, so nothing can be steered."]
    step_h = steered.wish.grid.interval_s / 3600
    charged = float(found.homes.charge_kw.sum()) * step_h
    discharged = float(found.homes.discharge_kw.sum()) * step_h
    saved = _cost_at_rest(steered) - float(found.homes.cost.sum())
    said.append(
        f"{len(steered.sites)} batteries take {charged:.1f} kWh and give {discharged:.1f} kWh; at these prices that is "
        f"{saved:.2f} {signals[0].program.currency} better than leaving them at rest."
    )
    said += [_with_time(sentence, steered) for sentence in found.explanation]
    said += [f"Left alone: {count} homes, {note}." for note, count in _notes(steered).items()]
    return said[:SAID_AT_MOST]


def _with_time(sentence: str, steered: Steered) -> str:
    """Say a local time where the solver says a step's number."""
    grid, zone = steered.wish.grid, ZoneInfo(steered.sites[0].time_zone)
    return STEP.sub(
        lambda step: f"{grid.interval(int(step[1])).starts_at.astimezone(zone):%H:%M}", sentence, count=1
    )


def _notes(steered: Steered) -> dict[str, int]:
    counted: dict[str, int] = {}
    for note in steered.left_out.values():
        counted[note] = counted.get(note, 0) + 1
    return counted


def _cost_at_rest(steered: Steered) -> float:
    assert steered.problem is not None
    problem, net = steered.problem, steered.problem.net_kw
    price = np.where(net > 0, problem.buy_per_kwh, problem.sell_per_kwh)
    return float((price * net).sum()) * steered.wish.grid.interval_s / 3600


def _save_schedules(plan: Plan, steered: Steered, *, found: FleetPlan) -> list[Schedule]:
    assert steered.problem is not None
    battery = (found.homes.charge_kw - found.homes.discharge_kw).round(4).tolist()
    grid_kw = found.homes.grid_kw.round(4).tolist()
    shed = (steered.problem.net_kw - found.homes.grid_kw).round(4).tolist()
    keys = resource_keys(site_ids=[site.pk for site in steered.sites], kinds=[Resource.Kind.BATTERY])
    made = [
        Schedule(
            plan=plan,
            site_id=site.pk,
            shed_kw=shed[row],
            site_kw=grid_kw[row],
            resources={keys[site.pk][Resource.Kind.BATTERY]: battery[row]},
        )
        for row, site in enumerate(steered.sites)
        if site.pk in keys
    ]
    bulk_copy(Schedule, made)
    return made
