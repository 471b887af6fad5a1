"""Plugs at a broker and the tables of the devices that talk to them, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from edge_agent.drivers.devices import open_device
from edge_agent.rm.device import Device
from tests.edge_agent.plugs import ShellyPlug, TasmotaPlug, at_broker

BOILER = "boiler_9F21"
PUMP = "shellyplusplugs-a8032abe54dc"


@asynccontextmanager
async def tasmota(port: int) -> AsyncIterator[TasmotaPlug]:
    plug = TasmotaPlug(BOILER)
    async with at_broker(port, plug.answer, topics=[f"cmnd/{BOILER}/#"], retained=plug.announcements()):
        yield plug


@asynccontextmanager
async def shelly(port: int, **more: Any) -> AsyncIterator[ShellyPlug]:
    plug = ShellyPlug(PUMP, **more)
    async with at_broker(port, plug.answer, topics=[f"{PUMP}/rpc"], retained=plug.announcements()):
        yield plug


def table(convention: str, port: int, **more: Any) -> dict[str, Any]:
    topic = {"topic": {"tasmota": BOILER, "shelly": PUMP}[convention]} if convention != "plain" else {}
    at = {"broker": {"host": "127.0.0.1", "port": port}}
    return {
        "kind": "mqtt", "key": "plug", "convention": convention, "rated_kw": 2.0, "timeout_s": 5.0, **at, **topic, **more,
    }  # fmt: skip


@asynccontextmanager
async def opened(convention: str, port: int, **more: Any) -> AsyncIterator[Device]:
    device = open_device(table(convention, port, **more))
    await device.open()
    try:
        yield device
    finally:
        await device.close()
