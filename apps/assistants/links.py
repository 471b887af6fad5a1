"""Links to assistants that are told of changes: made when a person connects one, ended when they take it back."""

import dataclasses
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.assistants.caller import Caller
from apps.assistants.makers import is_told
from apps.assistants.models import AssistantLink, Maker, ThingReport
from apps.assistants.noticing import shape_of
from apps.assistants.selectors import HomeNow, Thing, homes_now, things_of
from apps.sites.app_grants import GrantedHome, homes_granted
from apps.sites.selectors import sites_by_id

Link = tuple[int, int]


@transaction.atomic
def link_made(caller: Caller, maker: Maker, *, things: list[Thing], **tokens: Any) -> None:
    """Tell a person's assistant of changes from now on, if its maker is told any; it has just heard of `things`."""
    if not is_told(maker) or "read" not in caller.granted.rights:
        return
    # It may have forgotten what it was told: all of it is told again.
    ThingReport.objects.filter(link__user=caller.user, link__maker=maker).delete()
    AssistantLink.objects.update_or_create(
        user=caller.user, maker=maker,
        defaults={
            "client_id": caller.granted.client_pk, "linked_at": caller.now, "may_control": "control" in caller.granted.rights,
            "shapes": shapes_of(things), "devices_wait": False, "attempts": 0, "next_attempt_at": None, "error": "",
            "failing_since": None, **tokens,
        },
    )  # fmt: skip


def link_described(caller: Caller, maker: Maker, *, things: list[Thing]) -> None:
    """Note that an assistant that is linked has just heard of `things`."""
    held = AssistantLink.objects.filter(user=caller.user, maker=maker, client_id=caller.granted.client_pk)
    held.update(shapes=shapes_of(things), devices_wait=False, may_control="control" in caller.granted.rights)


def links_ended(*, caller: Caller, maker: Maker) -> None:
    """Tell a person's assistant nothing any more."""
    AssistantLink.objects.filter(user=caller.user, maker=maker, client_id=caller.granted.client_pk).delete()


def things_by_link(links: list[AssistantLink], *, now: datetime) -> dict[int, list[Thing]]:
    """Return what each link's assistant may be told of; a link that may be told nothing is not there."""
    granted = _granted(links)
    sites = sites_by_id(site_ids=sorted({one.site_id for homes in granted.values() for one in homes}))
    homes = {one.site.pk: one for one in homes_now(sites=list(sites.values()), controlled=set(), now=now)}
    return {
        link.pk: things_of([_as_seen(homes[one.site_id], link=link, granted=one) for one in granted[link.pk]])
        for link in links
        if link.pk in granted
    }


def shapes_of(things: list[Thing]) -> dict[str, str]:
    """Return what things are called and offer, by key."""
    return {one.key: shape_of(one) for one in things}


def _granted(links: list[AssistantLink]) -> dict[int, list[GrantedHome]]:
    wanted: dict[Link, list[int]] = {}
    for one in links:
        wanted.setdefault((one.user_id, one.client_id), []).append(one.pk)
    users, clients = {user for user, _ in wanted}, {client for _, client in wanted}
    found: dict[int, list[GrantedHome]] = {}
    for home in homes_granted(user_ids=users, client_ids=clients):
        for pk in wanted.get((home.user_id, home.client_id), []):
            found.setdefault(pk, []).append(home)
    return found


def _as_seen(home: HomeNow, *, link: AssistantLink, granted: GrantedHome) -> HomeNow:
    return dataclasses.replace(home, may_control=link.may_control and granted.is_owner)
