"""The page of a home's devices: how they are, what was found, and who may decide."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from apps.accounts.models import User
from apps.hubs.device_reports import device_message_store
from apps.hubs.models import DevicePairing, DeviceProposal, DeviceReport, Hub
from apps.portal.devices import power_words
from tests.apps.portal.world import World, add_hub
from vpp.protocols.link.messages import DeviceResult, Devices, DeviceState, Discovered, FoundDevice

As = Callable[[User | None], Client]


@pytest.fixture
def hub(world: World, now: datetime) -> Hub:
    add_hub(world.sites[0], now=now)
    hub = Hub.objects.get(site=world.sites[0])
    hub.features = ["devices"]
    hub.save()
    found = [
        FoundDevice("r1", "sunspec", "192.168.1.9:502/1", "inverter", "Roof", "Acme", "Home 8", "A-17"),
        FoundDevice("r2", "s2", "192.168.1.8:443", name="Pump", hint="it is paired with a code"),
    ]
    states = [
        DeviceState("m", "sunspec", "Meter", "grid", power_kw=1.25, read_at=int(now.timestamp() * 1000)),
        DeviceState("b", "sunspec", "Box", "battery", state="trouble", trouble="no answer within 10 s"),
    ]
    flaws = {"mqtt": "broker 192.168.1.2: refused"}
    device_message_store(hub_id=str(hub.pk), message=Discovered(0, 0, found, flaws), now=now)
    device_message_store(hub_id=str(hub.pk), message=Devices(0, 0, states), now=now)
    return hub


def html(as_: As, user: User, world: World) -> str:
    text = as_(user).get(f"/sites/{world.sites[0].pk}/devices/").content.decode()
    return " ".join(text.split())


def decide(as_: As, user: User, world: World, act: str, *, site: int = 0) -> int:
    held = DeviceProposal.objects.get(part="inverter")
    path = f"/sites/{world.sites[site].pk}/devices/found/{held.pk}"
    return as_(user).post(path, {"act": act}).status_code


def state() -> str:
    return DeviceProposal.objects.get(part="inverter").state


def test_owner_sees_devices_trouble_and_what_was_found(world: World, as_: As, hub: Hub) -> None:
    shown = html(as_, world.owner, world)
    for text in (
        "<strong>Meter</strong>",
        "1.25 kW from the grid",
        "no answer within 10 s",
        "<strong>Roof</strong>",
        "Acme Home 8 · no. A-17 · 192.168.1.9:502/1",
        "It cannot be added from here: it is paired with a code.",
        "Listening for plugs and meters (MQTT) did not work: broker 192.168.1.2: refused.",
    ):
        assert text in shown, text
    assert (shown.count('value="add"'), shown.count('value="dismiss"')) == (1, 2)


def test_one_click_adds_dismisses_and_takes_back(world: World, as_: As, hub: Hub) -> None:
    assert (decide(as_, world.owner, world, "add"), state()) == (302, "accepted")
    assert "waits for your hub" in html(as_, world.owner, world) or "being added" in html(
        as_, world.owner, world
    )
    assert (decide(as_, world.owner, world, "undo"), state()) == (302, "proposed")
    assert (decide(as_, world.owner, world, "dismiss"), state()) == (302, "dismissed")
    assert "Left alone" in html(as_, world.owner, world)
    assert (decide(as_, world.owner, world, "undo"), state()) == (302, "proposed")


@pytest.mark.parametrize("who", ["member", "operator", "viewer"])
def test_others_see_and_decide_nothing(world: World, as_: As, hub: Hub, who: str) -> None:
    user = getattr(world, who)
    shown = html(as_, user, world)
    assert (shown.count('name="act"'), shown.count("Look for devices")) == (0, 0)
    path = f"/sites/{world.sites[0].pk}/devices/found/{DeviceProposal.objects.get(part='inverter').pk}"
    answer = as_(user).post(path, {"act": "add"}, follow=True).content.decode()
    assert "Nothing was changed: only an owner of this home decides this." in answer
    assert state() == "proposed"


def test_stranger_and_neighbor_find_nothing(world: World, as_: As, hub: Hub) -> None:
    assert (decide(as_, world.stranger, world, "add"), state()) == (404, "proposed")
    world.sites[1].members.create(user=world.stranger, role="owner")
    assert decide(as_, world.stranger, world, "add", site=1) == 302
    assert state() == "proposed"


def test_owner_asks_the_hub_to_look(world: World, as_: As, hub: Hub) -> None:
    path = f"/sites/{world.sites[0].pk}/devices/look"
    assert as_(world.owner).post(path).status_code == 302
    assert DeviceReport.objects.get().look_id is not None
    assert as_(world.owner).get(path).status_code == 405


def pair(as_: As, user: User, world: World) -> str:
    path = f"/sites/{world.sites[0].pk}/devices/pair"
    return " ".join(as_(user).post(path, follow=True).content.decode().split())


@pytest.fixture
def pairs(hub: Hub) -> Hub:
    hub.features = ["devices", "pairing"]
    hub.save()
    return hub


def told(hub: Hub, state: Any, *, now: datetime, **more: Any) -> bool:
    order = str(DevicePairing.objects.latest("pk").order_id)
    return device_message_store(hub_id=str(hub.pk), message=DeviceResult(0, order, 0, state, **more), now=now)


def test_owner_asks_for_a_code_reads_it_and_sees_who_paired(
    world: World, as_: As, pairs: Hub, now: datetime
) -> None:
    assert "Show a code" in html(as_, world.owner, world)
    assert "Your hub makes a code. It appears here in a moment." in pair(as_, world.owner, world)
    assert told(pairs, "shown", now=now, code="8vXJ0m2hQ4bT", valid_s=300)
    shown = html(as_, world.owner, world)
    assert '<p class="code">8vXJ0m2hQ4bT</p>' in shown
    assert "It holds until" in shown
    assert told(pairs, "paired", now=now, key="wallbox-7")
    shown = html(as_, world.owner, world)
    assert ("8vXJ0m2hQ4bT" in shown, "wallbox-7 was paired on" in shown) == (False, True)


def test_code_that_failed_says_why_and_one_that_ran_out_is_gone(
    world: World, as_: As, pairs: Hub, now: datetime
) -> None:
    pair(as_, world.owner, world)
    assert told(pairs, "failed", now=now, reason="too many wrong codes were tried")
    assert "Nothing was paired: too many wrong codes were tried." in html(as_, world.owner, world)
    pair(as_, world.owner, world)
    assert told(pairs, "shown", now=now, code="8vXJ0m2hQ4bT", valid_s=0)
    shown = html(as_, world.owner, world)
    assert ("8vXJ0m2hQ4bT" in shown, "The last code was not used" in shown) == (False, True)


@pytest.mark.parametrize("who", ["member", "operator", "viewer"])
def test_others_see_no_code_and_get_none(world: World, as_: As, pairs: Hub, now: datetime, who: str) -> None:
    assert "only an owner of this home decides this" in pair(as_, getattr(world, who), world)
    assert DevicePairing.objects.count() == 0
    pair(as_, world.owner, world)
    assert told(pairs, "shown", now=now, code="8vXJ0m2hQ4bT", valid_s=300)
    shown = html(as_, getattr(world, who), world)
    assert ("8vXJ0m2hQ4bT" in shown, "Show a code" in shown) == (False, False)


def test_hub_that_pairs_with_nobody_has_no_button(world: World, as_: As, hub: Hub) -> None:
    assert "Pair a device with a code" not in html(as_, world.owner, world)
    assert "its configuration has no pairing table" in pair(as_, world.owner, world)
    assert DevicePairing.objects.count() == 0


def test_unknown_words_change_nothing(world: World, as_: As, hub: Hub) -> None:
    assert (decide(as_, world.owner, world, "shell"), state()) == (302, "proposed")


def test_without_a_hub_the_page_says_what_to_do(world: World, as_: As) -> None:
    assert "This home has no hub yet." in html(as_, world.owner, world)


@pytest.mark.parametrize(
    ("role", "power_kw", "said"),
    [
        ("pv", -3.2, "3.20 kW producing"),
        ("battery", 1.0, "1.00 kW charging"),
        ("battery", -1.0, "1.00 kW discharging"),
        ("grid", -0.5, "0.50 kW into the grid"),
        ("load", 0.4, "0.40 kW in use"),
        ("ev", 0.001, "idle"),
        ("pv", None, ""),
    ],
)
def test_power_is_said_with_its_direction(role: str, power_kw: float | None, said: str) -> None:
    with translation.override("en"):
        assert power_words(role, power_kw) == said
