"""A rejected instruction is planned anew under every control type, and the cheaper way is taken: s2-python's own managers."""

from datetime import timedelta
from typing import Any

import pytest
from s2python.common import RoleType

from edge_agent.cem.home import utc_now
from tests.edge_agent.cem.peer import Peer, last
from tests.edge_agent.cem.test_foreign_managers import STORE, described, profile, together, wish
from tests.edge_agent.rm.scripted import until
from tests.vpp.protocols.s2.samples import DDBC, OFF, OMBC, ON, PEBC, SEQUENCE, uid, watts
from vpp.energy_manager.combine import Wish, exactly
from vpp.energy_manager.member import FAR_KW
from vpp.energy_manager.process_image import Setpoints

ANY = Wish(low_kw=-FAR_KW, high_kw=FAR_KW, prefer_kw=FAR_KW)
OTHER = uid(900)


async def test_fill_rate_another_mode_of_the_store() -> None:
    peer = Peer("FRBC", STORE, role=RoleType.ENERGY_STORAGE)
    peer.rejected.add(ON)
    async with together(peer) as home:
        wish(home, peer, exactly(2.5))
        await until(lambda: home.told()[0].rejections)
        wish(home, peer, exactly(2.5))
        await until(lambda: len(peer.orders) >= 2)
        found = [(str(one.operation_mode), one.operation_mode_factor) for one in peer.orders]
        assert found == [(ON, 0.5), (OFF, 1.0)]
        assert "it was rejected lately" in home.told()[0].limits[0]


async def test_demand_driven_another_source() -> None:
    system = described(DDBC, "DDBC.SystemDescription")[0]
    pump = {**system["actuators"][0], "transitions": [], "timers": []}
    pump["operation_modes"] = [{**mode, "id": mode["Id"]} for mode in pump["operation_modes"]]
    rod_modes = [
        {**mode, "Id": key, "id": key, "power_ranges": watts(0.0, power), "supply_range": [supply]}
        for mode, key, power, supply in (
            (pump["operation_modes"][0], uid(910), 0.0, {"start_of_range": 0.0, "end_of_range": 0.0}),
            (pump["operation_modes"][1], uid(911), 9000.0, {"start_of_range": 0.0, "end_of_range": 9000.0}),
        )
    ]
    rod = {**pump, "id": OTHER, "operation_modes": rod_modes}
    demand = {"start_of_range": 4500.0, "end_of_range": 4500.0}
    peer = Peer("DDBC", [{**system, "actuators": [pump, rod], "present_demand_rate": demand}])
    peer.rejected.add(ON)
    async with together(peer) as home:
        wish(home, peer, exactly(1.5))
        await until(lambda: home.told()[0].rejections)
        wish(home, peer, exactly(1.5))
        await until(lambda: uid(911) in chosen(peer))
        assert (chosen(peer)[ON], chosen(peer)[uid(911)]) == (0.5, 0.5)


def chosen(peer: Peer) -> dict[str, float]:
    """The factor of every mode that was ordered."""
    return {str(one.operation_mode_id): one.operation_mode_factor for one in peer.orders}


async def test_envelope_is_not_insisted_on_and_another_limit_is_told() -> None:
    peer = Peer("PEBC", described(PEBC, "PEBC.PowerConstraints"), role=RoleType.ENERGY_PRODUCER)
    peer.rejected.add("")
    async with together(peer) as home:
        for _ in range(2):
            home.write(Setpoints(pv_kw=-2.0))
            await until(lambda: home.told()[0].rejections)
        assert len(peer.orders) == 1
        home.write(Setpoints(pv_kw=-3.0))
        await until(lambda: len(peer.orders) >= 2)
        [envelope] = last(peer.orders)["power_envelopes"]
        assert envelope["power_envelope_elements"][0]["lower_limit"] == -3000.0


async def test_program_takes_the_other_sequence() -> None:
    given = profile()
    [container] = given["power_sequences_containers"]
    longer = {**container["power_sequences"][0], "id": OTHER}
    longer["elements"] = [{**longer["elements"][0], "duration": 3_600_000}]
    both = {**container, "power_sequences": [*container["power_sequences"], longer]}
    peer = Peer("PPBC", [{**given, "power_sequences_containers": [both]}])
    peer.rejected.add("")
    async with together(peer) as home:
        wish(home, peer, ANY)
        await until(lambda: home.told()[0].rejections)
        wish(home, peer, ANY)
        await until(lambda: len(peer.orders) >= 2)
        assert [str(one.power_sequence_id) for one in peer.orders] == [SEQUENCE, OTHER]


@pytest.mark.parametrize(("cost", "chosen"), [(0.1, OTHER), (0.3, ON)])
async def test_of_two_ways_to_the_same_power_the_cheaper_transition_is_taken(
    cost: float, chosen: str
) -> None:
    system = described(OMBC, "OMBC.SystemDescription")[0]
    way: dict[str, Any] = {**system["transitions"][0], "id": uid(901), "to": OTHER, "transition_costs": cost}
    other = {**system["operation_modes"][1], "id": OTHER}
    system = {
        **system,
        "operation_modes": [*system["operation_modes"], other],
        "transitions": [*system["transitions"], way],
    }
    status = described(OMBC, "OMBC.Status", Status={"active_operation_mode_id": OFF})
    peer = Peer("OMBC", [system, *status])
    async with together(peer) as home:
        wish(home, peer, exactly(1.5))
        await until(lambda: peer.orders)
        order = last(peer.orders)
        assert (order["operation_mode_id"], order["operation_mode_factor"]) == (chosen, 0.5)


async def test_what_leaks_and_is_used_until_a_fill_level_target_is_filled_for() -> None:
    now = utc_now()
    soon = (now + timedelta(minutes=55)).isoformat()
    target: dict[str, Any] = {
        "message_type": "FRBC.FillLevelTargetProfile",
        "start_time": soon,
        "elements": [
            {"duration": 3_600_000, "fill_level_range": {"start_of_range": 80.0, "end_of_range": 100.0}}
        ],
    }
    leak = {
        "message_type": "FRBC.LeakageBehaviour",
        "valid_from": "2026-01-01T00:00:00Z",
        "elements": [
            {"fill_level_range": {"start_of_range": 0.0, "end_of_range": 100.0}, "leakage_rate": 0.002}
        ],
    }
    usage = {
        "message_type": "FRBC.UsageForecast",
        "start_time": now.isoformat(),
        "elements": [{"duration": 7_200_000, "usage_rate_expected": 0.001}],
    }
    peer = Peer("FRBC", [*STORE, target])
    async with together(peer) as home:
        wish(home, peer, exactly(0.0))
        await until(lambda: peer.orders)
        assert home.told()[0].reason == "0.00 kW"
        await peer.say(leak)
        await peer.say(usage)
        wish(home, peer, exactly(0.0))
        await until(lambda: len(peer.orders) >= 2)
        order = last(peer.orders)
        needed = (30.0 + 3300.0 * (0.002 + 0.001)) / 3300.0 / 0.0125
        assert order["operation_mode"] == ON
        assert order["operation_mode_factor"] == pytest.approx(needed, rel=5e-3)
