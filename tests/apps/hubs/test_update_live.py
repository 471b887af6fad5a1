"""A real hub process at the platform's own update door: offered, fetched, verified, tried, kept; and the way back."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client

from apps.accounts.models import Organization
from apps.hubs.firmware.build import archive_build
from apps.hubs.firmware.repository import FirmwareRepository, ReleaseFile
from apps.hubs.models import Campaign, Hub, HubUpdate
from apps.hubs.update_services import campaign_start, campaign_stop, releases_sync
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link, until, until_gone
from tests.edge_agent.update.firmware import ROOT, agent, hub_file
from tests.exhaustive import exhaustive

# Three agents are started one after the other, each a process.
pytestmark = [COMMITTED, exhaustive]
LIMIT_S = 120.0


class House:
    """A hub's folder, its launcher, and what it prints."""

    def __init__(self, folder: Path, *, port: int, root_file: Path) -> None:
        self.log = folder / "log"
        self._path = hub_file(folder, root_file=str(root_file), poll_s=0.3, healthy_within_s=60.0)
        document = msgspec.json.decode(self._path.read_bytes())
        document["cloud_url"] = f"http://127.0.0.1:{port}"
        document["link"] = {"backoff_s": 0.05, "backoff_max_s": 0.2, "claim_poll_s": 0.1}
        self._path.write_bytes(msgspec.json.encode(document))

    @contextlib.contextmanager
    def living(self) -> Iterator[None]:
        command = [sys.executable, "-P", "-m", "edge_agent.update.launcher", "--die-with-parent", "--config"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [*command, str(self._path)],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

    def code(self) -> str:
        """The claim code it shows, once it does."""
        lines = [line for line in self.log.read_bytes().splitlines() if line.startswith(b"{")]
        shown = [facts for line in lines if (facts := msgspec.json.decode(line))["event"] == "registered"]
        return str(shown[-1]["claim_code"]) if shown else ""


@pytest.fixture
def repository(tmp_path: Path, settings: Any) -> FirmwareRepository:
    """Two signed releases: one that works, one whose agent ends at once."""
    made = FirmwareRepository(tmp_path / "repository", tmp_path / "keys")
    now = datetime.now(UTC)
    made.init(now=now)
    for version, broken in (("1.0.0", ""), ("1.1.0", "raise SystemExit(3)\n")):
        content = archive_build(agent(tmp_path, version, broken=broken))
        made.publish(ReleaseFile(version, content), now=now)
    settings.FIRMWARE_REPOSITORY = str(tmp_path / "repository")
    releases_sync(published=made.published(), now=now)
    return made


def offer(organization: Organization, hub: Hub, version: str) -> Campaign:
    return campaign_start(
        organization=organization, version=version, test_hubs=[hub.pk], actor="olga@example.org", now=datetime.now(UTC)
    )  # fmt: skip


def state(campaign: Campaign) -> tuple[str, str]:
    held = HubUpdate.objects.get(campaign=campaign)
    return held.state, held.reason


def test_an_offered_release_is_kept_if_it_works_and_taken_back_if_not(
    link: Link, repository: FirmwareRepository, tmp_path: Path
) -> None:
    organization = factories.make_organization()
    site = factories.make_site(organization=organization, battery=None)
    owner = Client()
    owner.force_login(factories.make_owner(site=site))
    house = House(tmp_path / "hub", port=link.port, root_file=repository.metadata / "1.root.json")
    with house.living():
        until(house.code, LIMIT_S)
        assert owner.post(f"/sites/{site.pk}/hub/", {"code": house.code()}).status_code == 302
        until(lambda: Hub.objects.filter(site=site, features__contains="update").exists(), LIMIT_S)
        hub = Hub.objects.get(site=site)
        assert hub.agent_version == "0.1.0"

        good = offer(organization, hub, "1.0.0")
        until(lambda: state(good)[0] == "healthy", LIMIT_S)
        hub.refresh_from_db()
        assert hub.agent_version == "1.0.0"
        campaign_stop(campaign=good, actor="olga@example.org", reason="enough", now=datetime.now(UTC))

        bad = offer(organization, hub, "1.1.0")
        until(lambda: state(bad)[0] == "failed", LIMIT_S)
        assert state(bad) == ("failed", "the agent ended with 3")
        until(lambda: Hub.objects.get(pk=hub.pk).agent_version == "1.0.0", LIMIT_S)
    until_gone(site)
    assert (state(good)[0], HubUpdate.objects.filter(hub=hub).count()) == ("healthy", 2)
