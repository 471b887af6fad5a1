"""Limits and device payloads: kept, carried to hubs that know them, refused for those that do not."""

import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from apps.hubs import services
from apps.hubs.errors import OrderInvalidError
from apps.hubs.instructions import (
    Order,
    instruction_statuses_apply,
    instructions_queue,
    instructions_take,
    instructions_verify,
    waiting_hub_ids,
)
from apps.hubs.models import Hub, Instruction
from tests import factories
from tests.factories import NOW, HubDevice
from vpp.protocols.link import codec
from vpp.protocols.link.messages import (
    FEATURES,
    CapacityLimits,
    CurvePoint,
    DevicePayload,
    InstructionStatus,
    Schedule,
)

pytestmark = pytest.mark.django_db
LIMITS = CapacityLimits(0, 900, [2.0, None], [], fallback_import_kw=11.0)
CURVE = DevicePayload(
    "CURVE", 0, 900, [[CurvePoint(101.0, 100.0), CurvePoint(104.0, 20.0)], [True, None, "x", 2]]
)


@pytest.fixture
def device() -> HubDevice:
    return factories.make_hub(site=factories.make_site(organization=factories.make_organization()))


def greet(device: HubDevice, *features: str) -> Hub:
    hub = factories.hub_of(device)
    assert hub.site_id is not None
    services.hub_connected(
        hub_id=device.hub_id, site_id=hub.site_id, agent_version="1", features=features, resources=[], now=NOW
    )
    return factories.hub_of(device)


def queue(hub: HubDevice, /, *, subject: str = "limits:1", **content: Any) -> Instruction:
    hour = {"not_before": NOW, "expires_at": NOW + timedelta(hours=1)}
    order = Order(uuid.UUID(hub.hub_id), subject, **({"schedule": None} | hour | content))
    return instructions_queue(orders=[order], now=NOW)[0]


def test_known_features_of_a_hello_are_kept_until_the_next(device: HubDevice) -> None:
    assert greet(device, "limits", "flying", "device", "limits").features == ["limits", "device"]
    assert greet(device).features == []


def test_limits_payloads_and_priorities_reach_the_hub_as_they_were_ordered(device: HubDevice) -> None:
    greet(device, *FEATURES)
    queue(device, limits=LIMITS, priority=0)
    queue(device, subject="device:1", device=CURVE)
    (_, first), (_, second) = instructions_take(hub_ids=[device.hub_id], now=NOW)
    assert (first.limits, first.device, first.schedule, first.priority) == (LIMITS, None, None, 0)
    assert (second.limits, second.device, second.priority) == (None, CURVE, 100)
    assert codec.decode_cloud(codec.encode_json(second).decode()) == second


@pytest.mark.parametrize(
    ("content", "what"), [({"limits": LIMITS}, "limits"), ({"device": CURVE}, "device payloads")]
)
def test_agent_that_does_not_know_them_is_not_sent_them(device: HubDevice, content: Any, what: str) -> None:
    greet(device, "priority")
    beyond, plain = (
        queue(device, **content),
        queue(device, subject="signal:1", schedule=Schedule(0, 900, [1.0])),
    )
    taken = instructions_take(hub_ids=[device.hub_id], now=NOW)
    assert [message.id for _, message in taken] == [str(plain.instruction_id)]
    beyond.refresh_from_db()
    assert (beyond.state, beyond.state_reason, beyond.ended_at, beyond.sent_at) == (
        "rejected", f"the hub's agent is too old for {what}", NOW, None,
    )  # fmt: skip
    assert waiting_hub_ids(now=NOW) == []


def test_revocation_of_limits_is_understood_by_every_agent(device: HubDevice) -> None:
    queue(device, limits=LIMITS)
    queue(device)
    ((_, message),) = instructions_take(hub_ids=[device.hub_id], now=NOW)
    assert (message.revision, message.limits, message.schedule) == (2, None, None)


def test_only_schedules_are_verified_by_measurements(device: HubDevice) -> None:
    held = [
        queue(device, limits=LIMITS),
        queue(device, subject="device:1", device=CURVE),
        queue(device, subject="signal:1", schedule=Schedule(0, 900, [1.0])),
    ]
    reports = [
        (device.hub_id, InstructionStatus(seq, str(one.instruction_id), 1, "applied", 0))
        for seq, one in enumerate(held)
    ]
    assert instruction_statuses_apply(reports=reports, now=NOW) == set()
    assert instructions_verify(hub_ids=[uuid.UUID(device.hub_id)]) == 1
    for one in held:
        one.refresh_from_db()
    assert [one.state for one in held] == ["applied", "applied", "verified"]


@pytest.mark.parametrize(
    "content",
    [
        {"limits": CapacityLimits(0, 900, [-1.0])},
        {"limits": CapacityLimits(0, 900, [float("nan")])},
        {"limits": CapacityLimits(0, 0, [1.0])},
        {"device": DevicePayload("CURVE", 0, 900, [[CurvePoint(float("inf"), 1.0)]])},
        {"device": DevicePayload("K" * 101, 0, 900, [[1]])},
        {"device": DevicePayload("CURVE", 0, 900, [["a\x00b"]])},
    ],
)
def test_what_no_hub_could_read_is_refused_and_nothing_stored(device: HubDevice, content: Any) -> None:
    before = queue(device, limits=LIMITS)
    with pytest.raises(OrderInvalidError) as caught:
        queue(device, **content)
    assert caught.value.code == "order_invalid"
    before.refresh_from_db()
    assert (before.state, Instruction.objects.count()) == ("queued", 1)


def test_many_orders_at_once_are_kept_alike(device: HubDevice) -> None:
    greet(device, *FEATURES)
    hour = NOW + timedelta(hours=1)
    orders = [
        Order(uuid.UUID(device.hub_id), f"limits:{number}", None, NOW, hour, limits=LIMITS, priority=number)
        for number in range(120)
    ]
    instructions_queue(orders=orders, now=NOW)
    taken = [message for _, message in instructions_take(hub_ids=[device.hub_id], now=NOW)]
    assert {message.priority for message in taken} == set(range(120))
    assert {msgspec.json.encode(message.limits) for message in taken} == {msgspec.json.encode(LIMITS)}
