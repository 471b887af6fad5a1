"""Foreign resource managers that fail: gone, mute, stuck, or saying what cannot be. The home goes on without them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from s2python.common import RoleType
from websockets.asyncio.client import ClientConnection, connect

from edge_agent.cem.home import Home, utc_now
from tests.edge_agent.cem.peer import Peer
from tests.edge_agent.cem.test_foreign_managers import MEASURED, STORE, hub
from tests.edge_agent.rm.scripted import until
from tests.vpp.protocols.s2.samples import COMMON, DETAILS
from vpp.energy_manager.process_image import Setpoints

MANAGER = {"role": "RM", "supported_protocol_versions": ["0.0.2-beta"]}


class Raw:
    """A resource manager by hand: says what a test says, answers nothing by itself."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, document: dict[str, Any]) -> str:
        """Say something; its message id."""
        key = str(uuid4())
        await self.socket.send(json.dumps({**document, "message_id": key}))
        return key

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of a kind."""
        async with asyncio.timeout(20):
            while True:
                heard: dict[str, Any] = json.loads(await self.socket.recv())
                if heard["message_type"] == kind:
                    return heard

    async def answered(self, document: dict[str, Any]) -> str:
        """Say something; the status it is received with."""
        key = await self.say(document)
        while True:
            heard = await self.hear("ReceptionStatus")
            if heard["subject_message_id"] == key:
                return str(heard["status"])


@asynccontextmanager
async def battery(port: int) -> AsyncIterator[Raw]:
    """A battery that has said everything but its power."""
    async with connect(f"ws://127.0.0.1:{port}/", proxy=None) as socket:
        raw = Raw(socket)
        await raw.say({"message_type": "Handshake", **MANAGER})
        await raw.hear("HandshakeResponse")
        await raw.say({**DETAILS, "available_control_types": ["FILL_RATE_BASED_CONTROL"]})
        await raw.hear("SelectControlType")
        for document in STORE:
            assert await raw.answered(document) == "OK"
        yield raw


def measured(watts: float) -> dict[str, Any]:
    return {**MEASURED, "values": [{**MEASURED["values"][0], "value": watts}]}


async def test_gone_in_the_middle_of_an_order_it_is_told_again_when_it_is_back() -> None:
    async with hub() as (home, server):
        async with battery(server.port) as raw:
            home.write(Setpoints(battery_kw=2.5))
            order = await raw.hear("FRBC.Instruction")
            raw.socket.transport.abort()
        await until(lambda: home.told()[0].trouble)
        assert home.read(1_000).battery_kw is None
        home.write(Setpoints(battery_kw=2.5))
        async with battery(server.port) as raw:
            home.write(Setpoints(battery_kw=2.5))
            again = await raw.hear("FRBC.Instruction")
        assert (again["operation_mode_factor"], again["id"] == order["id"]) == (0.5, False)


async def test_mute_one_stops_nobody_else() -> None:
    async with hub() as (home, server), battery(server.port) as raw:
        assert await raw.answered(measured(1500.0)) == "OK"
        home.write(Setpoints(battery_kw=2.5))
        await raw.hear("FRBC.Instruction")
        sun = Peer("NOT_CONTROLABLE", [measured(-3000.0)], role=RoleType.ENERGY_PRODUCER)
        async with sun.connected(server.port):
            await until(lambda: home.read(1_000).pv_kw == -3.0)
            assert home.read(2_000).battery_kw == 1.5


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", '"much"', "null", "[]"])
async def test_number_that_is_none_is_refused_and_the_one_before_holds(number: str) -> None:
    async with hub() as (home, server), battery(server.port) as raw:
        assert await raw.answered(measured(1500.0)) == "OK"
        key = str(uuid4())
        text = json.dumps({**measured(777.0), "message_id": key}).replace("777.0", number)
        await raw.socket.send(text)
        heard = await raw.hear("ReceptionStatus")
        assert heard["status"] in {"INVALID_DATA", "INVALID_MESSAGE", "INVALID_CONTENT"}
        assert home.read(1_000).battery_kw == 1.5


async def test_power_beyond_what_it_offers_is_not_believed_until_it_says_another() -> None:
    async with hub() as (home, server), battery(server.port) as raw:
        await raw.answered(measured(9000.0))
        assert (home.read(1_000).battery_kw, home.told()[0].trouble) == (
            None,
            "not believed: 9 kW is beyond what it offers",
        )
        await raw.answered(measured(5000.0))
        assert (home.read(2_000).battery_kw, home.told()[0].trouble) == (5.0, None)


async def test_power_that_stands_still_is_not_believed_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    late = timedelta()
    async with hub() as (home, server), battery(server.port) as raw:
        monkeypatch.setattr(home, "clock", lambda: utc_now() + late)
        await raw.answered(measured(1500.0))
        assert is_said(home, 1.5)
        late = timedelta(seconds=899)
        assert is_said(home, 1.5)
        late = timedelta(seconds=901)
        assert not is_said(home, 1.5)
        assert "it has said nothing of its power since" in str(home.told()[0].trouble)
        await raw.answered(measured(0.0))
        late = timedelta(hours=9)
        assert is_said(home, 0.0)


def is_said(home: Home, power_kw: float) -> bool:
    return home.read(1_000).battery_kw == power_kw


async def test_messages_of_another_control_type_are_refused_and_change_nothing() -> None:
    modes = next(one for one in COMMON if one["message_type"] == "PowerMeasurement")
    async with hub() as (home, server), battery(server.port) as raw:
        strange = {
            "message_type": "OMBC.Status",
            "active_operation_mode_id": str(uuid4()),
            "operation_mode_factor": 0.5,
        }
        assert await raw.answered(strange) == "INVALID_CONTENT"
        assert await raw.answered(modes) == "OK"
        assert home.read(1_000).battery_soc == 0.5
