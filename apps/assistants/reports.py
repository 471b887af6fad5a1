"""What assistants have yet to be told: one row for each link and thing, of which the newest state wins."""

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.assistants.links import shapes_of, things_by_link
from apps.assistants.makers import makers_told
from apps.assistants.models import AssistantLink, ThingReport
from apps.assistants.noticing import MEASURED_EVERY, facts_of, notice
from apps.assistants.selectors import Thing
from apps.common.queue import enqueue_on_commit

LOOK_TASK: Final = "assistants.look_at"
DELIVER_TASK: Final = "assistants.deliver"
# So many links are looked at, and told, by one task.
LOOKED_AT: Final = 500
TOLD: Final = 10


def links_look() -> int:
    """Have workers look at every link whose maker is told of changes; return how many there are."""
    found = list(_links().values_list("pk", flat=True))
    with transaction.atomic():
        for start in range(0, len(found), LOOKED_AT):
            part = found[start : start + LOOKED_AT]
            enqueue_on_commit(LOOK_TASK, first=part[0], last=part[-1])
    return len(found)


@transaction.atomic
def changes_queue(*, first: int, last: int, now: datetime) -> int:
    """Queue what has changed for some links, end those that may be told nothing; return how many are due."""
    links = list(_links().filter(pk__gte=first, pk__lte=last).select_for_update(skip_locked=True))
    things = things_by_link(links, now=now)
    AssistantLink.objects.filter(pk__in=[one.pk for one in links if one.pk not in things]).delete()
    held: dict[int, dict[str, ThingReport]] = {}
    for row in ThingReport.objects.filter(link_id__in=list(things)):
        held.setdefault(row.link_id, {})[row.key] = row
    for link in links:
        if link.pk in things:
            _queue(link, things[link.pk], held=held.get(link.pk, {}), now=now)
    due = list(links_due(now=now).filter(pk__in=list(things)).values_list("pk", flat=True))
    for start in range(0, len(due), TOLD):
        enqueue_on_commit(DELIVER_TASK, link_ids=due[start : start + TOLD])
    return len(due)


def links_due(*, now: datetime) -> QuerySet[AssistantLink]:
    """Return the links with something to tell whose time has come."""
    waiting = ThingReport.objects.filter(link=OuterRef("pk"), waits_since__isnull=False)
    ready = Q(next_attempt_at=None) | Q(next_attempt_at__lte=now)
    return _links().filter(ready).filter(Q(devices_wait=True) | Exists(waiting))


def _links() -> QuerySet[AssistantLink]:
    return AssistantLink.objects.filter(maker__in=makers_told()).order_by("pk")


def _queue(link: AssistantLink, things: list[Thing], *, held: dict[str, ThingReport], now: datetime) -> None:
    if not link.devices_wait and link.shapes != shapes_of(things):
        AssistantLink.objects.filter(pk=link.pk).update(devices_wait=True)
    keys = {one.key for one in things}
    ThingReport.objects.filter(pk__in=[row.pk for key, row in held.items() if key not in keys]).delete()
    news = [one for one in things if one.key not in held]
    ThingReport.objects.bulk_create(
        ThingReport(link=link, site=one.home.site, key=one.key, waits_since=now) for one in news
    )
    waits = [row.pk for one in things if (row := held.get(one.key)) and _is_news(row, one, now=now)]
    if waits:
        ThingReport.objects.filter(pk__in=waits).update(waits_since=now)


def _is_news(row: ThingReport, thing: Thing, *, now: datetime) -> bool:
    if row.waits_since is not None:
        return False
    found = notice(row.told, facts_of(thing))
    if found == "measured":
        return row.told_at is None or now - row.told_at >= MEASURED_EVERY
    return found == "at once"
