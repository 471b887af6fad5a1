"""From schedules to what hubs are told, and schedules that pass on into the next plan."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.conf import settings

from apps.common.redis import client
from apps.dispatch.models import Plan, Schedule
from apps.hubs.instructions import Order, hubs_holding, instructions_queue, milliseconds
from apps.hubs.selectors import active_hub_ids_by_site
from apps.programs.models import GridSignal
from vpp.protocols.link.messages import Schedule as ScheduleMessage

PLAN_LOCK_S = 120.0
# Where a home holds several schedules at once it follows the smallest number: what an alert asks, then events, then
# what it has sold on a market, then prices and the like; within each the utility's own priority.
ALERT, SHED, TRADED, STEERED = 0, 1000, 2000, 3000
LEAST = 999


def priority_of(signal: GridSignal) -> int:
    """Return the number by which hubs choose between schedules."""
    first = ALERT if "alert" in signal.detail else SHED if signal.is_shed else STEERED
    return first + (LEAST if signal.priority is None else min(signal.priority, LEAST))


@contextmanager
def planning(signal_id: UUID) -> Iterator[None]:
    """One decision a signal at a time."""
    with client().lock(f"{settings.REDIS_PREFIX}plan:{signal_id}", timeout=PLAN_LOCK_S):
        yield


def schedule_message(schedule: Schedule, *, plan: Plan) -> ScheduleMessage:
    """Return a home's schedule as its hub gets it."""
    return ScheduleMessage(
        starts_at=milliseconds(plan.starts_at),
        interval_s=plan.interval_s,
        site_kw=list(schedule.site_kw),
        resources=schedule.resources,
    )


def carried_over(schedule: Schedule, *, plan: Plan, counted: bool) -> Schedule | None:
    """Return what is left of a schedule as part of a later plan, not saved.

    None where the event itself was changed: the old schedule has lost its meaning.
    """
    skipped = round((plan.starts_at - schedule.plan.starts_at).total_seconds() / plan.interval_s)
    if schedule.plan.interval_s != plan.interval_s or not 0 <= skipped < len(schedule.shed_kw):
        return None
    return Schedule(
        plan=plan,
        site_id=schedule.site_id,
        shed_kw=schedule.shed_kw[skipped:],
        site_kw=schedule.site_kw[skipped:],
        battery_kw=schedule.battery_kw[skipped:],
        resources={key: values[skipped:] for key, values in schedule.resources.items()},
        counted=counted,
    )


def schedules_queue(
    site_ids: Sequence[int],
    messages: Mapping[int, ScheduleMessage],
    *,
    signal_id: UUID,
    reason: str,
    now: datetime,
    ends_at: datetime,
    priority: int = SHED,
) -> None:
    """Queue each home's schedule; a home without one is told to drop what it has."""
    told = Told(reason, now, ends_at, priority)
    subject_queue(site_ids, messages, subject=f"signal:{signal_id}", told=told)


@dataclasses.dataclass(frozen=True)
class Told:
    """Why hubs are told something, when, and how long it holds."""

    reason: str
    now: datetime
    ends_at: datetime
    priority: int = SHED


def subject_queue(
    site_ids: Sequence[int],
    messages: Mapping[int, ScheduleMessage],
    *,
    subject: str,
    told: Told,
    only_running: bool = False,
) -> None:
    """Queue each home's schedule of a subject; a home without one is told to drop what it has.

    With `only_running`, a home that holds nothing of the subject is told nothing.
    """
    hubs = active_hub_ids_by_site(site_ids=site_ids)
    wanted = [site_id for site_id in site_ids if site_id in hubs]
    if only_running:
        held = hubs_holding(hub_ids=hubs.values(), subject=subject, now=told.now)
        wanted = [site_id for site_id in wanted if site_id in messages or hubs[site_id] in held]
    orders = [
        Order(
            hub_id=hubs[site_id],
            subject=subject,
            schedule=messages.get(site_id),
            not_before=told.now,
            expires_at=told.ends_at,
            reason=told.reason,
            priority=told.priority,
        )
        for site_id in wanted
    ]
    instructions_queue(orders=orders, now=told.now)


def steered_order(schedule: Schedule, *, plan: Plan) -> ScheduleMessage:
    """Return a steered schedule as a hub gets it: the battery's power, whatever the meter then shows."""
    return ScheduleMessage(
        starts_at=milliseconds(plan.starts_at), interval_s=plan.interval_s, resources=schedule.resources
    )
