"""What a hub's hello says it knows decides what the link sends it."""

from datetime import UTC, datetime, timedelta

from apps.hubs.instructions import Order, instructions_queue
from apps.hubs.models import Instruction
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link, until
from tests.factories import HubDevice
from vpp.protocols.link.messages import CapacityLimits, Hello
from vpp.protocols.link.messages import Instruction as InstructionMessage

pytestmark = COMMITTED
LIMITS = CapacityLimits(0, 900, [2.0])


def limit(device: HubDevice) -> Instruction:
    now = datetime.now(UTC)
    hour = now + timedelta(hours=1)
    order = Order(factories.hub_of(device).pk, "limits:1", None, now, hour, limits=LIMITS, priority=3)
    return instructions_queue(orders=[order], now=now)[0]


def state(queued: Instruction) -> tuple[str, str]:
    queued.refresh_from_db()
    return queued.state, queued.state_reason


def test_connected_hub_that_knows_limits_is_sent_them(link: Link, device: HubDevice) -> None:
    with link.session(device, features=["limits", "something else"]) as wire:
        queued = limit(device)
        message = wire.receive()
        assert isinstance(message, InstructionMessage)
        assert (message.limits, message.priority) == (LIMITS, 3)
        until(lambda: state(queued) == ("sent", ""))


def test_connected_hub_of_an_older_agent_is_not(link: Link, device: HubDevice) -> None:
    with link.session(device) as wire:
        queued = limit(device)
        until(lambda: state(queued) == ("rejected", "the hub's agent is too old for limits"))
        assert wire.hears_nothing()


def test_agent_set_back_to_an_older_one_is_not_sent_what_the_newer_knew(
    link: Link, device: HubDevice
) -> None:
    with link.session(device, features=["limits"]):
        pass
    queued = limit(device)
    assert link.post(device, [Hello(device.hub_id, "boot-2")])[1:] == []
    assert state(queued) == ("rejected", "the hub's agent is too old for limits")
    again = limit(device)
    (_, message) = link.post(device, [Hello(device.hub_id, "boot-3", features=["limits"])])
    assert isinstance(message, InstructionMessage)
    assert (message.revision, message.limits) == (again.revision, LIMITS)
