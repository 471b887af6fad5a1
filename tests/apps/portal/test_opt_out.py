"""A household's no to an event."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.programs.models import GridSignal, OptOut
from tests.apps.portal.world import World, add_plan, add_signal

As = Callable[[User | None], Client]
HTMX = {"HX-Request": "true"}


@pytest.fixture
def signal(world: World, now: datetime) -> GridSignal:
    signal = add_signal(world, starts_at=now - timedelta(minutes=20), state="active")
    add_plan(signal, world.sites)
    return signal


def path(world: World, signal: GridSignal) -> str:
    return f"/sites/{world.sites[0].pk}/events/{signal.pk}/opt-out"


def test_owner_is_out_at_once_and_told_so(world: World, as_: As, signal: GridSignal, now: datetime) -> None:
    client = as_(world.owner)
    assert "Opt out of this event" in client.get(f"/sites/{world.sites[0].pk}/").content.decode()
    response = client.post(path(world, signal), headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 200
    assert "You are out of this event." in html
    assert "Opt out of this event" not in html
    assert "<html" not in html
    assert list(OptOut.objects.values_list("signal", "site", "user", "at")) == [
        (signal.pk, world.sites[0].pk, world.owner.pk, now)
    ]


def test_without_script_the_page_comes_back_with_the_message(
    world: World, as_: As, signal: GridSignal
) -> None:
    response = as_(world.owner).post(path(world, signal), follow=True)
    assert response.redirect_chain == [(f"/sites/{world.sites[0].pk}/events/{signal.pk}/", 302)]
    assert "You are out of this event." in response.content.decode()
    assert OptOut.objects.count() == 1


def test_twice_is_once(world: World, as_: As, signal: GridSignal) -> None:
    client = as_(world.owner)
    statuses = [client.post(path(world, signal), headers=HTMX).status_code for _ in range(2)]
    assert (statuses, OptOut.objects.count()) == ([200, 200], 1)


@pytest.mark.parametrize(
    ("who", "status"), [("member", 403), ("operator", 403), ("viewer", 403), ("stranger", 404)]
)
def test_nobody_but_an_owner_opts_out(
    world: World, as_: As, signal: GridSignal, who: str, status: int
) -> None:
    client = as_(getattr(world, who))
    assert client.post(path(world, signal), headers=HTMX).status_code == status
    assert OptOut.objects.count() == 0


@pytest.mark.parametrize("who", ["member", "operator", "viewer"])
def test_nobody_but_an_owner_sees_the_button(world: World, as_: As, signal: GridSignal, who: str) -> None:
    html = as_(getattr(world, who)).get(f"/sites/{world.sites[0].pk}/").content.decode()
    assert "Opt out of this event" not in html


def test_anonymous_changes_nothing(world: World, as_: As, signal: GridSignal) -> None:
    assert as_(None).post(path(world, signal)).status_code == 302
    assert OptOut.objects.count() == 0


def test_get_changes_nothing(world: World, as_: As, signal: GridSignal) -> None:
    assert as_(world.owner).get(path(world, signal)).status_code == 405
    assert OptOut.objects.count() == 0


def test_without_csrf_token_nothing_changes(world: World, signal: GridSignal) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.owner)
    assert client.post(path(world, signal)).status_code == 403
    assert OptOut.objects.count() == 0


def test_an_event_that_is_over_cannot_be_left(world: World, as_: As, signal: GridSignal) -> None:
    GridSignal.objects.update(state="settled")
    response = as_(world.owner).post(path(world, signal), headers=HTMX)
    assert (response.status_code, OptOut.objects.count()) == (409, 0)
    assert "Nothing was changed: the event is settled." in response.content.decode()


def test_unknown_event_is_not_found(world: World, as_: As) -> None:
    unknown = f"/sites/{world.sites[0].pk}/events/{uuid.uuid4()}/opt-out"
    assert as_(world.owner).post(unknown).status_code == 404
