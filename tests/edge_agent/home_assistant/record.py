"""Record what the driver and a real Home Assistant say to each other into tests/data/home_assistant.

`python -m tests.edge_agent.home_assistant.record`, after `make home-assistant`; `--install` installs instead what its
parts require, by a first start.
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from edge_agent.drivers.devices import open_device
from edge_agent.drivers.home_assistant.client import api_url
from tests.edge_agent.exchange import Recorder
from tests.edge_agent.home_assistant.real import AMERICAN, METRIC, RealHomeAssistant, home_assistant
from tests.edge_agent.home_assistant.steps import AMERICAN_RECORDINGS, RECORDINGS, Steps


async def record(home: RealHomeAssistant, name: str, table: dict[str, Any], steps: Steps) -> None:
    recorder = Recorder(api_url(home.url), token=home.token)
    async with recorder.serving() as port:
        at = {"kind": "home_assistant", "key": "x", "url": f"http://127.0.0.1:{port}", "token": home.token}
        device = open_device({**at, "timeout_s": 5.0, **table})
        try:
            await steps(device)
        finally:
            await device.close()
            recorder.write(f"home_assistant/{name}")
    print(f"{name}: {len(recorder.lines)} frames")


async def main(folder: Path) -> None:
    if "--install" in sys.argv:
        async with home_assistant(folder / "first", installs=True) as home:
            print(f"Home Assistant {(await home.ask('get_config'))['version']} is installed")
        return
    for units, recordings in ((METRIC, RECORDINGS), (AMERICAN, AMERICAN_RECORDINGS)):
        async with home_assistant(folder / units["ORES_TEST_UNITS"], units=units) as home:
            for name, (table, steps) in recordings.items():
                await record(home, name, table, steps)


with tempfile.TemporaryDirectory(prefix="home-assistant-") as folder:
    asyncio.run(main(Path(folder)))
