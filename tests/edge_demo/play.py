"""Sets the house up, plays the scenes, and checks what came of it."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.clock import Clock
from tests.edge_agent.cloud import Cloud
from tests.edge_agent.mosquitto import mosquitto, program
from tests.edge_agent.plugs import at_broker
from tests.edge_demo.house import MS_PER_HOUR, House
from tests.edge_demo.hub import config, devices, running
from tests.edge_demo.scenes import AFTERNOON_SOC, SCENES, DemoError, Scene, Stage
from tests.edge_demo.summary import Check, checks
from tests.edge_demo.table import Table
from vpp.intervals import to_ms

NOON_H = 12.0
DAY = datetime(2026, 6, 21, tzinfo=UTC)
# What a start may take, in seconds of the machine, on one machine or on a busier one: the clock begins so much earlier.
_LEADS_S = (3.0, 8.0, 20.0)
_WIRES = {
    "sunspec": "SunSpec over Modbus TCP",
    "mqtt": "a Tasmota plug at Mosquitto",
    "s2": "a foreign resource manager, S2 over WebSocket",
}


def scenes_from(hour: float) -> Sequence[Scene]:
    """The scenes that have not ended by an hour of the day."""
    ends = [*(scene.hour for scene in SCENES[1:]), 24.0]
    return [scene for scene, end in zip(SCENES, ends, strict=True) if end > hour + 0.01]


async def play(*, hour: float, scale: float) -> list[Check]:
    """Play from an hour of the day on, so many times as fast as the machine's clock."""
    table = Table()
    for lead_s in _LEADS_S:
        with tempfile.TemporaryDirectory(prefix="edge-demo-") as folder:
            async with _stage(Path(folder), table, hour=hour, scale=scale, lead_s=lead_s) as stage:
                if _is_in_time(stage, hour):
                    return await _play(stage, hour)
        table.again()
    raise DemoError("this machine is too busy: the hub starts too slowly for this scale")


def _is_in_time(stage: Stage, hour: float) -> bool:
    """Whether the hub was up before half of the first scene was over."""
    ends = next((scene.hour for scene in SCENES if scene.hour > hour + 0.01), 24.0)
    return stage.clock.now_ms() < stage.at_hour((hour + ends) / 2.0)


async def _play(stage: Stage, hour: float) -> list[Check]:
    for number, scene in enumerate(scenes_from(hour)):
        if number == 0:
            stage.house.begin(AFTERNOON_SOC if scene is SCENES[0] and hour > NOON_H else scene.soc)
        stage.table.scene(scene.name)
        stage.mark(scene.play.__name__)
        await scene.play(stage)
        stage.show_house()
    stage.table.line(f"the hub's process holds {stage.hub.rss_mb:.0f} MB")
    return checks(stage)


@asynccontextmanager
async def _stage(
    folder: Path, table: Table, *, hour: float, scale: float, lead_s: float
) -> AsyncIterator[Stage]:
    """House, wires, cloud and hub, once they know each other."""
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(Cloud().running())
        broker = stack.enter_context(mosquitto(folder)).port if program() else None
        start = to_ms(DAY) + round(hour * MS_PER_HOUR - lead_s * scale * 1000)
        clock = Clock(start, time.time(), scale)
        cloud.now_ms = clock.now_ms
        house = House(clock, soc=0.5)
        tables = devices(
            hybrid=await stack.enter_async_context(house.hybrid.serving()),
            meter=await stack.enter_async_context(house.meter.serving()),
            wallbox=await stack.enter_async_context(house.car.listening()),
            broker=broker,
        )
        await _plug_in(stack, house, broker)
        await _moving(stack, house)
        hub = await stack.enter_async_context(
            running(folder, config(folder, tables, cloud_url=cloud.url), clock)
        )
        stage = Stage(clock, house, hub, cloud, table)
        _introduce(table, tables, scale=scale)
        await _known(stage)
        await stage.until(start + round(lead_s * scale * 1000))
        yield stage


async def _plug_in(stack: AsyncExitStack, house: House, broker: int | None) -> None:
    if broker is None:
        return
    plug = house.plug
    await stack.enter_async_context(
        at_broker(broker, plug.answer, topics=[f"cmnd/{plug.topic}/#"], retained=plug.announcements())
    )
    house.has_plug = True


async def _moving(stack: AsyncExitStack, house: House) -> None:
    task = asyncio.create_task(house.run())

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


def _introduce(table: Table, tables: Sequence[dict[str, object]], *, scale: float) -> None:
    table.scene("A hub and its devices")
    for one in tables:
        role = f" ({one['role']})" if "role" in one else ""
        table.line(f"{one.get('key', 'wallbox'):<8} {_WIRES[str(one['kind'])]}{role}")
    if not any(one["kind"] == "mqtt" for one in tables):
        table.line("there is no mosquitto on this machine: the plug is left out")
    table.line(
        f"energy and the hub's clock run {scale:g} times as fast; the devices' own timers by the machine's clock"
    )


async def _known(stage: Stage) -> None:
    """Wait until the hub decides for every device, and the cloud has heard of it."""
    wanted = {"pv", "battery", "ev", *(("heat",) if stage.house.has_plug else ())}
    await stage.until_that(
        lambda: wanted <= {one.resource for one in stage.table.decisions},
        f"the hub decides for {sorted(wanted)}",
    )
    await stage.until_that(lambda: stage.cloud.hubs and stage.cloud.hub.hellos, "the hub reaches the cloud")
    stage.mark("began", "every device is known, and the cloud has heard of the home")
