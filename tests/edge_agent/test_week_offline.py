"""A week without the cloud, at a row a minute: afterwards all of it is there, once, and the present never waited."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_agent.config import HubConfig, hub_config
from edge_agent.link.websocket import WebSocketLink
from edge_agent.outbox import Outbox
from edge_agent.provisioning import Provisioner, load_identity
from tests.edge_agent.cloud import Cloud, until
from tests.edge_agent.test_agent import MINUTE, NOON
from vpp.energy_manager.process_image import ProcessImage
from vpp.protocols.link.hub import WINDOW
from vpp.protocols.link.messages import Check, DeviceOrder, Hello, Instruction, Welcome

WEEK = 7 * 24 * 60
CYCLE_S = 1.0


class OfflineHub:
    """A hub as its link sees it, without a home."""

    def __init__(self, folder: Path, cloud: Cloud) -> None:
        self.config: HubConfig = hub_config(
            {"key": "week", "cloud_url": cloud.url, "data_dir": str(folder), "driver": {}}
            | {"link": {"claim_poll_s": 0.05, "backfill_spread_s": 0.0}}
        )
        self.outbox = Outbox(folder / "hub.db")
        self.emit: Callable[..., None] = lambda event, **facts: None
        self._provisioner = Provisioner(self.config, load_identity(folder), emit=self.emit)
        self.minute = 0
        self.stored_when_measured: dict[int, int] = {}

    def measure(self) -> None:
        at = NOON + self.minute * MINUTE
        self.outbox.add_row(
            ProcessImage(at=at, grid_kw=1.0, import_kwh=self.minute / 60, export_kwh=0.0, load_kw=1.0)
        )
        self.outbox.commit()
        self.minute += 1

    async def token(self) -> str:
        return await self._provisioner.token()

    def forget_token(self) -> None:
        self._provisioner.forget_token()

    def hello(self) -> Hello:
        return Hello(self._provisioner.hub_id, self.outbox.boot_id, self.outbox.first_unacked())

    def welcomed(self, welcome: Welcome) -> None: ...
    def heard(self) -> None: ...
    def acknowledged(self) -> None: ...
    def received(self, instruction: Instruction) -> None: ...
    def asked(self, check: Check) -> None: ...
    def ordered(self, order: DeviceOrder) -> None: ...


async def test_week_is_there_once_and_the_present_waits_for_no_more_than_what_is_on_its_way(
    tmp_path: Path,
) -> None:
    async with Cloud().running() as cloud:
        hub = OfflineHub(tmp_path, cloud)
        for _ in range(WEEK):
            hub.measure()
        assert hub.outbox.waiting("backfill") == WEEK // 60
        link = WebSocketLink(hub)
        task = asyncio.create_task(link.run())
        behind: list[tuple[int, float]] = []
        try:
            await until(lambda: link.connected)
            while hub.outbox.waiting("backfill"):
                behind.append(await _behind(hub, cloud, link))
            await until(lambda: len(cloud.hub.rows) == hub.minute)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            hub.outbox.close()
        messages: list[Any] = [
            one for one in cloud.hub.messages if hasattr(one, "at") and not hasattr(one, "state")
        ]
        instants = [at for message in messages for at in message.at]
    assert sorted(instants) == [NOON + minute * MINUTE for minute in range(hub.minute)]
    assert len(behind) > 0
    assert max(count for count, _ in behind) <= WINDOW["backfill"] + 1
    assert max(waited_s for _, waited_s in behind) <= CYCLE_S


async def _behind(hub: OfflineHub, cloud: Cloud, link: WebSocketLink) -> tuple[int, float]:
    """How many messages, all of them old, came between a measurement and its arrival, and how long that took [s]."""
    before = len(cloud.hub.stored)
    hub.measure()
    began_s = time.monotonic()
    link.wake()
    at = NOON + (hub.minute - 1) * MINUTE
    await until(lambda: at in cloud.hub.rows)
    count = [lane for _, lane, _ in cloud.hub.stored[before:]].index("live")
    return count, time.monotonic() - began_s
