"""Home Assistant's entities as devices, against what a real Home Assistant said."""

from typing import Any

import pytest

from edge_agent.drivers.devices import open_device
from tests.edge_agent.exchange import Replay, exchange
from tests.edge_agent.home_assistant.steps import AMERICAN_RECORDINGS, RECORDINGS, Steps

ALL = {**RECORDINGS, **AMERICAN_RECORDINGS}


@pytest.mark.parametrize(("name", "table", "steps"), [(name, *what) for name, what in ALL.items()])
async def test_exchange_as_it_was(name: str, table: dict[str, Any], steps: Steps) -> None:
    replay = Replay(exchange(f"home_assistant/{name}"))
    async with replay.serving() as port:
        at = {
            "kind": "home_assistant",
            "key": "x",
            "url": f"http://127.0.0.1:{port}",
            "token": "long-lived",
            "timeout_s": 5.0,
        }
        device = open_device({**at, **table})
        try:
            await steps(device)
        finally:
            await device.close()
    assert (replay.flaws, replay.lines) == ([], [])
