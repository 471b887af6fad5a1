"""SunSpec devices on a real Modbus TCP server: what they say, what they are told, what they do when nobody calls."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from edge_agent.config import ConfigError
from edge_agent.drivers.devices import open_device
from edge_agent.drivers.sunspec.finder import SunSpecFinder, SunSpecSearch, hosts
from edge_agent.rm.device import REVERSION_S, Battery, Device, DeviceError, Generator, Identity, Load, Meter
from tests.edge_agent.sunspec_plant import DerPlant, MeterPlant, OldPlant, Plant
from vpp.energy_manager.reading import Reading

WHO = Identity(maker="Acme", model="Home 8", serial="A-17", firmware="1.2.3")


def device(port: int, role: str, **more: Any) -> Device:
    document = {
        "kind": "sunspec",
        "key": role,
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
        assert await found.open() == WHO
        try:
            yield found
        finally:
            await found.close()


async def test_der_inverter_is_read() -> None:
    async with opened(DerPlant(), "inverter") as inverter:
        assert inverter.shape() == Generator(peak_kw=8.0)
        assert await inverter.read() == Reading(
            power_kw=-6.0, import_kwh=678.0, export_kwh=12345.0, voltage_v=230.1, frequency_hz=50.01,
            temperature_c=41.0, is_on_grid=True,
        )  # fmt: skip


async def test_older_inverter_is_read_apart_from_its_battery() -> None:
    plant = OldPlant()
    async with opened(plant, "inverter") as inverter:
        battery = device(plant.port, "battery")
        await battery.open()
        assert battery.shape() == Battery(capacity_kwh=10.0, charge_kw=5.0, discharge_kw=5.0)
        await battery.write(3.0)
        said, stored = await inverter.read(), await battery.read()
        assert (said.power_kw, said.soc, said.export_kwh, said.is_on_grid) == (-6.0, None, 9000.0, True)
        assert (said.strings, stored.strings) == ((("MPPT 1", 3.0), ("MPPT 2", 3.0)), ())
        assert (stored.power_kw, stored.soc, stored.temperature_c) == (3.0, 0.5, 38.0)
        await battery.close()
        assert (await inverter.read()).power_kw == -6.0


async def test_meter_is_read_either_way_round() -> None:
    expected = Reading(
        power_kw=-1.234, import_kwh=4500.0, export_kwh=1500.0, voltage_v=229.8, frequency_hz=50.02
    )
    async with opened(MeterPlant(), "meter") as meter:
        assert meter.shape() == Meter()
        assert await meter.read() == expected
        with pytest.raises(DeviceError, match="takes no orders"):
            await meter.write(1.0)
    async with opened(MeterPlant(), "meter", is_reversed=True) as meter:
        said = await meter.read()
        assert (said.power_kw, said.import_kwh, said.export_kwh) == (1.234, 1500.0, 4500.0)


@pytest.mark.parametrize("number", [101, 102, 103])
async def test_inverter_of_one_two_or_three_phases(number: int) -> None:
    plant = type("Phases", (OldPlant,), {"inverter": number})()
    async with opened(plant, "inverter") as inverter:
        assert inverter.shape() == Generator(peak_kw=8.0)
        said = await inverter.read()
        assert (said.power_kw, said.voltage_v, said.frequency_hz) == (-6.0, 231.0, 49.98)
        plant.registers[number, "St"] = 7
        assert not (await inverter.read()).is_ready


@pytest.mark.parametrize("number", [201, 202, 203, 204])
async def test_meter_of_every_wiring(number: int) -> None:
    plant = type("Wiring", (MeterPlant,), {"meter": number})()
    async with opened(plant, "meter") as meter:
        said = await meter.read()
        assert (said.power_kw, said.import_kwh, said.export_kwh) == (-1.234, 4500.0, 1500.0)


async def test_setting_of_121_goes_before_the_nameplate_of_120_and_122_tells_of_the_grid() -> None:
    plant = OldPlant()
    plant.registers[121, "WMax"], plant.registers[122, "ECPConn"] = 7000, 0
    async with opened(plant, "inverter") as inverter:
        assert inverter.shape() == Generator(peak_kw=7.0)
        assert (await inverter.read()).is_on_grid is False
        plant.registers[122, "ECPConn"] = 1
        assert (await inverter.read()).is_on_grid is True


TIMERS = {
    (DerPlant, "inverter"): (704, "WMaxLimPctRvrtTms"),
    (DerPlant, "battery"): (704, "WSetRvrtTms"),
    (OldPlant, "inverter"): (123, "WMaxLimPct_RvrtTms"),
    (OldPlant, "battery"): (124, "InOutWRte_RvrtTms"),
}


@pytest.mark.parametrize(("kind", "role"), TIMERS)
async def test_every_order_writes_its_timer_anew(kind: type[Plant], role: str) -> None:
    plant, place = kind(), TIMERS[kind, role]
    async with opened(plant, role) as found:
        for power_kw in (-2.0, -2.0, -1.0, 0.0):
            plant.registers[place] = 0
            await found.write(power_kw)
            assert plant.registers[place] == REVERSION_S


@pytest.mark.parametrize("kind", [DerPlant, OldPlant])
async def test_curtailed_inverter_comes_back_by_itself(kind: type[Plant]) -> None:
    plant = kind()
    async with opened(plant, "inverter") as inverter:
        await inverter.write(-2.0)
        assert (plant.pv_w, (await inverter.read()).power_kw) == (2000.0, -2.0)
        plant.advance(REVERSION_S - 1)
        await inverter.write(-2.0)
        plant.advance(REVERSION_S - 1)
        assert plant.pv_w == 2000.0
        plant.advance(1)
        assert plant.pv_w == 6000.0
        assert (await inverter.read()).power_kw == -6.0


@pytest.mark.parametrize("kind", [DerPlant, OldPlant])
async def test_inverter_is_given_back(kind: type[Plant]) -> None:
    plant = kind()
    async with opened(plant, "inverter") as inverter:
        await inverter.write(0.0)
        assert plant.pv_w == 0.0
        await inverter.write(None)
        assert plant.pv_w == 6000.0


@pytest.mark.parametrize("kind", [DerPlant, OldPlant])
@pytest.mark.parametrize("wished_kw", [3.0, -4.5, 0.0])
async def test_battery_holds_a_power_until_nobody_renews_it(kind: type[Plant], wished_kw: float) -> None:
    plant = kind()
    plant.sun_w = 0.0
    async with opened(plant, "battery") as battery:
        await battery.read()
        await battery.write(wished_kw)
        assert plant.battery_w == wished_kw * 1000.0
        plant.advance(5)
        assert (await battery.read()).power_kw == wished_kw
        plant.advance(REVERSION_S)
        assert plant.battery_w == 0.0


@pytest.mark.parametrize("kind", [DerPlant, OldPlant])
async def test_order_beyond_the_battery_is_what_it_can_do(kind: type[Plant]) -> None:
    plant = kind()
    async with opened(plant, "battery") as battery:
        await battery.read()
        await battery.write(9.0)
        assert plant.battery_w == 5000.0
        await battery.write(-9.0)
        assert plant.battery_w == -5000.0
        await battery.write(None)
        assert plant.battery_w == 0.0


async def test_state_of_charge_follows_the_energy() -> None:
    plant = OldPlant()
    async with opened(plant, "battery") as battery:
        for _ in range(36):
            await battery.write(-5.0)
            plant.advance(50)
        assert (await battery.read()).soc == 0.25


async def test_battery_without_a_heartbeat_stops() -> None:
    plant = DerPlant()
    plant.sun_w = 0.0
    async with opened(plant, "battery") as battery:
        for _ in range(4):
            await battery.read()
            await battery.write(2.0)
            plant.advance(5)
        assert plant.battery_w == 2000.0
        assert plant.registers[802, "CtrlHb"] == 4
        plant.advance(11)
        assert (plant.registers[704, "WSetEna"], plant.battery_w) == (1, 0.0)


async def test_no_orders_are_taken_where_none_are_wanted() -> None:
    async with opened(OldPlant(), "inverter", control="never") as inverter:
        assert inverter.shape() == Generator(peak_kw=8.0, is_curtailable=False)
        with pytest.raises(DeviceError, match="takes no orders"):
            await inverter.write(-1.0)
    async with opened(OldPlant(), "battery", control="never") as battery:
        assert battery.shape() == Load()


class TestReadiness:
    async def test_what_the_unit_says_of_itself(self) -> None:
        plant = DerPlant()
        async with opened(plant, "battery") as battery:
            assert (await battery.read()).is_ready
            for place, bad, good in [
                ((701, "InvSt"), 6, 3), ((703, "ES"), 0, 1), ((802, "LocRemCtl"), 1, 0), ((713, "Sta"), 2, 0),
            ]:  # fmt: skip
                plant.registers[place] = bad
                assert not (await battery.read()).is_ready, place
                plant.registers[place] = good

    async def test_alarms_and_the_grid(self) -> None:
        plant = DerPlant()
        plant.registers[701, "Alrm"] = 0b1010000
        plant.registers[701, "ConnSt"] = 0
        async with opened(plant, "inverter") as inverter:
            said = await inverter.read()
        assert (said.faults, said.is_on_grid) == (("GRID_DISCONNECT", "MANUAL_SHUTDOWN"), False)


class TestFinder:
    async def test_units_are_found_by_their_roles(self) -> None:
        found = []
        for plant in (OldPlant(), MeterPlant()):
            async with plant.serving() as port:
                search = SunSpecSearch(addresses=["127.0.0.1"], networks=["127.0.0.1/32"], port=port)
                found += [entry.config for entry in await SunSpecFinder(search).find()]
                for entry in found[-1:]:
                    again = open_device(entry)
                    assert await again.open() == WHO
                    await again.close()
        assert [entry["key"] for entry in found] == [
            "acme-a-17-inverter",
            "acme-a-17-battery",
            "acme-a-17-meter",
        ]

    async def test_addresses_that_say_nothing_are_passed_over(self) -> None:
        plant = MeterPlant()
        plant.mode = "refuses"
        async with plant.serving() as port:
            search = SunSpecSearch(
                addresses=["127.0.0.1", "127.0.0.2"], port=port, timeout_s=0.3, units=[1, 2]
            )
            assert await SunSpecFinder(search).find() == []

    @pytest.mark.parametrize(
        ("networks", "reason"),
        [
            (["8.8.8.0/29"], "not a private one"),
            (["10.0.0.0/8"], "larger than the 512 addresses"),
            (["192.168.1.0/24", "192.168.2.0/24", "192.168.3.0/24"], "762 addresses are more than the 512"),
            (["home"], "network 'home'"),
        ],
    )
    def test_only_a_homes_own_few_addresses(self, networks: list[str], reason: str) -> None:
        with pytest.raises(ConfigError, match=reason):
            hosts(SunSpecSearch(networks=networks))

    def test_an_address_is_asked_once(self) -> None:
        search = SunSpecSearch(addresses=["192.168.1.2"], networks=["192.168.1.0/30"])
        assert hosts(search) == ["192.168.1.2", "192.168.1.1"]
