"""The hub and a real Home Assistant: `make home-assistant` installs one, `make test-all` tries it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from edge_agent.cem.home import Home
from edge_agent.cem.units import OwnUnit
from edge_agent.drivers.broker import Broker
from edge_agent.drivers.devices import open_device
from edge_agent.drivers.home_assistant.entities import HubEntities, PublishConfig
from edge_agent.rm.device import Device, DeviceError
from edge_agent.rm.manager import utc_now
from edge_agent.rm.runner import Pace
from edge_agent.rm.tasks import ended
from tests.edge_agent.home_assistant.real import (
    AMERICAN,
    METRIC,
    RealHomeAssistant,
    home_assistant,
    program,
)
from tests.edge_agent.home_assistant.steps import AMERICAN_RECORDINGS, RECORDINGS, Steps, reads
from tests.edge_agent.mosquitto import mosquitto
from tests.edge_agent.rm.scripted import until
from tests.exhaustive import exhaustive
from vpp.energy_manager.process_image import Setpoints

pytestmark = [
    exhaustive,
    pytest.mark.skipif(program() is None, reason="there is no Home Assistant: make home-assistant"),
]
PACE = Pace(poll_s=0.05, timeout_s=10.0, renewal_s=600.0, backoff_s=0.1, backoff_max_s=0.5)


def device_of(home: RealHomeAssistant, key: str, **table: Any) -> Device:
    at = {"kind": "home_assistant", "key": key, "url": home.url, "token": home.token, "timeout_s": 5.0}
    return open_device({**at, **table})


@pytest.mark.parametrize(
    ("units", "recordings"),
    [(METRIC, RECORDINGS), (AMERICAN, AMERICAN_RECORDINGS)],
    ids=["metric", "american"],
)
async def test_every_recorded_step(
    tmp_path: Path, units: dict[str, str], recordings: dict[str, tuple[dict[str, Any], Steps]]
) -> None:
    async with home_assistant(tmp_path, units=units) as home:
        for name, (table, steps) in recordings.items():
            device = device_of(home, name, **table)
            try:
                await steps(device)
            finally:
                await device.close()


async def test_restart(tmp_path: Path) -> None:
    async with home_assistant(tmp_path) as home:
        pump = device_of(home, "pump", **RECORDINGS["switch"][0])
        await pump.open()
    with pytest.raises(DeviceError):
        while await pump.read():
            await asyncio.sleep(0.05)
    async with home_assistant(tmp_path, again=home):
        await pump.write(0.8)
        assert (await reads(pump, 0.78)).temperature_c == 20.5
        await pump.close()


async def test_the_energy_manager_runs_them_by_their_control_types(tmp_path: Path) -> None:
    keys = {"switch": "plug", "battery": "cellar", "heater": "living"}
    async with home_assistant(tmp_path) as neighbor:
        devices = [device_of(neighbor, key, **RECORDINGS[name][0]) for name, key in keys.items()]
        home = Home([OwnUnit(device, clock=utc_now, pace=PACE) for device in devices])
        task = asyncio.create_task(home.run())
        try:
            assert await home.opened(20.0)
            await until(lambda: home.read(1_000).battery_soc == 0.555)
            assert {one.key: one.control_type for one in home.told()} == {
                "plug": "OPERATION_MODE_BASED_CONTROL",
                "cellar": "FILL_RATE_BASED_CONTROL",
                "living": "OPERATION_MODE_BASED_CONTROL",
            }
            home.write(Setpoints(battery_kw=-2.0))
            await until(lambda: home.read(2_000).battery_kw == -2.0)
            assert (await neighbor.state("number.battery_setpoint"))["state"] == "-2000.0"
            assert (await neighbor.state("select.battery_mode"))["state"] == "Remote"
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert (await neighbor.state("select.battery_mode"))["state"] == "Auto"


async def told(
    home: RealHomeAssistant, entity: str, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    async with asyncio.timeout(30.0):
        while not holds(said := await home.state(entity)):
            await asyncio.sleep(0.1)
    return said


async def test_the_hub_s_values_are_its_entities(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with home_assistant(tmp_path / "home") as home:
            flows = "/api/config/config_entries/flow"
            flow = await home.post(flows, handler="mqtt")
            made = await home.post(f"{flows}/{flow['flow_id']}", broker="127.0.0.1", port=broker.port)
            assert made["type"] == "create_entry"
            at = Broker(host="127.0.0.1", port=broker.port)
            entities = HubEntities(PublishConfig(broker=at, hub="home-7", name="My home", again_after_s=0.1))
            task = asyncio.create_task(entities.run())
            entities.show({"grid_kw": -1.25, "battery_soc": 0.555, "import_kwh": 12.5})
            grid = await told(home, "sensor.ores_home_7_grid_kw", lambda said: said.get("state") == "-1.25")
            assert grid["attributes"] == {
                "state_class": "measurement", "unit_of_measurement": "kW", "device_class": "power",
                "friendly_name": "My home Grid power",
            }  # fmt: skip
            soc = await home.state("sensor.ores_home_7_battery_soc")
            assert (soc["state"], soc["attributes"]["unit_of_measurement"]) == ("55.5", "%")
            bought = await home.state("sensor.ores_home_7_import_kwh")
            assert bought["attributes"]["state_class"] == "total_increasing"
            entities.show({"grid_kw": 0.5})
            await told(home, "sensor.ores_home_7_grid_kw", lambda said: said["state"] == "0.5")
            await told(home, "sensor.ores_home_7_battery_soc", lambda said: said["state"] == "unknown")
            await ended(task)
            await told(home, "sensor.ores_home_7_grid_kw", lambda said: said["state"] == "unavailable")
        said = home.log.read_text().splitlines()
        assert [line for line in said if "components.mqtt" in line or "template" in line] == []
