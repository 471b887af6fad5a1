"""A hub, started by its launcher, learns of a version, fetches and tries it, and tells how it went."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from apps.hubs.firmware.build import archive_build
from edge_agent.update.store import UpdateStore
from tests.edge_agent.cloud import Cloud, until
from tests.edge_agent.update.firmware import ROOT, Firmware, agent, hub_file
from vpp.protocols.link.update import UpdateAnswer, UpdateReport

LIMIT_S = 60.0


@asynccontextmanager
async def launched(hub: Path, cloud: Cloud, firmware: Firmware) -> AsyncIterator[None]:
    path = hub_file(hub, firmware, poll_s=0.3)
    document = msgspec.json.decode(path.read_bytes())
    document["cloud_url"] = cloud.url
    document["link"] = {"backoff_s": 0.05, "backoff_max_s": 0.2, "claim_poll_s": 0.1}
    path.write_bytes(msgspec.json.encode(document))
    cloud.firmware = firmware.served
    cloud.snapshot_interval_s = 0.2
    command = (sys.executable, "-P", "-m", "edge_agent.update.launcher", "--die-with-parent", "--config")
    with (hub / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, str(path), env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def last(cloud: Cloud) -> UpdateReport:
    return cloud.update_reports[-1] if cloud.update_reports else UpdateReport("")


async def test_a_wanted_version_is_fetched_tried_and_reported(tmp_path: Path, firmware: Firmware) -> None:
    firmware.publish("1.0.0")
    async with Cloud().running() as cloud, launched(tmp_path / "hub", cloud, firmware):
        await until(lambda: cloud.update_reports and cloud.hub.rows, LIMIT_S)
        assert last(cloud) == UpdateReport("0.1.0")
        assert "update" in cloud.hub.hellos[-1].features
        before = dict(cloud.hub.rows)
        cloud.update_answer = UpdateAnswer(wanted="1.0.0", poll_s=0.3)
        await until(lambda: last(cloud) == UpdateReport("1.0.0", phase="confirmed", slot="a"), LIMIT_S)
        assert cloud.hub.hellos[-1].agent_version == "1.0.0"
        await until(lambda: len(cloud.hub.rows) > len(before), LIMIT_S)
        assert {at: cloud.hub.rows[at] for at in before} == before
        waiting = [report.phase for report in cloud.update_reports]
        assert waiting[0] == "idle"
        assert "rolled_back" not in waiting


async def test_a_version_that_fails_is_reported_and_not_tried_again(
    tmp_path: Path, firmware: Firmware
) -> None:
    firmware.publish("1.0.0", archive_build(agent(firmware.folder, "1.0.0", broken="raise SystemExit(3)\n")))
    async with Cloud().running() as cloud, launched(tmp_path / "hub", cloud, firmware):
        cloud.update_answer = UpdateAnswer(wanted="1.0.0", poll_s=0.3)
        failed = UpdateReport(
            "0.1.0", phase="rolled_back", failed_version="1.0.0", reason="the agent ended with 3"
        )
        await until(lambda: last(cloud) == failed, LIMIT_S)
        reports = len(cloud.update_reports)
        await until(lambda: len(cloud.update_reports) > reports + 3, LIMIT_S)
        assert {report.phase for report in cloud.update_reports[reports:]} == {"rolled_back"}
        assert UpdateStore(tmp_path / "hub" / "updates").read().failed_version == "1.0.0"


async def test_what_hinders_a_download_is_reported(tmp_path: Path, firmware: Firmware) -> None:
    firmware.publish("1.0.0")
    firmware.expire()
    async with Cloud().running() as cloud, launched(tmp_path / "hub", cloud, firmware):
        cloud.update_answer = UpdateAnswer(wanted="1.0.0", poll_s=0.3)
        await until(lambda: "ExpiredMetadataError" in last(cloud).problem, LIMIT_S)
        assert (last(cloud).version, last(cloud).phase, last(cloud).failed_version) == ("0.1.0", "idle", "")
