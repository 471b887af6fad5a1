"""Found, proposed, joined while running, kept over a restart, removed: a real hub, a real plant, a link."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import ConfigError, hub_config
from edge_agent.joining.book import described, is_same, plain, proposals, ref_of
from edge_agent.rm.device import Found, Identity
from tests.edge_agent.cloud import Cloud, until
from tests.edge_agent.sunspec_plant import MeterPlant, OldPlant
from vpp.protocols.link import codec
from vpp.protocols.link.messages import (
    DeviceOrder,
    DeviceResult,
    Devices,
    DeviceState,
    Discovered,
    FoundDevice,
)


class Houses:
    """Starts hubs of devices in one data folder, with the cloud's ear."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self.folder, self.cloud = folder, cloud

    @asynccontextmanager
    async def running(self, port: int, *devices: dict[str, Any], **discovery: Any) -> AsyncIterator[Agent]:
        document = {
            "key": "home",
            "cloud_url": self.cloud.url,
            "data_dir": str(self.folder / "hub"),
            "cycle_s": 0.1,
            "link": {"backoff_s": 0.02, "backoff_max_s": 0.1, "claim_poll_s": 0.05, "backfill_spread_s": 0.0},
            "driver": {"kind": "devices", "devices": list(devices), "poll_s": 0.1, "timeout_s": 3.0},
            "discovery": {
                "least_s": 0.1,
                "sunspec": {"addresses": ["127.0.0.1"], "port": port, "per_second": 100},
                **discovery,
            },
        }
        agent = Agent(hub_config(document), Clock(), emit=lambda event, **facts: None)
        task = asyncio.create_task(agent.run())
        try:
            yield agent
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def told(self, kind: type) -> list[Any]:
        hubs = self.cloud.hubs.values()
        return [message for hub in hubs for message in hub.messages if isinstance(message, kind)]

    async def found(self, count: int = 1) -> list[FoundDevice]:
        await until(lambda: any(len(look.found) == count for look in self.told(Discovered)))
        return list(self.told(Discovered)[-1].found)

    async def device(self, key: str, state: str) -> DeviceState:
        def held() -> DeviceState | None:
            devices = twin[-1].devices if (twin := self.told(Devices)) else []
            return next((one for one in devices if (one.key, one.state) == (key, state)), None)

        await until(held)
        found = held()
        assert found is not None
        return found

    async def ordered(self, order: DeviceOrder) -> DeviceResult:
        await self.cloud.order(order)
        await until(lambda: any(one.id == order.id for one in self.told(DeviceResult)))
        result: DeviceResult = next(one for one in self.told(DeviceResult) if one.id == order.id)
        return result


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        running.features = ("devices",)
        yield running


@pytest.fixture
def houses(tmp_path: Path, cloud: Cloud) -> Houses:
    return Houses(tmp_path, cloud)


async def test_found_joined_without_a_restart_kept_over_one_and_removed(houses: Houses) -> None:
    async with OldPlant().serving() as port:
        async with houses.running(port) as agent:
            inverter, battery = await houses.found(2)
            assert (inverter.kind, inverter.address, inverter.part) == (
                "sunspec",
                f"127.0.0.1:{port}/1",
                "inverter",
            )
            assert (inverter.maker, inverter.model, inverter.serial) == ("Acme", "Home 8", "A-17")
            assert (battery.part, inverter.joined, inverter.hint) == ("battery", False, "")
            assert agent.image is None or agent.image.pv_kw is None
            result = await houses.ordered(DeviceOrder("1", "join", inverter.ref))
            assert (result.state, result.key, result.reason) == ("joined", "acme-a-17-inverter", "")
            await until(lambda: agent.image is not None and agent.image.pv_kw is not None)
            shown = await houses.device("acme-a-17-inverter", "running")
            assert (shown.kind, shown.role, shown.origin, shown.serial) == (
                "sunspec",
                "pv",
                "joined",
                "A-17",
            )
            await until(lambda: [one.kind for one in houses.told(Devices)[-1].resources] == ["load", "pv"])
            await houses.cloud.order(DeviceOrder("2", "look"))
            await until(lambda: [one.joined for one in houses.told(Discovered)[-1].found] == [True, False])
            again = await houses.ordered(DeviceOrder("3", "join", inverter.ref))
            assert (again.state, again.key) == ("joined", "acme-a-17-inverter")
        async with houses.running(port) as agent:
            await until(lambda: agent.image is not None and agent.image.pv_kw is not None)
            await until(lambda: len(houses.cloud.hub.hellos) == 2)
            removed = await houses.ordered(DeviceOrder("4", "remove", inverter.ref))
            assert (removed.state, removed.key) == ("removed", "acme-a-17-inverter")
            await until(lambda: houses.told(Devices)[-1].devices == [])
            assert agent.image is not None
            await until(lambda: agent.image is not None and agent.image.pv_kw is None)
            assert (await houses.ordered(DeviceOrder("5", "remove", inverter.ref))).state == "removed"
        async with houses.running(port) as agent:
            assert agent.scout.members.joined == {}


async def test_what_is_gone_or_was_never_found_does_not_join(houses: Houses) -> None:
    plant = MeterPlant()
    async with plant.serving() as port:
        async with houses.running(port) as agent:
            (meter,) = await houses.found()
            made_up = await houses.ordered(DeviceOrder("1", "join", "0" * 32))
            assert (made_up.state, made_up.reason) == (
                "failed",
                "the hub does not find this device any more",
            )
            plant.mode = "refuses"
            gone = await houses.ordered(DeviceOrder("2", "join", meter.ref))
            assert gone.state == "failed"
            assert gone.reason.startswith(f"127.0.0.1:{port} unit 1: ")
            assert agent.scout.members.joined == {}
            plant.mode = ""
            assert (await houses.ordered(DeviceOrder("3", "join", meter.ref))).state == "joined"


async def test_another_device_at_the_same_address_does_not_join(
    houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MeterPlant().serving() as port:
        async with houses.running(port) as agent:
            (meter,) = await houses.found()
            held = agent.scout._found[meter.ref]
            other = Identity(maker="Acme", model="Home 8", serial="B-99")
            agent.scout._found[meter.ref] = Found(
                kind=held.kind, address=held.address, identity=other, config=held.config
            )
            result = await houses.ordered(DeviceOrder("1", "join", meter.ref))
            assert (result.state, result.reason) == ("failed", "another device answers there now")


async def test_the_owners_configuration_is_not_proposed_and_goes_before(houses: Houses) -> None:
    async with MeterPlant().serving() as port:
        async with houses.running(port):
            (meter,) = await houses.found()
            assert (await houses.ordered(DeviceOrder("1", "join", meter.ref))).state == "joined"
        table = {"kind": "sunspec", "key": "mine", "host": "127.0.0.1", "port": port, "role": "meter"}
        async with houses.running(port, table) as agent:
            assert list(agent.driver.units) == ["mine"]  # type: ignore[attr-defined]
            assert (await houses.device("mine", "running")).origin == "configured"
            await until(lambda: len(houses.told(Discovered)) >= 2 and houses.told(Discovered)[-1].found == [])


async def test_a_cloud_that_does_not_ask_is_told_nothing(houses: Houses) -> None:
    houses.cloud.features = ()
    async with MeterPlant().serving() as port:
        async with houses.running(port) as agent:
            await until(lambda: agent.scout._looked_at is not None)
            await until(lambda: bool(houses.cloud.hub.rows) or agent.is_connected())
            await asyncio.sleep(0.3)
    assert houses.told(Devices) == houses.told(Discovered) == []


async def test_without_a_way_of_looking_it_says_so_when_asked(houses: Houses) -> None:
    async with houses.running(1, sunspec=None):
        await until(lambda: bool(houses.told(Devices)))
        assert houses.told(Discovered) == []
        await houses.cloud.order(DeviceOrder("1", "look"))
        await until(lambda: bool(houses.told(Discovered)))
    assert houses.told(Discovered)[0].flaws == {
        "discovery": "the hub's configuration allows no way of looking"
    }


@pytest.mark.parametrize("table", [{"every_s": 1}, {"least_s": 0}, {"shell": {}}, {"every_s": "often"}])
def test_wrong_pace_stops_the_start(tmp_path: Path, table: dict[str, Any]) -> None:
    document = {
        "key": "home",
        "data_dir": str(tmp_path / "hub"),
        "driver": {"kind": "devices"},
        "discovery": table,
    }
    with pytest.raises(ConfigError, match="discovery"):
        Agent(hub_config(document), Clock(), emit=lambda event, **facts: None)


def thing(kind: str = "mqtt", address: str = "plug/1", *, serial: str = "", **config: Any) -> Found:
    return Found(kind=kind, address=address, identity=Identity(serial=serial), config={"key": "k", **config})


def test_a_name_is_of_kind_address_serial_and_part() -> None:
    one = thing(role="switch")
    assert ref_of(one) == ref_of(thing(role="switch", password="other"))
    others = [
        thing(role="meter"),
        thing("sunspec", role="switch"),
        thing(address="plug/2", role="switch"),
        thing(serial="7", role="switch"),
    ]
    assert len({ref_of(other) for other in [one, *others]}) == 5
    assert list(proposals([one, one], configured=[])) == [ref_of(one)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"kind": "a", "key": "x"}, {"kind": "b", "key": "x"}, True),
        ({"kind": "a", "host": "h"}, {"kind": "a", "host": "h", "port": 502}, True),
        ({"kind": "a", "host": "h", "port": 1}, {"kind": "a", "host": "h", "port": 502}, False),
        ({"kind": "a", "host": "h", "role": "m"}, {"kind": "a", "host": "h", "role": "i"}, False),
        ({"kind": "a", "host": "h"}, {"kind": "a", "host": "i"}, False),
        ({"kind": "a"}, {"kind": "a"}, False),
        ({"kind": "a", "topic": "t"}, {"kind": "b", "topic": "t"}, False),
    ],
)
def test_same_device(one: dict[str, Any], other: dict[str, Any], same: bool) -> None:
    assert is_same(one, other) is is_same(other, one) is same


def test_what_is_told_holds_no_table_and_no_secret() -> None:
    found = thing(
        address="mqtt://me:hunter2@broker/plug", name="token=abc", broker={"host": "b", "password": "hunter2"}
    )
    told = codec.encode_json(described("r", found, joined={}, has_home=True)).decode()
    assert "hunter2" not in told
    assert "abc" not in told
    assert "broker" in told


def test_a_resource_manager_is_paired_not_joined() -> None:
    told = described("r", thing("s2", pairing_url="https://x/"), joined={}, has_home=True)
    assert told.hint.startswith("it is paired with a code")
    assert described("r", thing(), joined={}, has_home=False).hint.startswith(
        "this hub runs a simulated home"
    )


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_whatever_a_device_says_fits_a_message(text: str) -> None:
    found = thing(address=text, serial=text, name=text, role=text)
    told = described(ref_of(thing()), found, joined={}, has_home=True)
    message = Discovered(0, 0, [told], {plain(text): plain(text, 300)})
    assert codec.decode_hub(codec.encode_json(message).decode()) == message
