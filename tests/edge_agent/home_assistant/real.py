"""A real Home Assistant of its own for a test, on this machine alone."""

import asyncio
import os
import shutil
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from hass_client.client import HomeAssistantClient
from hass_client.exceptions import CannotConnect
from hass_client.utils import get_long_lived_token, get_token, get_websocket_url

from ores_cloud.local import ROOT
from tests.edge_agent.mosquitto import free_port

INSTALLED = ROOT / ".ores" / "home-assistant"
CONFIGURATION = Path(__file__).with_name("configuration.yaml")
WHO = {"username": "owner", "password": "a home of its own"}
METRIC = {
    "ORES_TEST_UNITS": "metric",
    "ORES_TEST_DEGREE": "°C",
    "ORES_TEST_DEGREES": "20.5",
    "ORES_TEST_TARGET": "21",
}
AMERICAN = {
    "ORES_TEST_UNITS": "us_customary", "ORES_TEST_DEGREE": "°F", "ORES_TEST_DEGREES": "68", "ORES_TEST_TARGET": "70",
}  # fmt: skip


def program() -> Path | None:
    """Home Assistant's program: ORES_HOME_ASSISTANT, else what `make home-assistant` installed."""
    named = os.environ.get("ORES_HOME_ASSISTANT")
    found = Path(named) if named else INSTALLED / "bin" / "hass"
    return found if found.is_file() else None


@dataclass
class RealHomeAssistant:
    """Where it is, the hub's token, and what it says of itself."""

    url: str
    token: str = ""
    log: Path = Path()

    async def ask(self, command: str, **more: Any) -> Any:
        """One command of the WebSocket API."""
        async with HomeAssistantClient(get_websocket_url(self.url), self.token) as client:
            return await client.send_command(command, **more)

    async def state(self, entity: str) -> dict[str, Any]:
        """What an entity says, `{}` if it is not there."""
        states: list[dict[str, Any]] = await self.ask("get_states")
        return next((one for one in states if one["entity_id"] == entity), {})

    async def serve(self, entity: str, service: str, **data: Any) -> None:
        """Call a service, as the owner would."""
        await self.ask(
            "call_service",
            domain=entity.partition(".")[0],
            service=service,
            service_data=data,
            target={"entity_id": entity},
        )

    async def post(self, path: str, **body: Any) -> Any:
        """One POST of the REST API."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(f"{self.url}{path}", json=body) as answer:
                if answer.status >= 400:
                    raise RuntimeError(f"{path}: {answer.status} {await answer.text()}")
                return await answer.json()


@asynccontextmanager
async def home_assistant(
    folder: Path,
    *,
    units: dict[str, str] = METRIC,
    again: RealHomeAssistant | None = None,
    installs: bool = False,
) -> AsyncIterator[RealHomeAssistant]:
    """Run one until the block ends; `installs` lets it install what its parts require.

    `again` starts one that ran in this folder, at the same address.
    """
    found = program()
    assert found is not None, "make home-assistant installs one"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(CONFIGURATION, folder)
    port = (urlsplit(again.url).port if again else None) or free_port()
    settings = {**os.environ, **units, "ORES_TEST_PORT": str(port)}
    home = again or RealHomeAssistant(f"http://127.0.0.1:{port}", log=folder / "said.log")
    if again is None:
        add = ("--script", "auth", "-c", str(folder), "add", WHO["username"], WHO["password"])
        await _run(found, *add, settings=settings)
    with home.log.open("wb") as said:
        more = () if installs else ("--skip-pip",)
        process = await asyncio.create_subprocess_exec(
            found, "-c", folder, *more, env=settings, stdout=said, stderr=said
        )
        try:
            await _ready(home, process, within_s=600.0 if installs else 120.0)
            yield home
        finally:
            await _ended(process)


async def _run(found: Path, *words: str, settings: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        found, *words, env=settings, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def _ready(home: RealHomeAssistant, process: Process, *, within_s: float) -> None:
    """Sign in once it listens, and wait until all of it runs."""
    async with asyncio.timeout(within_s):
        while process.returncode is None:
            try:
                home.token = home.token or await _signed_in(home)
                if (await home.ask("get_config"))["state"] == "RUNNING":
                    return
            except (aiohttp.ClientError, CannotConnect, OSError):
                pass
            await asyncio.sleep(0.2)
    raise RuntimeError(f"Home Assistant ended: {home.log.read_text()[-2000:]}")


async def _signed_in(home: RealHomeAssistant) -> str:
    """A long-lived token by the way a person takes: sign in, then make one."""
    client = {"client_id": home.url}
    flow = await home.post(
        "/auth/login_flow", **client, handler=["homeassistant", None], redirect_uri=home.url
    )
    done = await home.post(f"/auth/login_flow/{flow['flow_id']}", **client, **WHO)
    tokens = await get_token(home.url, done["result"], home.url)
    return str(await get_long_lived_token(home.url, tokens["access_token"], "hub", "mdi:home"))


async def _ended(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(30.0):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
