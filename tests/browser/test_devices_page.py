"""The devices' page in a real browser, on a phone's and a desktop's size."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.common import clock
from apps.hubs.device_reports import device_message_store
from apps.hubs.models import DevicePairing, DeviceProposal, Hub
from tests import factories
from tests.apps.portal.world import PASSWORD, World, add_hub, build_world, evening
from vpp.protocols.link.messages import DeviceResult, Devices, DeviceState, Discovered, FoundDevice

FOUND = [
    FoundDevice("r1", "sunspec", "192.168.1.9:502/1", "inverter", "Acme Home 8", "Acme", "Home 8", "A-17"),
    FoundDevice("r2", "mqtt", "shellyplug-garage switch:0", "switch", "Garage plug", "Shelly", "Plug S"),
    FoundDevice("r3", "s2", "192.168.1.8:443", name="Heat pump", hint="it is paired with a code: enter the hub's at the device"),
]  # fmt: skip


@pytest.fixture
def world(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    now = evening()
    monkeypatch.setattr(clock.Clock, "now", lambda self: now)
    factories.forget_counts()
    world = build_world(now=now)
    add_hub(world.sites[0], now=now)
    Hub.objects.update(features=["devices"])
    hub_id, at = str(Hub.objects.get().pk), round(now.timestamp() * 1000)
    states = [
        DeviceState("m", "sunspec", "Meter", "grid", "Acme", "M1", "B-2", power_kw=1.25, read_at=at),
        DeviceState("b", "sunspec", "Cellar battery", "battery", "Volt", "Box 10", "77", state="trouble",
                    trouble="192.168.1.7:502 unit 1: no complete answer within 3 s", soc=0.63, read_at=at - 900_000),
    ]  # fmt: skip
    flaws = {"mqtt": "broker 192.168.1.2: refused"}
    device_message_store(
        hub_id=hub_id, message=Discovered(0, 0, FOUND, flaws), now=now - timedelta(minutes=2)
    )
    device_message_store(hub_id=hub_id, message=Devices(0, 0, states), now=now)
    return world


def state(ref: str) -> str:
    return DeviceProposal.objects.get(ref=ref).state


def fits(page: Page) -> bool:
    wide: bool = page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    return wide


def test_owner_adds_with_one_click_and_takes_back(page: Page, live_server: LiveServer, world: World) -> None:
    page.goto(f"{live_server.url}/sites/{world.sites[0].pk}/devices/")
    page.get_by_label("E-mail address").fill(world.owner.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Devices", exact=True)).to_be_visible()
    assert fits(page)
    expect(page.get_by_role("button", name="Add", exact=True)).to_have_count(2)
    inverter = page.get_by_role("listitem").filter(has_text="192.168.1.9")
    inverter.get_by_role("button", name="Add").click()
    expect(page.get_by_text("Your hub is told to add this device.")).to_be_visible()
    expect(inverter.get_by_role("button", name="Undo")).to_be_visible()
    assert state("r1") == "accepted"
    plug = page.get_by_role("listitem").filter(has_text="Garage plug")
    plug.get_by_role("button", name="Not mine").click()
    expect(page.get_by_role("region", name="Left alone")).to_contain_text("Garage plug")
    assert state("r2") == "dismissed"
    plug.get_by_role("button", name="Undo").click()
    expect(plug.get_by_role("button", name="Add")).to_be_visible()
    assert state("r2") == "proposed"
    # What the hub tells meanwhile appears by itself.
    DeviceProposal.objects.filter(ref="r1").update(state="failed", state_reason="no answer within 10 s")
    expect(inverter).to_contain_text("It could not be added: no answer within 10 s.", timeout=15_000)
    assert fits(page)


def test_owner_reads_the_code_the_hub_made(page: Page, live_server: LiveServer, world: World) -> None:
    Hub.objects.update(features=["devices", "pairing"])
    page.goto(f"{live_server.url}/sites/{world.sites[0].pk}/devices/")
    page.get_by_label("E-mail address").fill(world.owner.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Show a code").click()
    card = page.get_by_label("Pair a device with a code")
    expect(card.get_by_text("Your hub makes a code.")).to_be_visible()
    order = DevicePairing.objects.get()
    shown = DeviceResult(0, str(order.order_id), 0, "shown", code="8vXJ0m2hQ4bT", valid_s=300)
    assert device_message_store(hub_id=str(order.hub_id), message=shown, now=clock.now())
    expect(card.get_by_text("8vXJ0m2hQ4bT")).to_be_visible(timeout=15_000)
    assert fits(page)
