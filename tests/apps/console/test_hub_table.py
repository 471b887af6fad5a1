"""The list of hubs: a page at a time, by state, software and the home's name."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.common.keyset import CursorInvalidError, keyset_page
from apps.console import hubs
from apps.console.hubs import HubFilter, HubTable, hub_table
from apps.hubs.models import Hub
from tests.apps.portal.world import World, add_hub, build_world, words

As = Callable[[User | None], Client]


def table(world: World, cursor: str = "", **fields: str) -> HubTable:
    return hub_table(organization=world.organization, chosen=HubFilter.read(fields), cursor=cursor)


def names(found: HubTable) -> list[str]:
    return [row.hub.site.name for row in found.rows if row.hub.site]


@pytest.fixture
def fleet(world: World, now: datetime) -> World:
    """Three homes: a hub online, one offline of other software beside a revoked one, one never seen."""
    first, second, third = world.sites
    add_hub(first, now=now)
    Hub.objects.filter(pk=add_hub(second, now=now, connected=False).pk).update(state=Hub.State.REVOKED)
    second.resources.all().delete()
    Hub.objects.filter(pk=add_hub(second, now=now, connected=False).pk).update(agent_version="0.2.0")
    Hub.objects.filter(pk=add_hub(third, now=now).pk).update(connected_at=None)
    add_hub(build_world(now=now, tag="-2").sites[0], now=now)
    return world


def test_each_field_lets_its_own_through(fleet: World) -> None:
    assert names(table(fleet)) == ["Rose Street 1", "Rose Street 3", "Rose Street 3", "Rose Street 5"]
    assert table(fleet).states == [
        ("online", "online", 1),
        ("offline", "offline", 1),
        ("new", "never seen", 1),
        ("revoked", "revoked", 1),
    ]
    assert names(table(fleet, state="online")) == ["Rose Street 1"]
    assert names(table(fleet, state="offline")) == ["Rose Street 3"]
    assert names(table(fleet, state="new")) == ["Rose Street 5"]
    assert [row.state for row in table(fleet, state="revoked").rows] == ["revoked"]
    assert names(table(fleet, version="0.2.0")) == ["Rose Street 3"]
    assert names(table(fleet, name="str 5")) == ["Rose Street 5"]
    assert names(table(fleet, state="broken")) == []


def test_pages_cover_every_hub_once(fleet: World, monkeypatch: pytest.MonkeyPatch) -> None:
    every = [row.hub.pk for row in table(fleet).rows]
    monkeypatch.setattr(hubs, "PAGE_SIZE", 1)
    seen, cursor = [], ""
    for _ in every:
        found = table(fleet, cursor)
        seen += [row.hub.pk for row in found.rows]
        cursor = found.page.next
    assert (seen, cursor) == (every, "")
    assert [row.hub.pk for row in table(fleet, found.page.previous).rows] == [every[2]]


def test_a_place_in_another_list_is_refused(fleet: World, as_: As, now: datetime) -> None:
    sites = keyset_page(fleet.organization.site_set.all(), order="name", cursor="", size=1)
    with pytest.raises(CursorInvalidError):
        table(fleet, sites.next)
    answer = as_(fleet.viewer).get(f"/console/{fleet.organization.pk}/hubs/?at={sites.next}")
    assert answer.status_code == CursorInvalidError.status


def test_the_page_says_how_many_are_in_each_state(fleet: World, as_: As, now: datetime) -> None:
    path = f"/console/{fleet.organization.pk}/hubs/?state=offline"
    html = words(as_(fleet.viewer).get(path).content.decode())
    assert "1 online 1 offline 1 never seen 1 revoked" in html
    assert "Rose Street 3 offline" in html
    assert "Rose Street 1" not in html
    assert now - timedelta(minutes=40) == table(fleet, state="offline").rows[0].hub.disconnected_at
