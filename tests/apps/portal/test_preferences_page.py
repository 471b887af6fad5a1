"""The page of what a household prefers: who may set what, what the hub says, and undo."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.hubs.instructions import instruction_statuses_apply
from apps.hubs.models import Hub, Instruction
from apps.sites.models import PreferenceRevision, Resource, Site
from tests.apps.portal.world import World, add_hub
from vpp.protocols.link.messages import InstructionStatus

As = Callable[[User | None], Client]


@pytest.fixture
def hub(world: World, now: datetime) -> Hub:
    hub = add_hub(world.sites[0], now=now - timedelta(minutes=5))
    hub.features = ["device"]
    hub.save()
    Resource.objects.filter(kind="battery").update(parameters={"capacity_kwh": 10.0})
    return hub


def path(world: World, rest: str = "") -> str:
    return f"/sites/{world.sites[0].pk}/preferences/{rest}"


def post(client: Client, world: World, **sent: Any) -> str:
    return client.post(path(world), sent, follow=True).content.decode()


def held(world: World) -> Site:
    return Site.objects.get(pk=world.sites[0].pk)


def told(hub: Hub, *, state: str, reason: str = "", now: datetime) -> None:
    sent = Instruction.objects.filter(hub=hub).order_by("-pk")[0]
    report = InstructionStatus(0, str(sent.instruction_id), sent.revision, state, 0, reason)  # type: ignore[arg-type]
    assert instruction_statuses_apply(reports=[(str(hub.pk), report)], now=now) == set()


def test_owner_saves_and_reads_what_the_hub_says(world: World, as_: As, hub: Hub, now: datetime) -> None:
    client = as_(world.owner)
    said = post(
        client,
        world,
        mode="backup",
        reserve_soc="40",
        ev_least_soc="0",
        quiet_from="22:00",
        quiet_until="06:00",
    )
    assert ("Saved." in said, "On its way to your hub." in said) == (True, True)
    assert (held(world).mode, held(world).reserve_soc) == ("backup", 0.4)
    # 4 kWh at the half kilowatt that a home without measurements is taken to draw.
    assert '<strong id="reserve-hours">about 8 hours</strong>' in said
    told(hub, state="acknowledged", now=now - timedelta(seconds=12))
    assert (
        "Applied by your hub 12 seconds ago."
        in client.get(path(world), headers={"HX-Request": "true"}).content.decode()
    )
    assert "Nothing to change" in post(client, world, mode="backup", reserve_soc="40")


def test_what_the_hub_refuses_is_taken_back_and_said(world: World, as_: As, hub: Hub, now: datetime) -> None:
    client = as_(world.owner)
    post(client, world, reserve_soc="30")
    told(hub, state="acknowledged", now=now)
    post(client, world, mode="time_of_use")
    told(hub, state="rejected", reason="there is no tariff to follow", now=now)
    shown = client.get(path(world)).content.decode()
    assert "Your hub refused: there is no tariff to follow. What held before holds." in shown
    assert (held(world).mode, held(world).reserve_soc) == ("self_consumption", 0.3)


def test_undo_sets_back_and_tells_the_hub(world: World, as_: As, hub: Hub) -> None:
    client = as_(world.owner)
    post(client, world, reserve_soc="30")
    post(client, world, reserve_soc="80")
    client.post(path(world, "undo"))
    assert held(world).reserve_soc == 0.3
    assert [one.values["reserve_soc"] for one in PreferenceRevision.objects.order_by("number")] == [
        0.3,
        0.8,
        0.3,
    ]
    assert Instruction.objects.filter(hub=hub).count() == 3


def test_members_set_comfort_and_nothing_more(world: World, as_: As, hub: Hub) -> None:
    client = as_(world.member)
    assert "Saved." in post(
        client, world, comfort_low_c="19,5", comfort_high_c="22", quiet_from="21:00", quiet_until="07:00"
    )
    assert (held(world).comfort_low_c, f"{held(world).quiet_from:%H:%M}") == (19.5, "21:00")
    for sent in ({"reserve_soc": "5"}, {"mode": "backup", "comfort_low_c": "6"}):
        assert "only an owner of this home decides this" in post(client, world, **sent)
    assert (held(world).reserve_soc, held(world).comfort_low_c) == (0.1, 19.5)
    post(as_(world.owner), world, reserve_soc="50")
    refused = as_(world.member).post(path(world, "undo"), follow=True).content.decode()
    assert "only an owner of this home decides this" in refused
    assert held(world).reserve_soc == 0.5


@pytest.mark.parametrize(
    "sent", [{"reserve_soc": "much"}, {"reserve_soc": "nan"}, {"comfort_low_c": "2"}, {"mode": "x"}]
)
def test_nonsense_changes_nothing(world: World, as_: As, sent: dict[str, str]) -> None:
    assert "Nothing was changed" in post(as_(world.owner), world, **sent)
    assert PreferenceRevision.objects.count() == 0


@pytest.mark.parametrize("who", ["operator", "viewer"])
def test_operators_look_and_set_nothing(world: World, as_: As, who: str) -> None:
    client = as_(getattr(world, who))
    assert ">Save<" not in client.get(path(world)).content.decode()
    assert "Nothing was changed" in post(client, world, reserve_soc="90", ev_least_soc="50")
    assert (PreferenceRevision.objects.count(), held(world).reserve_soc) == (0, 0.1)


def test_strangers_find_nothing(world: World, as_: As) -> None:
    assert [
        as_(user).post(path(world), {"reserve_soc": "90"}).status_code for user in (world.stranger, None)
    ] == [404, 302]
    assert held(world).reserve_soc == 0.1


def test_without_a_hub_plans_respect_it_already(world: World, as_: As) -> None:
    assert "No hub yet" in post(as_(world.owner), world, reserve_soc="60")
    assert held(world).reserve_soc == 0.6
