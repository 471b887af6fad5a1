"""Background work of assistants: nothing unless a maker's credentials are set."""

from celery import shared_task

from apps.assistants import delivery, reports
from apps.common import clock


@shared_task(name="assistants.look")
def look() -> None:
    """Have every link looked at."""
    reports.links_look()


@shared_task(name=reports.LOOK_TASK)
def look_at(*, first: int, last: int) -> None:
    """Queue what has changed for some links."""
    reports.changes_queue(first=first, last=last, now=clock.now())


@shared_task(name=reports.DELIVER_TASK)
def deliver(*, link_ids: list[int]) -> None:
    """Tell some links what waits for them."""
    delivery.links_tell(link_ids=link_ids, now=clock.now())
