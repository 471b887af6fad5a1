"""From the owner's button to a paired device: a real hub with a pairing table, the link, the page, and a device that pairs."""

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.hubs.models import DevicePairing, Hub
from apps.sites.models import Site
from edge_agent.agent import Agent
from edge_agent.cem.home import Home
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from edge_agent.drivers.s2.pairing import PairingServer
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link, until, until_gone
from tests.edge_agent.cem.test_pairing_server import Device, certificate
from tests.exhaustive import exhaustive

__all__ = ["certificate"]
pytestmark = [COMMITTED, exhaustive]


class House:
    """A hub on an event loop of its own; `call` runs something there."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.loop, self.over = asyncio.new_event_loop(), asyncio.Event()
        self.claim_code = ""
        self._document = document
        self.agent: Agent | None = None

    def _emit(self, event: str, **facts: object) -> None:
        if event == "registered":
            self.claim_code = str(facts["claim_code"])

    async def _live(self) -> None:
        clock = Clock(int(time.time() * 1000), time.time(), 1.0)
        self.agent = Agent(hub_config(self._document), clock, emit=self._emit)
        task = asyncio.create_task(self.agent.run())
        await self.over.wait()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    @contextlib.contextmanager
    def living(self) -> Iterator["House"]:
        thread = threading.Thread(target=lambda: self.loop.run_until_complete(self._live()))
        thread.start()
        try:
            yield self
        finally:
            self.loop.call_soon_threadsafe(self.over.set)
            thread.join(30)
            self.loop.close()

    def pair(self, authority: str, code: str) -> str:
        """Have a device pair, with what was read on the page."""
        assert self.agent is not None
        assert isinstance(self.agent.driver, Home)
        (server,) = self.agent.driver.code_showers()
        assert isinstance(server, PairingServer)
        device = Device(server.port, authority)
        return asyncio.run_coroutine_threadsafe(device.pair(code), self.loop).result(30)


@pytest.fixture
def site(link: Link) -> Site:
    return factories.make_site(organization=factories.make_organization(), battery=None)


def test_owner_reads_a_code_and_a_device_pairs_with_it(
    link: Link, site: Site, tmp_path: Path, certificate: tuple[str, str]
) -> None:
    secure = {"certificate": certificate[0], "key": certificate[1]}
    pairing = {**secure, "node_id": "hub-1", "kept": str(tmp_path / "paired.json"), "url": "wss://hub.local/"}
    house = House(
        {
            "key": "home", "cloud_url": f"http://127.0.0.1:{link.port}", "data_dir": str(tmp_path / "hub"),
            "cycle_s": 0.5, "clock_tolerance_s": 1e9,
            "link": {"claim_poll_s": 0.1, "backoff_s": 0.05, "backfill_spread_s": 0.0},
            "driver": {"kind": "devices", "devices": [{"kind": "s2", **secure, "pairing": pairing}]},
        }
    )  # fmt: skip
    owner, page = Client(), f"/sites/{site.pk}/devices/"
    owner.force_login(factories.make_owner(site=site))

    def shown() -> str:
        return owner.get(page).content.decode()

    def read_code() -> str:
        found = re.search(r'<p class="code">([^<]+)</p>', shown())
        return found.group(1) if found else ""

    with house.living():
        until(lambda: house.claim_code, 20)
        assert owner.post(f"/sites/{site.pk}/hub/", {"code": house.claim_code}).status_code == 302
        until(lambda: Hub.objects.filter(site=site, features__contains="pairing").exists(), 30)
        assert owner.post(f"{page}pair").status_code == 302
        until(read_code, 30)
        code = read_code()
        assert house.pair(certificate[0], code)
        until(lambda: "battery was paired on" in shown(), 30)
    until_gone(site)
    held = DevicePairing.objects.get()
    assert (held.state, held.node, held.sealed_code) == ("paired", "battery", "")
    assert code not in shown()
