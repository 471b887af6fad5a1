"""From schedules to what hubs are told, and schedules that pass on into the next plan."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from django.conf import settings

from apps.common.redis import client
from apps.dispatch.models import Plan, Schedule
from apps.hubs.instructions import Order, instructions_queue, milliseconds
from apps.hubs.selectors import active_hubs_by_site
from vpp.protocols.link.messages import Schedule as ScheduleMessage

PLAN_LOCK_S = 120.0


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
) -> None:
    """Queue each home's schedule; a home without one is told to drop what it has."""
    hubs = active_hubs_by_site(site_ids=site_ids)
    orders = [
        Order(
            hub_id=hubs[site_id].pk,
            subject=f"signal:{signal_id}",
            schedule=messages.get(site_id),
            not_before=now,
            expires_at=ends_at,
            reason=reason,
        )
        for site_id in site_ids
        if site_id in hubs
    ]
    instructions_queue(orders=orders, now=now)
