"""Who sees which page of a home."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.programs.models import GridSignal
from tests.apps.portal.world import World, add_plan, add_signal, settle

As = Callable[[User | None], Client]
PAGES = [
    "",
    "live",
    "day",
    "event",
    "earnings-card",
    "events/",
    "why/",
    "events/{signal}/",
    "statements/{statement}/",
    "hub/",
    "devices/",
]


@pytest.fixture
def paths(world: World, now: datetime) -> list[str]:
    signal = add_signal(world, starts_at=now - timedelta(hours=5), state="settled")
    add_plan(signal, world.sites)
    statement = settle(signal, world.sites)[0]
    return [
        f"/sites/{world.sites[0].pk}/{page.format(signal=signal.pk, statement=statement.pk)}"
        for page in PAGES
    ]


@pytest.mark.parametrize("who", ["owner", "member", "operator", "viewer"])
def test_household_and_operators_see_every_page(world: World, as_: As, paths: list[str], who: str) -> None:
    client = as_(getattr(world, who))
    assert [client.get(path).status_code for path in paths] == [200] * len(PAGES)


def test_stranger_finds_nothing(world: World, as_: As, paths: list[str]) -> None:
    client = as_(world.stranger)
    assert [client.get(path).status_code for path in paths] == [404] * len(PAGES)


def test_anonymous_is_sent_to_sign_in(as_: As, paths: list[str]) -> None:
    client = as_(None)
    for path in paths:
        response = client.get(path)
        assert (response.status_code, response["Location"]) == (302, f"/account/login/?next={path}")


def test_anonymous_fragment_sends_the_whole_page_to_sign_in(as_: As, paths: list[str]) -> None:
    response = as_(None).get(paths[1], headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"], response.content) == (200, "/account/login/", b"")


def test_another_homes_statement_is_not_found(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now - timedelta(hours=5), state="settled")
    others = settle(signal, world.sites)[1]
    path = f"/sites/{world.sites[0].pk}/statements/{others.pk}/"
    assert as_(world.owner).get(path).status_code == 404


def test_signal_of_a_program_without_this_home_is_not_found(world: World, as_: As, now: datetime) -> None:
    signal = add_signal(world, starts_at=now)
    world.sites[0].enrollments.all().delete()
    path = f"/sites/{world.sites[0].pk}/events/{signal.pk}/"
    assert as_(world.owner).get(path).status_code == 404
    assert GridSignal.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "target"),
    [
        ("owner", "/sites/{site}/"),
        ("member", "/sites/{site}/"),
        ("operator", "/console/"),
        ("viewer", "/console/"),
    ],
)
def test_start_leads_where_people_belong(world: World, as_: As, who: str, target: str) -> None:
    response = as_(getattr(world, who)).get("/")
    assert (response.status_code, response["Location"]) == (302, target.format(site=world.sites[0].pk))


def test_start_lists_several_homes(world: World, as_: As) -> None:
    world.sites[1].members.create(user=world.owner)
    html = as_(world.owner).get("/").content.decode()
    assert [name for name in ("Rose Street 1", "Rose Street 3", "Rose Street 5") if name in html] == [
        "Rose Street 1",
        "Rose Street 3",
    ]


def test_start_explains_having_no_home(world: World, as_: As) -> None:
    world.sites[0].members.all().delete()
    assert "No home belongs to you yet." in as_(world.owner).get("/").content.decode()


@pytest.mark.parametrize("page", ["", "hub/", "devices/"])
def test_pages_hold_no_inline_script_or_style(world: World, as_: As, page: str) -> None:
    response = as_(world.owner).get(f"/sites/{world.sites[0].pk}/{page}")
    html = response.content.decode()
    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert (html.count("<style"), html.count(" style="), html.count("<script>"), html.count("onclick")) == (
        0,
        0,
        0,
        0,
    )
    assert html.count("<script ") == html.count("<script src=")
