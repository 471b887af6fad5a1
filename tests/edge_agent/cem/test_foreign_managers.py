"""s2-python's resource managers against our energy manager, over real WebSockets, for every control type."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest
from s2python.common import RoleType

from edge_agent.cem.home import Home, utc_now
from edge_agent.cem.server import S2Server, ServerConfig
from tests.edge_agent.cem.peer import Peer, last
from tests.edge_agent.rm.scripted import until
from tests.vpp.protocols.s2.samples import COMMON, DDBC, FRBC, OFF, OMBC, ON, PEBC, PPBC, TYPES, watts
from vpp.energy_manager.combine import Wish, exactly
from vpp.energy_manager.member import FAR_KW
from vpp.energy_manager.process_image import Setpoints

LONG_AGO = "2026-01-01T00:00:00Z"
MEASURED = next(one for one in COMMON if one["message_type"] == "PowerMeasurement")


def described(documents: list[dict[str, Any]], *names: str, **changes: Any) -> list[dict[str, Any]]:
    """Samples by name, valid for long."""
    found = []
    for name in names:
        document = next(one for one in documents if one["message_type"] == name)
        given = {key: LONG_AGO for key in ("valid_from",) if key in document}
        found.append({**document, **given, **changes.get(name.partition(".")[2], {})})
    return found


@asynccontextmanager
async def hub(**settings: Any) -> AsyncIterator[tuple[Home, S2Server]]:
    """A home that listens for resource managers."""
    server = S2Server(ServerConfig(**settings))
    home = Home(shells=[server])
    task = asyncio.create_task(home.run())
    try:
        await asyncio.wait_for(server.listening.wait(), 20)
        yield home, server
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def together(peer: Peer) -> AsyncIterator[Home]:
    """A hub and one resource manager that has said everything."""
    async with hub() as (home, server):
        async with peer.connected(server.port):
            said = len(peer.messages) - sum(
                one["message_type"].endswith("ProfileStatus") for one in peer.messages
            )
            await until(lambda: peer.key in home.units and len(peer.statuses) >= said)
            assert set(peer.statuses) <= {"OK"}
            yield home


def wish(home: Home, peer: Peer, given: Wish) -> None:
    """Have one resource do something, as a cycle would."""
    home.claims[peer.key] = given
    home.read(int(utc_now().timestamp() * 1000))
    home.write(Setpoints())


STORE = described(FRBC, "FRBC.SystemDescription", "FRBC.StorageStatus")


async def test_a_foreign_battery_fills_and_empties_as_wished() -> None:
    peer = Peer("FRBC", [*STORE, MEASURED], role=RoleType.ENERGY_STORAGE)
    async with together(peer) as home:
        image = home.read(1_000)
        assert (image.battery_kw, image.battery_soc) == (1.5, 0.5)
        [battery] = [one for one in home.describe() if one.key == "battery"]
        assert battery.parameters == {
            "capacity_kwh": pytest.approx(5.0 * 0.95 * 100.0 / (0.0125 * 3600.0)),
            "charge_kw": 5.0,
            "discharge_kw": 4.0,
            "charge_efficiency": 0.95,
            "discharge_efficiency": 0.95,
        }
        home.write(Setpoints(battery_kw=2.5))
        await until(lambda: peer.orders)
        assert (last(peer.orders)["operation_mode"], last(peer.orders)["operation_mode_factor"]) == (ON, 0.5)
        home.write(Setpoints(battery_kw=2.5))
        home.write(Setpoints(battery_kw=-3.0))
        await until(lambda: len(peer.orders) >= 2)
        assert (last(peer.orders)["operation_mode"], last(peer.orders)["operation_mode_factor"]) == (
            OFF,
            0.25,
        )
        home.write(Setpoints())
        await until(lambda: len(peer.orders) >= 3)
        [told] = home.told()
        assert (told.control_type, told.reason, told.low_kw, told.high_kw) == (
            TYPES["FRBC"],
            "0.00 kW",
            -4.0,
            5.0,
        )
        assert len(peer.orders) == 3


async def test_a_full_store_is_not_filled_any_more() -> None:
    full = described(
        FRBC, "FRBC.SystemDescription", "FRBC.StorageStatus", StorageStatus={"present_fill_level": 100.0}
    )
    peer = Peer("FRBC", full, role=RoleType.ENERGY_STORAGE)
    async with together(peer) as home:
        wish(home, peer, exactly(4.0))
        await until(lambda: peer.orders)
        [told] = home.told()
        assert (told.low_kw, told.high_kw, told.limits) == (-4.0, 0.0, ["it is full"])
        assert told.reason == "0.00 kW is the nearest possible: it is full"


async def test_a_fill_level_target_is_kept_whatever_is_wished() -> None:
    soon = utc_now() + timedelta(minutes=55)
    target = {
        "message_type": "FRBC.FillLevelTargetProfile",
        "start_time": soon.isoformat(),
        "elements": [
            {"duration": 3_600_000, "fill_level_range": {"start_of_range": 90.0, "end_of_range": 100.0}}
        ],
    }
    peer = Peer("FRBC", [*STORE, target])
    async with together(peer) as home:
        wish(home, peer, exactly(0.0))
        await until(lambda: peer.orders)
        assert last(peer.orders)["operation_mode"] == ON
        assert last(peer.orders)["operation_mode_factor"] == pytest.approx(40.0 / 3300.0 / 0.0125, rel=5e-3)
        [told] = home.told()
        assert told.limits == [f"90 is wanted by {soon:%H:%M}"]


MODES = described(OMBC, "OMBC.SystemDescription", "OMBC.Status", Status={"active_operation_mode_id": OFF})


async def test_an_adjustable_load_gets_a_mode_and_a_factor() -> None:
    peer = Peer("OMBC", MODES)
    async with together(peer) as home:
        wish(home, peer, exactly(1.25))
        await until(lambda: peer.orders)
        assert (last(peer.orders)["operation_mode_id"], last(peer.orders)["operation_mode_factor"]) == (
            ON,
            0.25,
        )


async def test_a_running_timer_holds_a_mode() -> None:
    blocked = described(OMBC, "OMBC.SystemDescription", "OMBC.Status")
    since = {"transition_timestamp": utc_now().isoformat()}
    peer = Peer("OMBC", [blocked[0], {**blocked[1], **since}])
    async with together(peer) as home:
        wish(home, peer, exactly(0.0))
        await until(lambda: peer.orders)
        assert (last(peer.orders)["operation_mode_id"], last(peer.orders)["operation_mode_factor"]) == (
            ON,
            0.0,
        )
        [told] = home.told()
        assert "a timer blocks it until" in told.limits[0]
        assert (told.low_kw, told.high_kw) == (1.0, 2.0)


async def test_a_rejected_instruction_is_planned_anew_with_another_choice() -> None:
    system = described(OMBC, "OMBC.SystemDescription")[0]
    third = "00000000-0000-0000-0000-00000000b001"
    slower = {"id": third, "power_ranges": watts(800.0, 900.0), "abnormal_condition_only": False}
    system = {**system, "operation_modes": [*system["operation_modes"], slower]}
    peer = Peer("OMBC", [system])
    peer.rejected.add(ON)
    async with together(peer) as home:
        wish(home, peer, exactly(1.1))
        await until(lambda: home.told()[0].rejections)
        assert home.told()[0].rejections == ["REJECTED: no reason given"]
        wish(home, peer, exactly(1.1))
        await until(lambda: len(peer.orders) >= 2)
        assert [last(peer.orders[:1])["operation_mode_id"], last(peer.orders)["operation_mode_id"]] == [
            ON,
            third,
        ]
        assert "it was rejected lately" in home.told()[0].limits[0]


async def test_the_sun_is_curtailed_by_an_envelope() -> None:
    peer = Peer("PEBC", described(PEBC, "PEBC.PowerConstraints"), role=RoleType.ENERGY_PRODUCER)
    async with together(peer) as home:
        [pv] = [one for one in home.describe() if one.key == "pv"]
        assert pv.parameters == {"peak_kw": 5.0}
        home.write(Setpoints(pv_kw=-2.0))
        await until(lambda: peer.orders)
        [envelope] = last(peer.orders)["power_envelopes"]
        [element] = envelope["power_envelope_elements"]
        assert (element["lower_limit"], element["upper_limit"], element["duration"]) == (
            -2000.0,
            0.0,
            300_000,
        )
        home.write(Setpoints())
        await until(lambda: len(peer.orders) >= 2)
        [envelope] = last(peer.orders)["power_envelopes"]
        assert envelope["power_envelope_elements"][0]["lower_limit"] == -5000.0


def profile(**changes: Any) -> dict[str, Any]:
    """A program that may run now."""
    now = utc_now()
    [sample] = described(PPBC, "PPBC.PowerProfileDefinition")
    return {
        **sample,
        "start_time": (now - timedelta(minutes=1)).isoformat(),
        "end_time": (now + timedelta(hours=4)).isoformat(),
        **changes,
    }


async def test_a_program_is_scheduled_at_the_latest_and_moved_when_there_is_power_to_spare() -> None:
    given = profile()
    peer = Peer("PPBC", [given])
    async with together(peer) as home:
        wish(home, peer, Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=FAR_KW))
        await until(lambda: peer.orders)
        first = peer.orders[0].execution_time
        assert first == peer.orders[0].execution_time.fromisoformat(given["end_time"]) - timedelta(minutes=30)
        sun = Peer("NOT_CONTROLABLE", [], role=RoleType.ENERGY_PRODUCER)
        async with sun.connected(port(home)):
            await until(lambda: sun.selected)
            await sun.say({**MEASURED, "values": [{**MEASURED["values"][0], "value": -3000.0}]})
            wish(home, peer, Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=FAR_KW))
            await until(lambda: len(peer.orders) >= 2)
        assert peer.orders[1].execution_time <= utc_now()
        assert [one.reason for one in home.told() if one.key == peer.key] == ["3.0 kW to spare"]


async def test_a_running_program_is_interrupted_and_goes_on() -> None:
    running = described(PPBC, "PPBC.PowerProfileStatus")[0]
    peer = Peer("PPBC", [profile(), running])
    async with together(peer) as home:
        member = home.units[peer.key].member
        assert member is not None
        await until(lambda: home.told()[0].power_kw == 2.0)
        wish(home, peer, Wish(low_kw=-FAR_KW, high_kw=1.0, prefer_kw=FAR_KW))
        await until(lambda: peer.orders)
        assert last(peer.orders)["message_type"] == "PPBC.StartInterruptionInstruction"
        paused = {**running["sequence_container_status"][0], "status": "INTERRUPTED"}
        await peer.say({**running, "sequence_container_status": [paused]})
        await until(lambda: home.told()[0].power_kw is None)
        wish(home, peer, Wish(low_kw=-FAR_KW, high_kw=3.0, prefer_kw=FAR_KW))
        await until(lambda: len(peer.orders) >= 2)
        assert last(peer.orders)["message_type"] == "PPBC.EndInterruptionInstruction"


def port(home: Home) -> int:
    [server] = home._shells
    assert isinstance(server, S2Server)
    return server.port


async def test_a_demand_is_met_by_the_source_that_is_nearest_to_the_wish() -> None:
    system = described(DDBC, "DDBC.SystemDescription")[0]
    actuator = system["actuators"][0]
    modes = [{**mode, "id": mode["Id"]} for mode in actuator["operation_modes"]]
    boiler = {
        "id": "00000000-0000-0000-0000-00000000c001",
        "supported_commodites": ["GAS", "HEAT"],
        "operation_modes": [
            {
                "Id": key,
                "id": key,
                "power_ranges": [
                    {
                        "start_of_range": 0.0,
                        "end_of_range": rate,
                        "commodity_quantity": "NATURAL_GAS.FLOW_RATE",
                    }
                ],
                "supply_range": [{"start_of_range": 0.0, "end_of_range": supply}],
                "abnormal_condition_only": False,
            }
            for key, rate, supply in (
                ("00000000-0000-0000-0000-00000000c002", 0.0, 0.0),
                ("00000000-0000-0000-0000-00000000c003", 0.3, 9000.0),
            )
        ],
        "transitions": [],
        "timers": [],
    }
    pump = {**actuator, "operation_modes": modes, "transitions": []}
    system = {
        **system,
        "actuators": [pump, boiler],
        "present_demand_rate": {"start_of_range": 4500.0, "end_of_range": 4500.0},
    }
    peer = Peer("DDBC", [system])
    async with together(peer) as home:
        wish(home, peer, exactly(0.0))
        await until(lambda: len(peer.orders) >= 2)
        chosen = {
            str(one.actuator_id)[-4:]: (str(one.operation_mode_id)[-4:], one.operation_mode_factor)
            for one in peer.orders
        }
        assert chosen["a001"][0] == OFF[-4:]
        assert chosen["c001"] == ("c003", 0.5)
        count = len(peer.orders)
        wish(home, peer, exactly(1.5))
        await until(lambda: len(peer.orders) > count)
        pumps = [one for one in peer.orders if str(one.actuator_id)[-4:] == "a001"]
        assert (str(pumps[-1].operation_mode_id), pumps[-1].operation_mode_factor) == (ON, 0.5)
        assert "a demand of 4500 is to be met" in home.told()[0].limits[-1]


async def test_what_nobody_controls_is_measured_all_the_same() -> None:
    peer = Peer("NOT_CONTROLABLE", [MEASURED])
    async with together(peer) as home:
        await until(lambda: home.told()[0].power_kw == 1.5)
        wish(home, peer, exactly(0.0))
        told = home.told()[0]
        assert (told.role, told.limits) == ("load", ["it takes no orders"])
        assert peer.orders == []
