"""Who may connect to a hub as a resource manager, who comes back, and what becomes of garbage."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from s2python.common import RoleType
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus

from edge_agent.cem.client import ClientConfig, S2Client
from edge_agent.cem.conversation import S2Settings
from edge_agent.cem.home import Home
from edge_agent.cem.server import S2Server, ServerConfig, port_of
from edge_agent.config import ConfigError
from tests.edge_agent.cem.peer import Peer, ServerMedium, last
from tests.edge_agent.cem.test_foreign_managers import MEASURED, STORE, hub
from tests.edge_agent.rm.scripted import until
from vpp.energy_manager.member import RoleKey
from vpp.energy_manager.process_image import Setpoints


@pytest.mark.parametrize(
    ("token", "path", "status"), [("wrong", "/s2", 401), (None, "/s2", 401), ("right", "/", 404)]
)
async def test_who_has_no_token_is_turned_away(token: str | None, path: str, status: int) -> None:
    async with hub(token="right", path="/s2") as (_, server):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with pytest.raises(InvalidStatus) as caught:
            async with connect(f"ws://127.0.0.1:{server.port}{path}", additional_headers=headers, proxy=None):
                pass
        assert caught.value.response.status_code == status


async def test_who_has_the_token_is_let_in() -> None:
    async with hub(token="right", path="/s2") as (home, server):
        peer = Peer("NOT_CONTROLABLE", [MEASURED], name="the meter")
        async with peer.connected(server.port, token="right", path="/s2"):
            await until(lambda: home.told() and home.told()[0].power_kw == 1.5)
            assert home.told()[0].name == "the meter"


async def test_a_configured_role_outranks_what_a_resource_says() -> None:
    roles: dict[str, RoleKey] = {"the meter": "grid"}
    async with hub(settings=S2Settings(roles=roles)) as (home, server):
        peer = Peer("NOT_CONTROLABLE", [MEASURED], name="the meter")
        async with peer.connected(server.port):
            await until(lambda: home.read(1_000).grid_kw == 1.5)


async def test_a_resource_that_went_comes_back_as_the_same() -> None:
    async with hub() as (home, server):
        peer = Peer("FRBC", [*STORE, MEASURED], role=RoleType.ENERGY_STORAGE)
        async with peer.connected(server.port):
            await until(lambda: home.read(1_000).battery_soc == 0.5)
        await until(lambda: home.told()[0].trouble)
        assert home.read(2_000).battery_kw is None
        assert [one.key for one in home.describe()] == ["load", "battery"]
        peer.statuses.clear()
        async with peer.connected(server.port):
            await until(lambda: home.read(3_000).battery_soc == 0.5)
        assert len(home.units) == 1


@pytest.mark.parametrize("frame", ["{", "[]", b"\x00\xff", '{"message_type": "Handshake"}', "x" * 2_000_000])
async def test_garbage_is_answered_or_ends_in_a_clean_close(frame: str | bytes) -> None:
    async with hub() as (home, server):
        async with connect(f"ws://127.0.0.1:{server.port}/", proxy=None) as socket:
            greeting = await asyncio.wait_for(socket.recv(), 20)
            assert '"Handshake"' in str(greeting)
            await socket.send(frame)
            if len(frame) < 1000:
                assert "INVALID" in str(await asyncio.wait_for(socket.recv(), 20))
            else:
                await asyncio.wait_for(socket.wait_closed(), 20)
                assert socket.close_code == 1009
        peer = Peer("NOT_CONTROLABLE", [MEASURED])
        async with peer.connected(server.port):
            await until(lambda: home.told() and home.told()[0].power_kw == 1.5)


async def test_the_hub_connects_to_a_resource_manager_that_listens() -> None:
    peer = Peer("FRBC", [*STORE, MEASURED], role=RoleType.ENERGY_STORAGE)

    async def listen(socket: ServerConnection) -> None:
        await peer.over(ServerMedium(socket))

    async with serve(listen, "127.0.0.1", 0) as server:
        client = S2Client(ClientConfig(url=f"ws://127.0.0.1:{port_of(server)}/", backoff_s=0.05))
        home = Home(shells=[client])
        task = asyncio.create_task(home.run())
        try:
            await until(lambda: home.read(1_000).battery_soc == 0.5)
            home.write(Setpoints(battery_kw=-2.0))
            await until(lambda: peer.orders)
            assert last(peer.orders)["operation_mode_factor"] == 0.5
            for connection in list(server.connections):
                await connection.close()
            peer.orders.clear()
            await until(lambda: len(peer.selected) >= 2 and home.read(2_000).battery_soc == 0.5)
            home.write(Setpoints(battery_kw=-1.0))
            await until(lambda: peer.orders)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"host": "0.0.0.0"}, "s2 server: listening on 0.0.0.0 needs a token"),
        ({"certificate": "a.pem"}, "s2 server: a certificate and its key come together"),
    ],
)
def test_a_server_that_would_leave_the_house_open_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        S2Server(ServerConfig(**settings))
    assert str(caught.value) == why
