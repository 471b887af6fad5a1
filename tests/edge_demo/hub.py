"""The hub of the demo: the real program in a process of its own, with a configuration of four wires."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edge_agent.clock import Clock
from edge_agent.outbox import Decided
from vpp.intervals import from_ms

CYCLE_S = 30.0
RESERVE_SOC, MARGIN_SOC = 0.5, 0.1
REJOIN_S = (60.0, 300.0)
DEAR_FROM_H, DEAR_PRICE = 18, 0.42
_POLL_S = 0.05
_ENDS_S = 90.0
_TARIFF = [
    {"starts": "22:00", "ends": "06:00", "price": 0.19},
    {"starts": "06:00", "ends": f"{DEAR_FROM_H}:00", "price": 0.28},
    {"starts": f"{DEAR_FROM_H}:00", "ends": "22:00", "price": DEAR_PRICE},
]


def devices(*, hybrid: int, meter: int, wallbox: str, broker: int | None) -> list[dict[str, Any]]:
    """The device tables: a hybrid inverter is two devices at one address."""
    unit = {"kind": "sunspec", "host": "127.0.0.1", "timeout_s": 5.0}
    found: list[dict[str, Any]] = [
        {**unit, "key": "roof", "port": hybrid, "role": "inverter"},
        {**unit, "key": "cellar", "port": hybrid, "role": "battery"},
        {**unit, "key": "meter", "port": meter, "role": "meter"},
        {"kind": "s2", "url": wallbox, "backoff_s": 0.2, "settings": {"roles": {"Wallbox": "ev"}}},
    ]
    if broker is not None:
        found.append(
            {
                "kind": "mqtt", "key": "boiler", "convention": "tasmota", "role": "heater", "rated_kw": 1.0, "rest": "on",
                "topic": "boiler_9F21", "broker": {"host": "127.0.0.1", "port": broker}, "timeout_s": 5.0,
            }
        )  # fmt: skip
    return found


def config(folder: Path, tables: list[dict[str, Any]], *, cloud_url: str) -> dict[str, Any]:
    """What the hub is told; only the pace of the demo's devices and link is faster than a home's."""
    least_s, most_s = REJOIN_S
    return {
        "key": "home", "name": "Home", "data_dir": str(folder / "home"), "cloud_url": cloud_url, "cycle_s": CYCLE_S,
        "reserve_soc": RESERVE_SOC,
        "home": {"mode": "time_of_use", "tariff": _TARIFF},
        "island": {"shed_first": ["ev", "heat"], "margin_soc": MARGIN_SOC, "rejoin_least_s": least_s, "rejoin_most_s": most_s},
        "link": {"backoff_s": 0.2, "backoff_max_s": 1.0, "claim_poll_s": 0.5, "backfill_spread_s": 0.5},
        "driver": {"kind": "devices", "poll_s": _POLL_S, "devices": tables},
    }  # fmt: skip


class Hub:
    """The process, what it says, and what it decided."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self._database = folder / "home" / "hub.db"
        self._last = 0

    async def listen(self) -> None:
        """Keep its lines of progress until it ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.events.append(json.loads(line))

    def news(self) -> list[Decided]:
        """The decisions that were committed since the last call."""
        if not self._database.exists():
            return []
        sql = "SELECT id, at, resource, low_kw, high_kw, controller, reason FROM decision WHERE id > ? ORDER BY id"
        database = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=10.0)
        try:
            rows = database.execute(sql, (self._last,)).fetchall()
        except sqlite3.OperationalError:
            # Between the file and its tables, at the very start.
            return []
        finally:
            database.close()
        self._last = rows[-1][0] if rows else self._last
        return [Decided(*row[1:]) for row in rows]

    @property
    def rss_mb(self) -> float:
        """Its resident memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024.0 for line in lines if line.startswith("VmRSS"))


@asynccontextmanager
async def running(folder: Path, document: dict[str, Any], clock: Clock) -> AsyncIterator[Hub]:
    """Run `python -m edge_agent run` until the block ends."""
    path = folder / "hub.json"
    path.write_text(json.dumps(document))
    start = from_ms(clock.simulated_start_ms).isoformat()
    environment = {**os.environ, "ORES_CLOCK": f"{start}@{clock.machine_start_s}x{clock.scale}"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge_agent", "run", "--die-with-parent", "--config", str(path),
        stdout=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    hub = Hub(folder, process)
    listener = asyncio.create_task(hub.listen())
    try:
        yield hub
    finally:
        if process.returncode is None:
            process.terminate()
        # The hub ends by itself before that, whatever hangs, and says where.
        async with asyncio.timeout(_ENDS_S):
            await process.wait()
            await listener
