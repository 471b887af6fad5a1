"""An owner asks for a pairing code through the cloud: the hub shows one, a device uses it, the cloud is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from edge_agent.agent import Agent
from edge_agent.cem.home import Home
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from edge_agent.drivers.s2.pairing import PairingServer
from tests.edge_agent.cem.test_pairing_server import Device, certificate
from tests.edge_agent.cloud import Cloud, until
from vpp.protocols.link.messages import DeviceOrder, DeviceResult

__all__ = ["certificate"]


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        running.features = ("devices",)
        yield running


@asynccontextmanager
async def hub(cloud: Cloud, folder: Path, secured: tuple[str, str], *nodes: str) -> AsyncIterator[Agent]:
    secure = {"certificate": secured[0], "key": secured[1]}
    tables = [{"kind": "s2", **secure, "pairing": pairing(secure, node, folder)} for node in nodes]
    document = {
        "key": "home",
        "cloud_url": cloud.url,
        "data_dir": str(folder / "hub"),
        "cycle_s": 0.1,
        "link": {"backoff_s": 0.02, "claim_poll_s": 0.05, "backfill_spread_s": 0.0},
        "driver": {"kind": "devices", "devices": tables},
    }
    events: list[Any] = []
    agent = Agent(hub_config(document), Clock(), emit=lambda event, **facts: events.append(facts))
    task = asyncio.create_task(agent.run())
    try:
        await until(lambda: bool(cloud.hubs) and cloud.hub.socket is not None)
        yield agent
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    codes = {one.code for one in results(cloud) if one.code}
    assert not [code for code in codes if code in str(events)]


def pairing(secure: dict[str, str], node: str, folder: Path) -> dict[str, str]:
    return {**secure, "node_id": node, "kept": str(folder / f"{node}.json"), "url": "wss://hub.local/"}


def server_of(agent: Agent) -> PairingServer:
    assert isinstance(agent.driver, Home)
    (found,) = agent.driver.code_showers()
    assert isinstance(found, PairingServer)
    return found


def results(cloud: Cloud) -> list[DeviceResult]:
    return [one for one in cloud.hub.messages if isinstance(one, DeviceResult)]


async def result(cloud: Cloud, order: str, state: str) -> DeviceResult:
    await until(lambda: any((one.id, one.state) == (order, state) for one in results(cloud)))
    return next(one for one in results(cloud) if (one.id, one.state) == (order, state))


async def test_code_is_shown_used_and_the_cloud_is_told_by_whom(
    cloud: Cloud, tmp_path: Path, certificate: tuple[str, str]
) -> None:
    async with hub(cloud, tmp_path, certificate, "hub-1") as agent:
        assert "pairing" in cloud.hub.hellos[-1].features
        server = server_of(agent)
        await asyncio.wait_for(server.listening.wait(), 20)
        await cloud.order(DeviceOrder("1", "pair"))
        shown = await result(cloud, "1", "shown")
        assert (len(shown.code), shown.valid_s) == (12, 300)
        await cloud.order(DeviceOrder("1", "pair"))
        await Device(server.port, certificate[0]).pair(shown.code)
        paired = await result(cloud, "1", "paired")
        assert (paired.key, paired.code) == ("battery", "")
    assert [(one.id, one.state) for one in results(cloud)] == [("1", "shown"), ("1", "paired")]


async def test_newer_code_makes_the_one_before_void(
    cloud: Cloud, tmp_path: Path, certificate: tuple[str, str]
) -> None:
    async with hub(cloud, tmp_path, certificate, "hub-1"):
        for order in ("1", "2"):
            await cloud.order(DeviceOrder(order, "pair"))
            await result(cloud, order, "shown")
        over = await result(cloud, "1", "failed")
        assert over.reason == "the code ran out, or a newer one took its place"


@pytest.mark.parametrize(
    ("nodes", "reason"),
    [((), "the hub's configuration has no pairing table"),
     (("one", "two"), "the hub has several pairing tables: ask for a code on the hub, with --node")],
)  # fmt: skip
async def test_hub_that_cannot_show_a_code_says_why(
    cloud: Cloud, tmp_path: Path, certificate: tuple[str, str], nodes: tuple[str, ...], reason: str
) -> None:
    async with hub(cloud, tmp_path, certificate, *nodes):
        assert ("pairing" in cloud.hub.hellos[-1].features) is bool(nodes)
        await cloud.order(DeviceOrder("1", "pair"))
        assert (await result(cloud, "1", "failed")).reason == reason
