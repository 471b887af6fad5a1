"""A device's page: how it is, telling it something, and what the hub makes of it; the week and what is shed first."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry, User
from apps.hubs.device_reports import device_message_store
from apps.hubs.instructions import instruction_statuses_apply, instructions_take, milliseconds
from apps.hubs.models import DeviceFault, Hub, Instruction
from apps.hubs.owner_orders import rules_held, wish_in
from tests.apps.portal.world import World, add_hub, words
from vpp.protocols.link.messages import Devices, DeviceState, InstructionStatus
from vpp.protocols.ores.rules import HouseRules, rules_of

As = Callable[[User | None], Client]
CAR = DeviceState("ev", "simulator", "Wallbox", "ev", "Acme", "W1", firmware="1.2", power_kw=3.6, soc=0.4,
                  control="ev", shape="power", low_kw=0.0, high_kw=11.0)  # fmt: skip
PLUG = DeviceState(
    "a/plug 1", "mqtt", "Dishwasher", "load", control="a/plug 1", shape="switch", low_kw=0.0, high_kw=2.0
)
METER = DeviceState("m", "sunspec", "Meter", "grid", power_kw=1.0)
ALL = ["0", "1", "2", "3", "4", "5", "6"]


@pytest.fixture
def hub(world: World, now: datetime) -> Hub:
    made = add_hub(world.sites[0], now=now)
    made.features = ["devices", "device"]
    made.save()
    report(made, [CAR, PLUG, METER], now)
    return made


def report(hub: Hub, devices: list[DeviceState], now: datetime) -> None:
    device_message_store(hub_id=str(hub.pk), message=Devices(0, 0, devices), now=now)


def page(world: World, key: str = "ev", more: str = "") -> str:
    return f"/sites/{world.sites[0].pk}/devices/one/{key}/{more}"


def rules_page(world: World, more: str = "") -> str:
    return f"/sites/{world.sites[0].pk}/devices/routines/{more}"


def answer(hub: Hub, state: Any, now: datetime, reason: str = "") -> None:
    taken = instructions_take(hub_ids=[str(hub.pk)], now=now)
    last = Instruction.objects.latest("pk")
    assert [one.id for _, one in taken] in ([], [str(last.instruction_id)])
    status = InstructionStatus(
        0, str(last.instruction_id), last.revision, state, milliseconds(now), reason=reason
    )
    assert instruction_statuses_apply(reports=[(str(hub.pk), status)], now=now) == set()


def test_health_firmware_and_what_can_be_told(world: World, as_: As, hub: Hub) -> None:
    said = words(as_(world.owner).get(page(world)).content.decode())
    for one in ("Wallbox", "Car charger", "healthy", "3.60 kW charging", "40 %", "Acme W1", "firmware 1.2",
                "Charge now", "Pause", "Charge with", "up to 11.0 kW", "Nothing was wrong so far."):  # fmt: skip
        assert one in said
    assert "only measures" in words(as_(world.owner).get(page(world, "m")).content.decode())
    plug = words(as_(world.owner).get(page(world, "a/plug 1")).content.decode())
    assert " On " in plug
    assert "Power, up to" not in plug
    assert as_(world.owner).get(page(world, "nothing")).status_code == 404


def test_charge_now_goes_to_the_hub_and_every_step_shows(
    world: World, as_: As, hub: Hub, now: datetime
) -> None:
    client = as_(world.owner)
    response = client.post(page(world, more="control"), {"act": "on", "hours": "2"}, follow=True)
    assert "Your hub is being told." in words(response.content.decode())
    wish = wish_in(Instruction.objects.get())
    assert (wish.device_id, wish.action, wish.kw, wish.state) == ("ev", "charge", 11.0, "queued")
    assert wish.ends_at - wish.starts_at == 2 * 3_600_000
    fragment = {"HX-Request": "true"}
    assert client.get(page(world), headers=fragment).content.decode().count('class="done"') == 0
    answer(hub, "acknowledged", now)
    assert client.get(page(world), headers=fragment).content.decode().count('class="done"') == 2
    answer(hub, "applied", now)
    html = client.get(page(world), headers=fragment).content.decode()
    assert html.count('class="done"') == 3
    assert "<html" not in html
    client.post(page(world, more="control"), {"act": "undo"})
    assert wish_in(Instruction.objects.latest("pk")).action == "release"


def test_a_refusal_is_shown_with_its_reason(world: World, as_: As, hub: Hub, now: datetime) -> None:
    client = as_(world.owner)
    client.post(page(world, "a/plug 1", "control"), {"act": "off", "hours": "0.5"})
    answer(hub, "rejected", now, reason="unknown or uncontrollable resource a/plug 1")
    said = words(client.get(page(world, "a/plug 1")).content.decode())
    assert "Your hub refused it: unknown or uncontrollable resource a/plug 1." in said


@pytest.mark.parametrize(
    ("key", "sent", "why"),
    [
        ("ev", {"act": "out", "kw": "3"}, "cannot do that"),
        ("ev", {"act": "set", "kw": "12"}, "0 to 11 kW"),
        ("ev", {"act": "set", "kw": "nan"}, "0 to 11 kW"),
        ("ev", {"act": "set", "kw": "x"}, "a number of kW"),
        ("ev", {"act": "on", "hours": "900"}, "for how long"),
        ("a/plug 1", {"act": "set", "kw": "1"}, "cannot do that"),
        ("m", {"act": "on"}, "takes no orders"),
    ],
)
def test_nonsense_is_refused_and_nothing_queued(
    world: World, as_: As, hub: Hub, key: str, sent: dict[str, str], why: str
) -> None:
    client = as_(world.owner)
    client.post(page(world, key, "control"), sent)
    assert why in words(client.get(page(world)).content.decode())
    assert Instruction.objects.count() == 0


def test_faults_are_kept_from_their_begin_to_their_end(
    world: World, as_: As, hub: Hub, now: datetime
) -> None:
    def bad(why: str) -> DeviceState:
        return DeviceState("ev", "simulator", "Wallbox", "ev", state="trouble", trouble=why)

    for minute, devices in enumerate(
        [[bad("no answer")], [bad("no answer")], [bad("earth fault")], [CAR], [bad("no answer"), METER]]
    ):
        report(hub, devices, now + timedelta(minutes=minute))
    rows = DeviceFault.objects.order_by("started_at").values_list("reason", "started_at", "ended_at")
    at = [now + timedelta(minutes=minute) for minute in range(5)]
    assert list(rows) == [
        ("no answer", at[0], at[2]),
        ("earth fault", at[2], at[3]),
        ("no answer", at[4], None),
    ]
    said = words(as_(world.owner).get(page(world)).content.decode())
    assert said.index("still") < said.index("earth fault")


def test_ready_by_seven_reaches_the_hub_in_local_time(world: World, as_: As, hub: Hub, now: datetime) -> None:
    client = as_(world.owner)
    sent = {"device": "ev", "kind": "ready_by", "days": ALL[:5], "ends": "07:00", "soc": "80"}
    client.post(rules_page(world, "change"), sent)
    rules = rules_of(Instruction.objects.get().device["values"][0])  # type: ignore[index]
    [one] = rules.routines
    assert rules.time_zone == world.sites[0].time_zone
    assert (one.device_id, one.kind, one.days, one.ends, one.soc) == (
        "ev",
        "ready_by",
        [0, 1, 2, 3, 4],
        "07:00",
        0.8,
    )
    assert "on its way to your hub" in words(client.get(rules_page(world)).content.decode())
    answer(hub, "acknowledged", now)
    answer(hub, "applied", now)
    said = words(client.get(rules_page(world)).content.decode())
    assert "Wallbox ready by 07:00: 80% Mon, Tue, Wed, Thu, Fri" in said
    assert "Your hub follows this" in said
    client.post(rules_page(world, "change"), {"remove": one.routine_id})
    assert rules_held(site=world.sites[0]).rules.routines == []
    client.post(rules_page(world, "change"), {"undo": "1"})
    assert rules_held(site=world.sites[0]).rules.routines == [one]


def test_what_is_shed_first_is_ordered_by_buttons_and_by_dragging(world: World, as_: As, hub: Hub) -> None:
    def order() -> list[str] | None:
        return rules_held(site=world.sites[0]).rules.shed_first

    client = as_(world.owner)
    client.post(rules_page(world, "change"), {"key": "a/plug 1", "act": "shed"})
    assert order() == ["ev", "a/plug 1"]
    client.post(rules_page(world, "change"), {"key": "a/plug 1", "act": "up"})
    assert order() == ["a/plug 1", "ev"]
    client.post(rules_page(world, "change"), {"order": "ev\r\na/plug 1"})
    assert order() == ["ev", "a/plug 1"]
    client.post(rules_page(world, "change"), {"key": "ev", "act": "keep"})
    assert order() == ["a/plug 1"]
    assert Instruction.objects.count() == 4
    client.post(rules_page(world, "change"), {"order": "ev\r\nm"})
    client.post(rules_page(world, "change"), {"key": "m", "act": "up"})
    assert Instruction.objects.count() == 4


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"device": "ev", "kind": "ready_by", "days": ALL, "ends": "25:00"},
        {"device": "m", "kind": "off", "days": ALL, "starts": "22:00", "ends": "06:00"},
        {"device": "ev", "kind": "off", "ends": "06:00", "starts": "05:00"},
        {"device": "ev", "kind": "ready_by", "days": ALL, "ends": "07:00", "soc": "nan"},
        {"device": "ev", "kind": "ready_by", "days": ["9"], "ends": "07:00"},
        {"undo": "1"},
        {"remove": uuid.uuid4().hex},
    ],
)
def test_rules_that_cannot_be_change_nothing(world: World, as_: As, hub: Hub, sent: dict[str, Any]) -> None:
    response = as_(world.owner).post(rules_page(world, "change"), sent, follow=True)
    assert "Nothing was changed" in response.content.decode()
    assert rules_held(site=world.sites[0]).rules == HouseRules(time_zone=world.sites[0].time_zone)


@pytest.mark.parametrize("who", ["member", "operator", "viewer", "stranger", None])
def test_nobody_but_an_owner_changes_anything(world: World, as_: As, hub: Hub, who: str | None) -> None:
    client = as_(getattr(world, who) if who else None)
    noted = AuditEntry.objects.count()
    status = 404 if who == "stranger" else 302
    for path in (page(world, more="control"), rules_page(world, "change")):
        assert client.post(path, {"act": "on", "key": "ev"}).status_code == status
    for path in (page(world), rules_page(world)):
        assert client.get(path).status_code == (200 if who in {"member", "operator", "viewer"} else status)
    assert (Instruction.objects.count(), AuditEntry.objects.count()) == (0, noted)
