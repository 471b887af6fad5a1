"""What makes pages worth looking at: orders, devices, places, incidents, messages, and what is worked out of measurements."""

from datetime import datetime, timedelta
from typing import Any

from apps.alerts.incidents import Found, conditions_hold
from apps.alerts.models import Incident, IncidentKind, NotificationKind
from apps.alerts.notifications import household_tell
from apps.flexibility.snapshots import portfolio_refresh
from apps.hubs.device_reports import device_message_store
from apps.hubs.instructions import Order, instructions_queue
from apps.hubs.models import Hub, Instruction
from apps.insights.services import insights_refresh
from apps.programs.models import GridSignal
from apps.sites.models import Resource, Site
from tests.apps.portal.world import QUARTER, World, add_snapshot
from vpp.protocols.link.messages import Devices, DeviceState, Discovered, FoundDevice, Schedule

KASSEL = (51.31, 9.48)
BATTERY = {"capacity_kwh": 10.0, "charge_kw": 5.0, "discharge_kw": 5.0}


def fill(world: World, *, hubs: list[Hub], running: GridSignal, now: datetime) -> dict[str, Any]:
    """Fill the world; return what paths name of it."""
    for number, site in enumerate(world.sites):
        places = {"latitude_deg": KASSEL[0] + number / 150, "longitude_deg": KASSEL[1] + number / 90}
        Site.objects.filter(pk=site.pk).update(**places)
        Resource.objects.filter(site=site, kind="battery").update(parameters=BATTERY)
    add_snapshot(
        world.sites[1],
        now - timedelta(seconds=20),
        grid_kw=-1.1,
        pv_kw=-0.8,
        battery_kw=-1.4,
        battery_soc=0.71,
    )
    _orders(hubs[:2], running, now=now)
    _devices(hubs[0], now=now)
    portfolio_refresh(organization=world.organization, now=now)
    insights_refresh(site_id=world.sites[0].pk, now=now)
    return {"incident": _incident(world, hubs[2], now=now), "device": "wallbox"}


def _orders(hubs: list[Hub], running: GridSignal, *, now: datetime) -> None:
    """Tell two hubs what the running event asks of them; both do it."""
    schedule = Schedule(
        int(running.starts_at.timestamp() * 1000), running.interval_s, [-1.0] * 8, {"battery": [-0.5] * 8}
    )
    orders = [
        Order(
            hub.pk,
            f"signal:{running.pk}",
            schedule,
            not_before=running.starts_at,
            expires_at=running.starts_at + 8 * QUARTER,
            reason="the utility asks for less load this evening",
        )
        for hub in hubs
    ]
    told = [one.pk for one in instructions_queue(orders=orders, now=running.starts_at)]
    Instruction.objects.filter(pk__in=told).update(
        state=Instruction.State.APPLIED, acknowledged_at=running.starts_at + timedelta(seconds=2)
    )


def _devices(hub: Hub, *, now: datetime) -> None:
    hub.features = ["devices", "device", "diagnostics"]
    hub.save(update_fields=["features"])
    at = int(now.timestamp() * 1000)
    states = [
        DeviceState("meter", "sunspec", "Meter", "grid", power_kw=0.05, read_at=at),
        DeviceState("roof", "sunspec", "Roof, south", "pv", "Acme", "S8", firmware="3.1", power_kw=-0.99, read_at=at),
        DeviceState("dishwasher", "mqtt", "Dishwasher", "load", "Acme", "P2", power_kw=0.0, read_at=at),
        DeviceState("cellar", "sunspec", "Battery", "battery", "Acme", "B10", power_kw=-0.49, soc=0.98, read_at=at),
        DeviceState(
            "wallbox", "simulator", "Wallbox", "ev", "Acme", "W1", firmware="1.2", power_kw=0.0, soc=0.64,
            control="wallbox", shape="power", low_kw=0.0, high_kw=11.0, read_at=at,
        ),
        DeviceState("pump", "s2", "Heat pump", "heat", power_kw=0.05, state="trouble", trouble="no answer within 10 s"),
    ]  # fmt: skip
    found = [FoundDevice("r1", "mqtt", "192.168.1.9", "plug", "Dishwasher", "Acme", "Plug 2", "A-17")]
    device_message_store(hub_id=str(hub.pk), message=Discovered(0, 0, found, {}), now=now)
    device_message_store(hub_id=str(hub.pk), message=Devices(0, 0, states), now=now)


def _incident(world: World, hub: Hub, *, now: datetime) -> int:
    Hub.objects.filter(pk=hub.pk).update(disconnected_at=now - timedelta(minutes=40))
    home = world.sites[2]
    found = [Found(f"hub:{hub.pk}", f"The hub of {home.name} is offline", "Not heard since 18:10", home.pk)]
    conditions_hold(organization=world.organization, kind=IncidentKind.HUB_OFFLINE, found=found, now=now)
    facts = {"since": (now - timedelta(minutes=40)).isoformat()}
    first = world.sites[0].pk
    household_tell(site_id=first, kind=NotificationKind.HUB_OFFLINE, key="1", facts=facts, now=now)
    return Incident.objects.get(organization=world.organization).pk
