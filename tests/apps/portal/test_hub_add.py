"""Entering a hub's claim code."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.hubs.device_reports import device_message_store
from apps.hubs.models import Hub
from tests.apps.portal.world import CODE, World, add_hub, add_snapshot, waiting_hub, words
from vpp.protocols.link.messages import Devices, DeviceState

As = Callable[[User | None], Client]


@pytest.fixture
def hub(world: World) -> Hub:
    return waiting_hub(machine_now=datetime.now(UTC))


def path(world: World) -> str:
    return f"/sites/{world.sites[0].pk}/hub/"


def states() -> list[tuple[str, int | None]]:
    return list(Hub.objects.order_by("created_at").values_list("state", "site_id"))


def test_owner_claims_a_hub_however_the_code_is_typed(world: World, as_: As, hub: Hub) -> None:
    response = as_(world.owner).post(path(world), {"code": f" {CODE.lower().replace('-', '')} "}, follow=True)
    assert response.redirect_chain == [(f"/sites/{world.sites[0].pk}/hub/progress/", 302)]
    assert "Your hub belongs to this home now." in response.content.decode()
    assert states() == [("active", world.sites[0].pk)]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("00000-00000", "no hub is waiting with this claim code"),
        ("123", "a claim code has ten characters"),
        ("", "a claim code has ten characters"),
        ("UUUUU-UUUUU", "without the letter U"),
    ],
)
def test_a_wrong_code_gets_a_clear_answer(world: World, as_: As, hub: Hub, code: str, said: str) -> None:
    response = as_(world.owner).post(path(world), {"code": code})
    assert response.status_code == 400
    assert said in response.content.decode()
    assert states() == [("unclaimed", None)]


def test_guessing_is_stopped_even_for_the_right_code(world: World, as_: As, hub: Hub) -> None:
    client = as_(world.owner)
    wrong = [client.post(path(world), {"code": f"00000-0000{digit}"}).status_code for digit in range(6)]
    right = client.post(path(world), {"code": CODE})
    assert wrong == [400] * 5 + [429]
    assert (right.status_code, states()) == (429, [("unclaimed", None)])
    assert "too many wrong claim codes" in right.content.decode()


@pytest.mark.parametrize(
    ("who", "status"), [("member", 403), ("operator", 403), ("viewer", 403), ("stranger", 404)]
)
def test_nobody_but_an_owner_claims(world: World, as_: As, hub: Hub, who: str, status: int) -> None:
    client = as_(getattr(world, who))
    assert client.post(path(world), {"code": CODE}).status_code == status
    assert states() == [("unclaimed", None)]


def test_anonymous_claims_nothing(world: World, as_: As, hub: Hub) -> None:
    assert as_(None).post(path(world), {"code": CODE}).status_code == 302
    assert states() == [("unclaimed", None)]


def test_without_csrf_token_nothing_changes(world: World, hub: Hub) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.owner)
    assert client.post(path(world), {"code": CODE}).status_code == 403
    assert states() == [("unclaimed", None)]


def test_a_home_with_a_hub_keeps_it(world: World, as_: As, now: datetime) -> None:
    add_hub(world.sites[0], now=now)
    waiting_hub(machine_now=datetime.now(UTC))
    client = as_(world.owner)
    assert "The new one takes its place" in client.get(path(world)).content.decode()
    assert client.post(path(world), {"code": CODE}).status_code == 409
    assert states() == [("active", world.sites[0].pk), ("unclaimed", None)]


def test_an_owner_who_says_so_replaces_the_hub(world: World, as_: As, now: datetime) -> None:
    add_hub(world.sites[0], now=now)
    waiting_hub(machine_now=datetime.now(UTC))
    assert as_(world.owner).post(path(world), {"code": CODE, "replace": "on"}).status_code == 302
    assert sorted(states()) == [("active", world.sites[0].pk), ("revoked", world.sites[0].pk)]


def test_every_step_of_a_new_hub_shows_and_what_to_do_where_it_stops(
    world: World, as_: As, now: datetime
) -> None:
    site, client = world.sites[0], as_(world.owner)

    def said() -> str:
        return words(client.get(f"{path(world)}progress/", headers={"HX-Request": "true"}).content.decode())

    assert "Enter the claim code that the hub shows." in said()
    hub = add_hub(site, now=now)
    Hub.objects.filter(pk=hub.pk).update(claimed_at=now - timedelta(minutes=1), connected_at=None)
    assert "Hub online waiting" in said()
    assert "plug it in again" not in said()
    Hub.objects.filter(pk=hub.pk).update(claimed_at=now - timedelta(minutes=4))
    assert "plug it in again" in said()
    Hub.objects.filter(pk=hub.pk).update(connected_at=now, disconnected_at=None)
    assert "Hub online connected First values waiting" in said()
    add_snapshot(site, now, grid_kw=1.0)
    device_message_store(
        hub_id=str(hub.pk), message=Devices(0, 0, [DeviceState("m", "sunspec", "Meter", "grid")]), now=now
    )
    assert "1 device All is well: your home is on." in said()


def test_the_camera_is_allowed_where_a_hub_is_added_and_nowhere_else(world: World, as_: As) -> None:
    client = as_(world.owner)
    assert client.get(path(world)).headers["Permissions-Policy"].startswith("camera=(self),")
    for other in (f"/sites/{world.sites[0].pk}/", f"{path(world)}progress/"):
        assert client.get(other).headers["Permissions-Policy"].startswith("camera=(),")


@pytest.mark.parametrize(("who", "status"), [("stranger", 404), (None, 302)])
def test_nobody_else_sees_how_far_a_hub_got(world: World, as_: As, who: str | None, status: int) -> None:
    client = as_(getattr(world, who) if who else None)
    assert client.get(f"{path(world)}progress/").status_code == status
