"""Telling makers what waits: claimed so that two workers never tell the same, again after a failure, dropped at its end."""

import random
import time
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.assistants import alexa_telling, google_telling
from apps.assistants.errors import LinkEndedError
from apps.assistants.links import shapes_of, things_by_link
from apps.assistants.models import AssistantLink, Maker, ThingReport
from apps.assistants.noticing import facts_of
from apps.assistants.reports import links_due
from apps.assistants.selectors import Thing
from apps.common.errors import DomainError

LEASE: Final = timedelta(seconds=90)
SHORTEST_WAIT_S, LONGEST_WAIT_S = 30.0, 3600.0
# One go ends well before a claim does; the rest waits for the next.
LONGEST_GO_S: Final = 30.0
MOST_THINGS: Final = 100
_jitter = random.SystemRandom()


def links_tell(*, link_ids: list[int], now: datetime) -> int:
    """Tell some links what waits for them; return how many took it."""
    told, end_s = 0, time.monotonic() + LONGEST_GO_S
    for link_id in link_ids:
        if time.monotonic() > end_s:
            break
        told += link_tell(link_id=link_id, now=now)
    return told


def link_tell(*, link_id: int, now: datetime) -> bool:
    """Tell one link what waits for it, as it is now; whether it was taken."""
    link = _claim(link_id, now=now)
    if link is None:
        return False
    things = things_by_link([link], now=now).get(link.pk)
    if things is None:
        link.delete()
        return False
    try:
        _devices_tell(link, things)
        is_all = _states_tell(link, things, now=now)
    except LinkEndedError:
        link.delete()
        return False
    except DomainError as error:
        _failed(link, error, now=now)
        return False
    AssistantLink.objects.filter(pk=link.pk).update(
        told_at=now, error="", failing_since=None, attempts=0, next_attempt_at=None
    )
    return is_all


@transaction.atomic
def _claim(link_id: int, *, now: datetime) -> AssistantLink | None:
    """Take a link that is due, for a while, so that no other worker tells it the same."""
    held = AssistantLink.objects.select_for_update().filter(pk=link_id).first()
    if held is None or not links_due(now=now).filter(pk=link_id).exists():
        return None
    held.attempts += 1
    held.next_attempt_at = now + LEASE
    held.save(update_fields=["attempts", "next_attempt_at"])
    return held


def _devices_tell(link: AssistantLink, things: list[Thing]) -> None:
    if not link.devices_wait:
        return
    shapes = shapes_of(things)
    if link.maker == Maker.GOOGLE:
        google_telling.sync_request(user_id=link.user_id)
    else:
        news = [one for one in things if link.shapes.get(one.key) != shapes[one.key]]
        alexa_telling.devices_tell(link, things=news, gone=sorted(link.shapes.keys() - shapes.keys()))
    AssistantLink.objects.filter(pk=link.pk).update(shapes=shapes, devices_wait=False)


def _states_tell(link: AssistantLink, things: list[Thing], *, now: datetime) -> bool:
    """Tell what waits; whether that was all of it."""
    rows = {row.key: row for row in ThingReport.objects.filter(link=link, waits_since__isnull=False)}
    waiting = [one for one in things if one.key in rows]
    now_told = waiting[:MOST_THINGS]
    if link.maker == Maker.GOOGLE:
        if now_told:
            google_telling.states_tell(user_id=link.user_id, things=now_told)
        _note(rows, now_told, now=now)
    else:
        for one in now_told:
            alexa_telling.change_tell(link, thing=one, told=rows[one.key].told, now=now)
            _note(rows, [one], now=now)
    return len(now_told) == len(waiting)


def _note(rows: dict[str, ThingReport], things: list[Thing], *, now: datetime) -> None:
    for one in things:
        ThingReport.objects.filter(pk=rows[one.key].pk).update(
            told=facts_of(one), told_at=now, waits_since=None
        )


def _failed(link: AssistantLink, error: DomainError, *, now: datetime) -> None:
    wait_s = min(LONGEST_WAIT_S, SHORTEST_WAIT_S * 2.0 ** min(link.attempts - 1, 10))
    AssistantLink.objects.filter(pk=link.pk).update(
        error=error.detail[:200], failing_since=link.failing_since or now,
        next_attempt_at=now + timedelta(seconds=wait_s * _jitter.uniform(0.5, 1.0)),
    )  # fmt: skip
