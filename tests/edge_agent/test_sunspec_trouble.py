"""SunSpec devices that fail: whatever comes back, a driver says DeviceError with a reason and can go on later."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import ConfigError
from edge_agent.drivers.devices import open_device
from edge_agent.rm.device import Device, DeviceError
from tests.edge_agent.sunspec_map import BASE
from tests.edge_agent.sunspec_plant import DerPlant, MeterPlant, OldPlant, Plant


def device(port: int, role: str, **more: Any) -> Device:
    document = {
        "kind": "sunspec",
        "key": "x",
        "host": "127.0.0.1",
        "port": port,
        "role": role,
        "timeout_s": 2.0,
    }
    return open_device(document | more)


@asynccontextmanager
async def opened(plant: Plant, role: str, **more: Any) -> AsyncIterator[Device]:
    async with plant.serving() as port:
        found = device(port, role, **more)
        await found.open()
        try:
            yield found
        finally:
            await found.close()


@pytest.mark.parametrize("kind", [DerPlant, OldPlant])
@pytest.mark.parametrize("role", ["inverter", "battery"])
async def test_gone_in_the_middle_of_an_order(kind: type[Plant], role: str) -> None:
    plant = kind()
    plant.sun_w = 0.0
    async with opened(plant, role, timeout_s=0.5) as found:
        plant.mode = "gone"
        with pytest.raises(DeviceError):
            await found.write(-1.0)
        plant.mode = ""
        await found.write(-1.0)
        assert (await found.read()).power_kw == plant.battery_w / -1000.0 * (role == "inverter") + (
            plant.battery_w / 1000.0 * (role == "battery")
        )


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("refuses writes", "Modbus exception"), ("stuck", "did not take WMaxLimPct")],
)
async def test_order_that_is_not_taken(mode: str, reason: str) -> None:
    plant = OldPlant()
    async with opened(plant, "inverter") as inverter:
        plant.mode = mode
        with pytest.raises(DeviceError, match=reason):
            await inverter.write(-1.0)
        assert (await inverter.read()).power_kw == -6.0


async def test_slow_answers_are_waited_for_no_longer_than_allowed() -> None:
    plant = MeterPlant()
    async with opened(plant, "meter", timeout_s=1.0) as meter:
        plant.mode = "slow"
        assert (await meter.read()).power_kw == -1.234
        plant.mode = "silent"
        with pytest.raises(DeviceError, match="no answer in time"):
            await meter.read()
        plant.held.set()
        plant.mode = ""
        assert (await meter.read()).power_kw == -1.234


async def test_answer_that_drips_is_broken_off() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while True:
                writer.write(b"\0")
                await asyncio.sleep(0.05)

    async with peer(drip) as port:
        with pytest.raises(DeviceError, match=r"no complete answer within|no answer in time|bytes for"):
            await device(port, "meter", timeout_s=0.1).open()


async def test_call_that_is_given_up_leaves_the_bus_free() -> None:
    plant = MeterPlant()
    async with opened(plant, "meter", timeout_s=5.0) as meter:
        plant.mode = "silent"
        reading = asyncio.create_task(meter.read())
        while plant.heard[-1:] != [3] or len(plant.heard) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        plant.held.set()
        plant.mode = ""
        with suppress(DeviceError):
            await meter.read()
        assert (await meter.read()).power_kw == -1.234


@pytest.mark.parametrize(
    ("place", "raw", "reason"),
    [
        ((701, "W"), -0x8000, "says no power"),
        ((701, "W_SF"), -0x8000, "says no power"),
        ((701, "W_SF"), 77, "says no power"),
        ((701, "W"), 32767, "power of -32.767 kW, beyond 12 kW"),
    ],
)
async def test_power_that_cannot_be(place: tuple[int, str], raw: int, reason: str) -> None:
    plant = DerPlant()
    async with opened(plant, "inverter") as inverter:
        plant.show = lambda: None  # type: ignore[method-assign]
        plant.registers[place] = raw
        with pytest.raises(DeviceError, match=reason):
            await inverter.read()


async def test_what_is_no_measurement_is_left_out() -> None:
    plant = DerPlant()
    for name, raw in (("LNV", 0xFFFF), ("Hz", 0xFFFFFFFF), ("TmpCab", 30000), ("TotWhAbs", 2**64 - 1)):
        plant.registers[701, name] = raw
    async with opened(plant, "inverter") as inverter:
        said = await inverter.read()
    assert (said.voltage_v, said.frequency_hz, said.temperature_c, said.import_kwh) == (
        None,
        None,
        None,
        None,
    )
    assert (said.power_kw, said.export_kwh) == (-6.0, 12345.0)


async def test_state_of_charge_that_cannot_be() -> None:
    plant = DerPlant()
    async with opened(plant, "battery") as battery:
        plant.registers[713, "SoC"] = 1400
        with pytest.raises(DeviceError, match=r"state of charge of 1\.4"):
            await battery.read()


async def test_battery_whose_heartbeat_stands_still() -> None:
    plant = DerPlant()
    async with opened(plant, "battery", stuck_after_s=0.05) as battery:
        await battery.read()
        await asyncio.sleep(0.1)
        with pytest.raises(DeviceError, match="heartbeat stands still at 0"):
            await battery.read()
        plant.advance(1)
        assert (await battery.read()).soc == 0.5


class TestWrongMaps:
    @pytest.mark.parametrize(
        ("kind", "role", "reason"),
        [(MeterPlant, "inverter", "is no inverter"), (DerPlant, "meter", "has no model of")],
    )
    async def test_device_of_another_kind(self, kind: type[Plant], role: str, reason: str) -> None:
        async with kind().serving() as port:
            with pytest.raises(DeviceError, match=reason) as caught:
                await device(port, role).open()
        assert caught.value.permanent

    async def test_no_sunspec_at_all(self) -> None:
        plant = MeterPlant()
        plant.registers.values[:2] = [1, 2]
        async with plant.serving() as port:
            with pytest.raises(DeviceError, match="not SunSpec register map"):
                await device(port, "meter").open()

    async def test_models_that_moved_after_an_update(self) -> None:
        plant = MeterPlant()
        async with opened(plant, "meter") as meter:
            plant.registers[203, "ID"] = 64000
            with pytest.raises(DeviceError, match="model 64000 is now where model 203 was"):
                await meter.read()

    async def test_models_without_an_end(self) -> None:
        plant = MeterPlant()
        plant.registers.values[2:] = [1, 0] * 500
        async with plant.serving() as port:
            with pytest.raises(DeviceError, match="scan terminated"):
                await device(port, "meter").open()

    async def test_length_that_lies(self) -> None:
        plant = MeterPlant()
        plant.registers[203, "L"] = 5000
        async with plant.serving() as port:
            with pytest.raises(DeviceError):
                await device(port, "meter").open()

    @pytest.mark.parametrize("control", ["timed", "untimed"])
    async def test_unit_that_cannot_fall_back(self, control: str) -> None:
        plant = OldPlant()
        plant.registers[123, "WMaxLimPct_RvrtTms"] = 0xFFFF
        async with plant.serving() as port:
            inverter = device(port, "inverter", control=control)
            if control == "timed":
                with pytest.raises(DeviceError, match="no reversion timer") as caught:
                    await inverter.open()
                assert caught.value.permanent
            else:
                await inverter.open()
                await inverter.write(-1.0)
                assert plant.registers[123, "WMaxLimPct"] == 1250
                await inverter.close()

    @pytest.mark.parametrize(
        ("kind", "role", "gone", "reason"),
        [
            (OldPlant, "inverter", [(120, "WRtg"), (121, "WMax")], "set rated_kw"),
            (OldPlant, "battery", [(120, "WHRtg")], "set capacity_kwh"),
        ],
    )
    async def test_sizes_nobody_says(
        self, kind: type[Plant], role: str, gone: list[tuple[int, str]], reason: str
    ) -> None:
        plant = kind()
        for place in gone:
            plant.registers[place] = 0xFFFF
        async with plant.serving() as port:
            with pytest.raises(DeviceError, match=reason):
                await device(port, role).open()
            told = device(port, role, rated_kw=8.0, capacity_kwh=9.0)
            await told.open()
            await told.close()


async def test_nothing_listens() -> None:
    plant = MeterPlant()
    async with plant.serving() as port:
        pass
    with pytest.raises(DeviceError, match="Connection error"):
        await device(port, "meter").open()
    with pytest.raises(DeviceError, match="not open"):
        await device(port, "meter").read()


@asynccontextmanager
async def peer(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> AsyncIterator[int]:
    """Answer each connection by `answer`."""
    tasks: set[asyncio.Task[Any]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await answer(reader, writer)
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@given(garbage=st.binary(max_size=60))
@settings(max_examples=25, deadline=None)
def test_frames_of_garbage(garbage: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readexactly(12)
            writer.write(garbage)
            writer.write_eof()

    async def play() -> None:
        async with peer(answer) as port:
            with pytest.raises(DeviceError):
                await device(port, "inverter", timeout_s=0.2).open()

    asyncio.run(play())


@given(
    registers=st.lists(st.integers(0, 0xFFFF), max_size=300),
    keep=st.integers(0, 80),
    role=st.sampled_from(["inverter", "battery"]),
)
@settings(max_examples=25, deadline=None)
def test_registers_of_garbage(registers: list[int], keep: int, role: str) -> None:
    """From some register on, the map holds anything; a reading or an order is either fine or a DeviceError."""
    image = (OldPlant().registers.values[:keep] + registers + [0] * 700)[:700]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(12)
            function, address, count = struct.unpack(">BHH", head[7:12])
            if function != 3:
                return
            at = address - BASE
            values = [image[place % 700] for place in range(at, at + count)]
            body = struct.pack(f">BBB{count}H", 1, 3, 2 * count % 256, *values)
            writer.write(head[:4] + struct.pack(">H", len(body)) + body)

    async def play() -> None:
        async with peer(answer) as port:
            found = device(port, role, timeout_s=0.5)
            with suppress(DeviceError):
                await found.open()
                await found.read()
                await found.write(-1.0)
            await found.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"port": 0}, r"\$\.port"),
        ({"role": "toaster"}, r"\$\.role"),
        ({"rated_kw": float("nan")}, r"\$\.rated_kw"),
        ({"hots": "1.2.3.4"}, "hots"),
        ({"key": "Roof!"}, r"\$\.key"),
    ],
)
def test_wrong_table(change: dict[str, Any], reason: str) -> None:
    good = {"kind": "sunspec", "key": "x", "host": "10.0.0.2", "role": "meter"}
    with pytest.raises(ConfigError, match=reason):
        open_device(good | change)
