"""Matter's energy devices, against recorded and written exchanges of a python-matter-server."""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import ConfigError
from edge_agent.drivers.devices import open_device
from edge_agent.drivers.matter.clusters import Endpoint, shape_of
from edge_agent.drivers.matter.config import MatterConfig
from edge_agent.drivers.matter.device import allowed
from edge_agent.rm.device import (
    Charger,
    Device,
    DeviceError,
    Generator,
    Heater,
    Load,
    Meter,
    Shape,
    Switch,
)
from tests.edge_agent.exchange import Replay, exchange
from tests.edge_agent.matter_steps import RECORDINGS, Steps


def device(port: int, node: int, **more: Any) -> Device:
    at = {"kind": "matter", "key": "x", "url": f"ws://127.0.0.1:{port}/ws", "node": node, "timeout_s": 5.0}
    return open_device(at | more)


@asynccontextmanager
async def playing(
    lines: list[dict[str, Any]], node: int, **more: Any
) -> AsyncIterator[tuple[Replay, Device]]:
    replay = Replay(lines)
    async with replay.serving() as port:
        found = device(port, node, **more)
        try:
            yield replay, found
        finally:
            await found.close()
    assert replay.flaws == []


async def at_once() -> None:
    """Wait for nothing: a recording sends its reports at once."""


@pytest.mark.parametrize(("name", "table", "steps"), RECORDINGS, ids=[name for name, *_ in RECORDINGS])
async def test_as_recorded_with_a_real_server(name: str, table: dict[str, Any], steps: Steps) -> None:
    async with playing(exchange(f"matter/{name}"), 1, **table) as (replay, device):
        await steps(device, at_once)
        assert replay.lines == []


def with_node(change: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    """The beginning of the battery's exchange, with other attributes."""
    lines = copy.deepcopy(exchange("matter/battery")[:3])
    node = lines[2]["frame"]["result"][0]
    node["attributes"].update(change)
    node.update(more)
    return lines


ASK = {"message_id": "2", "command": "read_attribute", "args": {"node_id": 4, "attribute_path": "1/144/8"}}


def with_power(change: dict[str, Any], power: Any) -> list[dict[str, Any]]:
    answer = {"message_id": "2", "result": {"1/144/8": power}}
    return [*with_node(change), {"from": "hub", "frame": ASK}, {"from": "server", "frame": answer}]


@pytest.mark.parametrize(
    ("change", "is_ready", "faults"),
    [({"1/152/2": 2}, False, ("ESA fault",)), ({"1/152/7": 2}, False, ()), ({"1/152/7": 1}, True, ())],
)
async def test_who_opted_out_takes_no_orders(
    change: dict[str, Any], is_ready: bool, faults: tuple[str, ...]
) -> None:
    async with playing(with_power(change, -1_000_000), 4, capacity_kwh=10.0) as (_, battery):
        await battery.open()
        said = await battery.read()
        assert (said.power_kw, said.is_ready, said.faults) == (-1.0, is_ready, faults)


@pytest.mark.parametrize(
    ("power", "reason"),
    [
        (None, "says no power"),
        ("x", "says no power"),
        (10**12, "beyond 7.5 kW"),
        ([], "says no power"),
        (float("nan"), "what is no frame"),
    ],
)
async def test_power_that_cannot_be(power: Any, reason: str) -> None:
    async with playing(with_power({}, power), 4, capacity_kwh=10.0) as (_, battery):
        await battery.open()
        with pytest.raises(DeviceError, match=reason):
            await battery.read()


class TestTrouble:
    @pytest.mark.parametrize(
        ("lines", "reason", "permanent"),
        [
            (with_node({}, available=False), "node 4 does not answer the server", False),
            (with_node({}, node_id=44), "the server has no node 4", True),
            ([{"from": "server", "frame": {"hello": 1}}], "no python-matter-server", True),
            (
                [{"from": "server", "frame": {"schema_version": 30, "min_supported_schema_version": 20}}],
                "the server speaks schema 20 to 30, not 9 to 11", True,
            ),
            ([{"from": "server", "frame": "{]"}], "what is no frame", False),
            (exchange("matter/battery")[:1], "no answer|closed", False),
        ],
    )  # fmt: skip
    async def test_server_that_does_not_have_it(
        self, lines: list[dict[str, Any]], reason: str, permanent: bool
    ) -> None:
        replay = Replay(lines)
        async with replay.serving() as port:
            with pytest.raises(DeviceError, match=reason) as caught:
                await device(port, 4, capacity_kwh=10.0).open()
        assert caught.value.permanent is permanent

    async def test_server_gone_in_the_middle_of_an_order(self) -> None:
        replay = Replay(exchange("matter/battery")[:5])
        async with replay.serving() as port:
            battery = device(port, 4, capacity_kwh=10.0)
            await battery.open()
            await battery.read()
            with pytest.raises(DeviceError):
                await battery.write(-2.5)
        with pytest.raises(DeviceError):
            await battery.read()

        await battery.close()

    async def test_server_that_is_too_slow_is_asked_again(self) -> None:
        """What comes too late is not taken for the next answer."""
        ask = [{**ASK, "message_id": str(number)} for number in (2, 3)]
        late, right = (
            {"from": "server", "frame": {"message_id": number, "result": {"1/144/8": power}}}
            for number, power in (("2", 4_000_000), ("3", -1_000_000))
        )
        heard = [{"from": "hub", "frame": frame} for frame in ask]
        async with playing([*with_node({}), *heard, late, right], 4, timeout_s=0.3, capacity_kwh=10.0) as (
            _,
            battery,
        ):
            await battery.open()
            with pytest.raises(DeviceError, match=r"no answer within 0\.3 s"):
                await battery.read()
            assert (await battery.read()).power_kw == -1.0

    async def test_server_that_is_mute_in_the_middle_of_an_order(self) -> None:
        lines = exchange("matter/battery")[:6]
        async with playing(lines, 4, timeout_s=0.3, capacity_kwh=10.0) as (_, battery):
            await battery.open()
            await battery.read()
            with pytest.raises(DeviceError, match=r"no answer within 0\.3 s"):
                await battery.write(-2.5)

    async def test_node_that_is_removed(self) -> None:
        *asked, answer = with_power({}, 0)
        lines = [*asked, {"from": "server", "frame": {"event": "node_removed", "data": 4}}, answer]
        async with playing(lines, 4, capacity_kwh=10.0) as (_, battery):
            await battery.open()
            await battery.read()
            with pytest.raises(DeviceError, match="the server has no node 4"):
                await battery.write(None)

    async def test_adjustment_that_is_not_allowed_now(self) -> None:
        async with playing(with_node({"1/152/5": None}), 4, capacity_kwh=10.0) as (_, battery):
            await battery.open()
            with pytest.raises(DeviceError, match="allows no adjustment of its power now"):
                await battery.write(1.0)


@pytest.mark.parametrize(
    ("attributes", "more", "expected"),
    [
        ({"1/152/0": 6, "1/152/3": -7000000, "1/152/65532": 1}, {}, Generator(peak_kw=7.0)),
        (
            {"1/152/0": 6, "1/152/3": -7000000, "1/152/65532": 2},
            {},
            Generator(peak_kw=7.0, is_curtailable=False),
        ),
        ({"1/152/0": 2, "1/152/4": 2000000, "1/152/65532": 1}, {}, Heater(rated_kw=2.0)),
        ({"1/152/0": 13, "1/152/4": 1100000, "1/152/65532": 1}, {}, Switch(rated_kw=1.1)),
        ({"1/152/0": 8, "1/152/4": 2000000, "1/152/65532": 10}, {}, Load()),
        ({"1/144/8": 0}, {}, Load()),
        ({"1/144/8": 0}, {"role": "meter"}, Meter()),
        ({"1/153/0": 0}, {"rated_kw": 11.0, "phases": 3}, Charger(charge_kw=11.0)),
        ({"1/153/5": 32000, "1/153/7": 6000, "1/153/9": 10000}, {}, Charger(charge_kw=2.3)),
        ({"1/153/5": 32000}, {"rated_kw": 3.68}, Charger(charge_kw=3.68)),
    ],
)
def test_shapes(attributes: dict[str, Any], more: dict[str, Any], expected: Shape) -> None:
    config = MatterConfig(kind="matter", key="x", node=1, **more)
    assert shape_of(Endpoint(attributes, 1), config) == expected


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "none of Matter's energy clusters"),
        ({"1/153/0": 0}, "set rated_kw"),
        ({"1/152/0": 5, "1/152/4": 10**6, "1/152/65532": 1}, "set capacity_kwh"),
    ],
)
def test_shapes_that_are_not_told(attributes: dict[str, Any], reason: str) -> None:
    with pytest.raises(DeviceError, match=reason):
        shape_of(Endpoint(attributes, 1), MatterConfig(kind="matter", key="x", node=1))


@pytest.mark.parametrize(
    ("entries", "wished", "expected"),
    [
        ([[-5000, 5000, 10, 3600]], -2500, (-2500, 60)),
        ([[-5000, 5000, 10, 30]], 9000, (5000, 30)),
        ([[1000, 5000, 300, 3600], [0, 0, 10, 3600]], 400, (0, 60)),
        ([[1000, 5000, 300, 3600], [0, 0, 10, 3600]], 900, (1000, 300)),
    ],
)
def test_nearest_adjustment(entries: list[list[int]], wished: int, expected: tuple[int, int]) -> None:
    capability = {"0": [{str(index): value for index, value in enumerate(entry)} for entry in entries]}
    assert allowed(capability, wished) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("0123"), inner, max_size=4),
    max_leaves=8,
)
PATHS = [
    f"1/{cluster}/{number}"
    for cluster in (144, 145, 152, 153)
    for number in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 48, 49, 65532)
]


@given(
    attributes=st.dictionaries(st.sampled_from(PATHS), JSON, max_size=12), power=JSON, wished=st.floats(-9, 9)
)
@settings(max_examples=120, deadline=None)
def test_attributes_of_garbage(attributes: dict[str, Any], power: Any, wished: float) -> None:
    """Whatever a node says, a call is either fine or a DeviceError."""

    async def play() -> None:
        found: Any = device(1, 4)

        class Node:
            def __init__(self) -> None:
                self.attributes = dict(attributes)

            async def connected(self) -> None:
                pass

            async def refreshed(self, path: str) -> Any:
                return power

            async def command(self, endpoint: int, cluster: int, **payload: Any) -> None:
                pass

            async def close(self) -> None:
                pass

        found._client = Node()
        for call in (found.open, found.read, lambda: found.write(wished), lambda: found.write(None)):
            with suppress(DeviceError):
                await call()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"node": 0}, r"\$\.node"),
        ({"url": "http://x"}, r"\$\.url"),
        ({"phases": 4}, r"\$\.phases"),
        ({"role": "evse"}, r"\$\.role"),
    ],
)
def test_wrong_table(table: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        open_device({"kind": "matter", "key": "x", "node": 1} | table)
