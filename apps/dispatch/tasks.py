"""Background work of dispatch."""

from typing import Any
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.db import OperationalError
from redis.exceptions import RedisError

from apps.common import clock
from apps.common.redis import client
from apps.dispatch import (
    answers,
    leaving,
    preview,
    questions,
    responsiveness,
    services,
    shards,
    telling,
    tracking,
    watch,
)
from apps.sites.selectors import site_name

TICK_LOCK_S = 60
# Redis' own ConnectionError is not Python's.
UNREACHABLE = (RedisError, OperationalError)


@shared_task(name="dispatch.tick")
def tick() -> None:
    """Look at every signal that is not over; one look at a time."""
    lock = client().lock(f"{settings.REDIS_PREFIX}tick", timeout=TICK_LOCK_S)
    if lock.acquire(blocking=False):
        try:
            tracking.signals_tick(now=clock.now())
        finally:
            lock.release()


@shared_task(name="dispatch.plan_signal", autoretry_for=UNREACHABLE, retry_backoff=True, max_retries=5)
def plan_signal(*, signal_id: str, reason: str, only_after: int | None = None) -> None:
    """Plan a signal that has just come or changed."""
    services.signal_plan(signal_id=UUID(signal_id), reason=reason, now=clock.now(), only_after=only_after)


@shared_task(name="dispatch.release_site", autoretry_for=UNREACHABLE, retry_backoff=True, max_retries=5)
def release_site(*, signal_id: str, site_id: int) -> None:
    """Let a home go that opted out, then make up for it."""
    reason = f"{site_name(site_id=site_id)} opted out"
    services.site_release(signal_id=UUID(signal_id), site_id=site_id, reason=reason, now=clock.now())
    services.signal_plan(signal_id=UUID(signal_id), reason=reason, now=clock.now())


@shared_task(name="dispatch.let_go", autoretry_for=UNREACHABLE, retry_backoff=True, max_retries=5)
def let_go(*, program_id: int, site_ids: list[int] | None) -> None:
    """Have the hubs of homes that left a program drop what they were told."""
    leaving.homes_let_go(program_id=program_id, site_ids=site_ids, now=clock.now())


@shared_task(name="dispatch.answer_plan")
def answer_plan(*, plan_id: int, token: str, change: dict[str, Any]) -> None:
    """Replay a plan, or try another question on what it knew."""
    answers.answer_work(plan_id=plan_id, token=token, change=change)


@shared_task(name=preview.PREVIEW_TASK)
def preview_signal(*, program_id: int, token: str, wished: dict[str, Any]) -> None:
    """Work out what the fleet would answer to a wish."""
    preview.preview_work(program_id=program_id, token=token, wished=wished, now=clock.now())


@shared_task(name=questions.TASK)
def work_question(*, job_id: str) -> None:
    """Work out what an API client asks of a signal or a plan."""
    questions.question_work(job_id=UUID(job_id))


@shared_task(name="dispatch.cancel_signal", autoretry_for=UNREACHABLE, retry_backoff=True, max_retries=5)
def cancel_signal(*, signal_id: str) -> None:
    """Tell the hubs of a canceled event."""
    services.signal_release(
        signal_id=UUID(signal_id), reason="the utility canceled the event", now=clock.now()
    )


@shared_task(name="dispatch.shard_respond", ignore_result=False, acks_late=False)
def shard_respond(*, run: str, shard: int, prices: str) -> str:
    """Answer for a shard of a portfolio at given prices."""
    return shards.shard_respond(run=run, shard=shard, prices=prices)


@shared_task(name="dispatch.shard_cut", ignore_result=False, acks_late=False)
def shard_cut(*, run: str, shard: int, prices: str) -> str:
    """Work out what a shard's homes give, from the mix of their answers."""
    return shards.shard_cut(run=run, shard=shard, prices=prices)


@shared_task(
    name="dispatch.learn_responsiveness", autoretry_for=UNREACHABLE, retry_backoff=True, max_retries=5
)
def learn_responsiveness(*, signal_id: str) -> None:
    """Learn from an ended signal how its homes answered."""
    responsiveness.responsiveness_learn(signal_id=UUID(signal_id), now=clock.now())


@shared_task(name="dispatch.watch")
def watch_all() -> None:
    """Find what operators are to be told of events."""
    watch.events_watch(now=clock.now())


@shared_task(name=telling.TELL_TASK, autoretry_for=UNREACHABLE, retry_backoff=True, max_retries=5)
def tell_homes(*, signal_id: str) -> None:
    """Tell homes of an event that they are planned for."""
    telling.homes_tell(signal_id=UUID(signal_id), now=clock.now())
