"""Why: what the hub decided by itself, at any time of the last days, in the household's words and in the hub's."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.hubs.models import HubDecision
from tests.apps.portal.world import World

As = Callable[[User | None], Client]
CARED = "charge for the night; held back by care: the battery is warm"


@pytest.fixture
def decisions(world: World, now: datetime) -> None:
    for ago, site, resource, controller, reason in (
        (timedelta(days=2, hours=1), 0, "battery", "island", "no grid: the battery carries the home"),
        (timedelta(hours=3), 0, "battery", "self_consumption", "use the home's own energy"),
        (timedelta(hours=1), 0, "battery", "home_mode", CARED),
        (timedelta(hours=2), 0, "boiler", "mystery", "who knows"),
        (timedelta(hours=1), 1, "ev", "override", "of the neighbor"),
    ):
        HubDecision.objects.create(
            site=world.sites[site], at=now - ago, resource=resource, controller=controller, reason=reason
        )


def why(as_: As, user: User, world: World, **asked: str) -> str:
    answer = as_(user).get(f"/sites/{world.sites[0].pk}/why/", asked)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_what_holds_now_is_told_with_what_held_it_back(world: World, as_: As, decisions: None) -> None:
    said = why(as_, world.owner, world)
    shown = said[: said.index("<details>")]
    assert "Your tariff, or what you keep for an outage, said so. Your battery was spared." in shown
    assert "charge for the night; held back by care: the battery is warm" in shown
    assert "<strong>boiler</strong>" in shown and "Your hub decided so." in shown
    assert "Your home used its own energy first." not in shown
    assert "Your home used its own energy first." in said
    assert "of the neighbor" not in said


def test_days_before_can_be_asked_for(world: World, as_: As, decisions: None, now: datetime) -> None:
    at = (now - timedelta(days=2)).astimezone(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%dT%H:%M")
    said = why(as_, world.owner, world, at=at)
    assert "There was no grid, or it had just come back." in said
    assert "no grid: the battery carries the home" in said
    assert "Your tariff" not in said
    assert 'type="datetime-local"' in said


def test_german_reads_german(world: World, as_: As, decisions: None) -> None:
    client = as_(world.owner)
    client.cookies["django_language"] = "de"
    said = client.get(f"/sites/{world.sites[0].pk}/why/").content.decode()
    assert "Ihre Batterie wurde geschont." in said
    assert "die eigene Energie nutzen" in said and "use the home" not in said
    assert '<span lang="en">who knows</span>' in said


def test_stranger_reads_nothing(world: World, as_: As, decisions: None) -> None:
    assert as_(world.stranger).get(f"/sites/{world.sites[0].pk}/why/").status_code == 404
