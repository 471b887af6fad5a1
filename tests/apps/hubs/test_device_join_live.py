"""From a real plant to the owner's page and back: found, reported, added with one click, measured."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from django.test import Client

from apps.hubs.models import DeviceProposal, DeviceReport
from apps.sites.models import Resource, Site
from apps.telemetry.selectors import latest_by_site
from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link, until, until_gone
from tests.edge_agent.sunspec_plant import OldPlant
from tests.exhaustive import exhaustive

# It was seen to fail on a loaded machine: the plant, the hub and the servers share one process and its two cores.
pytestmark = [COMMITTED, exhaustive]


class House:
    """A hub and a plant, on an event loop of their own."""

    def __init__(self, link: Link, folder: Path) -> None:
        self.plant = OldPlant()
        self._link, self._folder = link, folder
        self.agent: Agent | None = None
        self.code = ""

    @contextlib.asynccontextmanager
    async def _living(self) -> AsyncIterator[None]:
        async with self.plant.serving() as port:
            document = {
                "key": "home",
                "cloud_url": f"http://127.0.0.1:{self._link.port}",
                "data_dir": str(self._folder / "hub"),
                "cycle_s": 5.0,
                "clock_tolerance_s": 1e6,
                "link": {"claim_poll_s": 0.1, "backoff_s": 0.05, "backfill_spread_s": 0.0},
                "driver": {"kind": "devices", "poll_s": 0.2, "timeout_s": 3.0},
                "discovery": {
                    "least_s": 0.1,
                    "sunspec": {"addresses": ["127.0.0.1"], "port": port},
                },
            }
            # An hour ago and twenty times as fast: the cloud wants a row a minute.
            clock = Clock(int(time.time() * 1000) - 3_600_000, time.time(), 20.0)
            self.agent = Agent(hub_config(document), clock, emit=self._emit)
            task = asyncio.create_task(self.agent.run())
            try:
                yield
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _emit(self, event: str, **facts: object) -> None:
        if event == "registered":
            self.code = str(facts["claim_code"])

    @contextlib.contextmanager
    def living(self) -> Iterator["House"]:
        """Live in a thread until left."""
        loop, over = asyncio.new_event_loop(), asyncio.Event()

        async def live() -> None:
            async with self._living():
                await over.wait()

        thread = threading.Thread(target=lambda: loop.run_until_complete(live()))
        thread.start()
        try:
            yield self
        finally:
            loop.call_soon_threadsafe(over.set)
            thread.join(30)
            loop.close()
        assert not thread.is_alive()


@pytest.fixture
def site(link: Link) -> Site:
    return factories.make_site(organization=factories.make_organization(), battery=None)


def states(site: Site) -> dict[str, str]:
    return dict(DeviceProposal.objects.filter(site=site).values_list("part", "state"))


def measured_pv_kw(site: Site) -> float | None:
    row = latest_by_site(site_ids=[site.pk]).get(site.pk)
    return row.pv_kw if row else None


def click(owner: Client, site: Site, act: str) -> None:
    held = DeviceProposal.objects.get(site=site, part="inverter")
    answer = owner.post(f"/sites/{site.pk}/devices/found/{held.pk}", {"act": act})
    assert (answer.status_code, answer["Location"]) == (302, f"/sites/{site.pk}/devices/")


def test_a_plant_is_found_added_in_the_portal_and_measured(link: Link, site: Site, tmp_path: Path) -> None:
    user = factories.make_owner(site=site)
    owner = Client()
    owner.force_login(user)
    with House(link, tmp_path).living() as house:
        until(lambda: house.code, 20)
        claimed = owner.post(f"/sites/{site.pk}/hub/", {"code": house.code})
        assert claimed.status_code == 302
        until(lambda: states(site) == {"inverter": "proposed", "battery": "proposed"}, 30)
        assert b"Acme Home 8" in owner.get(f"/sites/{site.pk}/devices/").content
        click(owner, site, "add")
        until(lambda: states(site) == {"inverter": "joined", "battery": "proposed"}, 30)
        until(lambda: measured_pv_kw(site) == -6.0, 30)
        until(lambda: Resource.objects.filter(site=site, key="pv").exists(), 30)
        until(
            lambda: [one["state"] for one in DeviceReport.objects.get(hub__site=site).devices] == ["running"],
            30,
        )
        page = owner.get(f"/sites/{site.pk}/devices/").content.decode()
        assert "6.00 kW producing" in page
        click(owner, site, "remove")
        until(lambda: states(site) == {"inverter": "dismissed", "battery": "proposed"}, 30)
    # The hub is away: what the owner wants waits for it.
    until_gone(site)
    click(owner, site, "add")
    assert states(site)["inverter"] == "accepted"
    assert b"waits for your hub" in owner.get(f"/sites/{site.pk}/devices/").content
    again = House(link, tmp_path)
    with again.living():
        until(lambda: states(site)["inverter"] in {"joined", "failed"}, 30)
        # The plant is on another port now: what was accepted is gone.
        held = DeviceProposal.objects.get(site=site, part="inverter", state="failed")
        assert held.state_reason == "the hub does not find this device any more"
    until_gone(site)
