"""A hub that is told to end does so, whatever comes at the same moment."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.asyncio.client import ClientConnection

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import HubConfig, hub_config
from edge_agent.drivers.simulator.fleet import fleet
from edge_agent.link.websocket import WebSocketLink
from ores_cloud.local import ROOT
from tests.edge_agent.cloud import Cloud, until
from vpp.protocols.link.hub import HubSession

NOON = 1_776_938_400_000
# A hub with something in it that never hears that it is to end.
DEAF = """
import asyncio, contextlib, sys
import edge_agent.__main__ as program

class Deaf(program.Agent):
    async def run(self):
        self.emit("deaf")
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

program.Agent, program.MOST_TO_END_S = Deaf, 0.2
sys.exit(program.main())
"""


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    async with Cloud().running() as running:
        yield running


def document(tmp_path: Path, cloud_url: str) -> dict[str, Any]:
    return {
        "key": "home",
        "cloud_url": cloud_url,
        "data_dir": str(tmp_path / "home"),
        "cycle_s": 15.0,
        "driver": msgspec.to_builtins(fleet()[1].home),
        "link": {"backoff_s": 0.02, "backoff_max_s": 0.1, "claim_poll_s": 0.05},
    }


def config(tmp_path: Path, cloud_url: str) -> HubConfig:
    return hub_config(document(tmp_path, cloud_url))


async def test_the_link_ends_although_it_was_just_leaving_a_lost_connection(
    tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving, send = asyncio.Event(), WebSocketLink._send

    async def slowly(link: WebSocketLink, socket: ClientConnection, session: HubSession) -> None:
        try:
            await send(link, socket, session)
        finally:
            leaving.set()
            await asyncio.sleep(0.3)

    monkeypatch.setattr(WebSocketLink, "_send", slowly)
    agent = Agent(
        config(tmp_path, cloud.url), Clock(NOON, time.time(), 600.0), emit=lambda event, **facts: None
    )
    life = asyncio.create_task(agent.run())
    await until(lambda: bool(cloud.hubs) and cloud.hub.socket is not None, timeout_s=60.0)
    assert cloud.hub.socket is not None
    await cloud.hub.socket.close()
    await asyncio.wait_for(leaving.wait(), 60.0)
    [link] = [one for one in asyncio.all_tasks() if one.get_name() == "WebSocketLink home"]
    link.cancel()
    await asyncio.wait({link}, timeout=20.0)
    assert link.cancelled()
    life.cancel()
    await asyncio.wait({life}, timeout=60.0)
    assert life.cancelled()


def test_a_program_that_hangs_ends_by_itself_and_tells_where(tmp_path: Path) -> None:
    path = tmp_path / "hub.json"
    path.write_text(json.dumps(document(tmp_path, "")))
    process = subprocess.Popen(
        [sys.executable, "-c", DEAF, "run", "--config", str(path)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "deaf"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.startswith("Timeout (0:00:00.2")
    assert "asyncio/runners.py" in said
