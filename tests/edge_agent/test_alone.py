"""A hub without a cloud account: one home, its driver, its own decisions; and an evening without the grid."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from edge_agent.drivers.simulator.fleet import fleet
from tests.edge_agent.cloud import until
from tests.edge_agent.sunspec_plant import OldPlant
from tests.edge_agent.test_agent import MINUTE, NOON


async def test_hub_without_a_cloud_lives_through_an_outage_and_can_say_why(tmp_path: Path) -> None:
    outage = {"starts_at": "2026-04-23T12:10:00+02:00", "ends_at": "2026-04-23T12:40:00+02:00"}
    document = {
        "key": "alone", "data_dir": str(tmp_path), "cycle_s": 15.0,
        "driver": msgspec.to_builtins(fleet()[1].home) | {"outages": [outage]},
    }  # fmt: skip
    clock = Clock(NOON, time.time(), 1200.0)
    agent = Agent(hub_config(document), clock, emit=lambda event, **facts: None)
    task = asyncio.create_task(agent.run())
    try:
        await until(lambda: clock.now_ms() > NOON + 50 * MINUTE)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert agent.link is None
    told = [one for one in reversed(_decisions(tmp_path)) if one.resource == "battery"]
    island = [one for one in told if one.controller == "island"]
    assert (island[0].at, island[0].reason) == (
        NOON + 10 * MINUTE + 15_000,
        "no grid: the battery carries the home",
    )
    after = [one for one in told if one.at >= NOON + 40 * MINUTE]
    assert after[0].controller != "island" or after[0].reason.startswith("the grid is back")


async def test_one_battery_with_one_driver_and_no_account_follows_the_tariff(tmp_path: Path) -> None:
    plant = OldPlant()
    plant.sun_w = 0.0
    async with plant.serving() as port:
        battery = {"kind": "sunspec", "key": "cellar", "host": "127.0.0.1", "port": port, "role": "battery"}
        prices = [
            {"starts": "00:00", "ends": "13:00", "price": 0.1},
            {"starts": "13:00", "ends": "00:00", "price": 0.4},
        ]
        document = {
            "key": "module", "data_dir": str(tmp_path), "cycle_s": 0.2,
            "home": {"mode": "time_of_use", "time_zone": "Europe/Berlin", "tariff": prices},
            "driver": {"kind": "devices", "devices": [battery], "poll_s": 0.1},
        }  # fmt: skip
        agent = Agent(hub_config(document), Clock(NOON, time.time(), 1.0), emit=lambda event, **facts: None)
        task = asyncio.create_task(agent.run())
        try:
            await until(lambda: plant.battery_w > 1000.0)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert (agent.link, plant.battery_w) == (None, 0.0)
    told = [(one.controller, one.reason) for one in _decisions(tmp_path) if one.resource == "battery"]
    assert ("home_mode", "cheap at 0.1 a kWh") in told


def _decisions(folder: Path) -> list:
    from edge_agent.outbox import Outbox

    outbox = Outbox(folder / "hub.db")
    try:
        return outbox.decisions(2000)
    finally:
        outbox.close()
