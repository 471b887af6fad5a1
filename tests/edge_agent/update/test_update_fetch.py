"""Nothing gets into a slot that was not signed for this hub, whatever the server says."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from apps.hubs.firmware.errors import FirmwareError
from edge_agent.update.fetch import fetch
from edge_agent.update.state import UpdateState
from edge_agent.update.store import UpdateStore
from tests.edge_agent.update.firmware import Firmware
from tests.edge_agent.update.test_update_archive import tar
from vpp.protocols.link.update import ring_position

SMALL = tar(("edge_agent/__main__.py", b"print('new')\n"))


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    return tmp_path / "hub"


def state(hub: Path) -> UpdateState:
    return UpdateStore(hub / "updates").read()


def slots(hub: Path) -> list[str]:
    return sorted(path.name for path in (hub / "updates" / "slots").iterdir())


def test_a_signed_version_lies_in_the_spare_slot(firmware: Firmware, hub: Path) -> None:
    firmware.publish("1.0.0", SMALL)
    assert fetch(firmware.order(hub, "1.0.0")).problem == ""
    assert state(hub) == UpdateState(phase="downloaded", candidate="a", candidate_version="1.0.0")
    assert (hub / "updates" / "slots" / "a" / "edge_agent" / "__main__.py").read_bytes() == b"print('new')\n"
    assert not (hub / "updates" / "downloads" / "archive").exists()
    firmware.publish("1.1.0", SMALL)
    assert "waits or is on trial" in fetch(firmware.order(hub, "1.1.0")).problem


def refused(firmware: Firmware, hub: Path, version: str, **order: Any) -> str:
    """The reason for which a version is given up for good."""
    assert fetch(firmware.order(hub, version, **order)).problem == ""
    held = state(hub)
    assert (held.phase, held.failed_version, slots(hub)) == ("idle", version, [])
    return held.reason


def hindered(firmware: Firmware, hub: Path, version: str = "1.0.0", **order: Any) -> str:
    """What hinders a download that will be tried again."""
    problem = fetch(firmware.order(hub, version, **order)).problem
    assert (state(hub).phase, state(hub).failed_version, slots(hub)) == ("idle", "", [])
    return problem


def test_other_hardware_older_versions_and_outer_rings_are_refused(firmware: Firmware, hub: Path) -> None:
    firmware.publish("1.0.0", SMALL, hardware=["pi4", "pi5"])
    assert refused(firmware, hub, "1.0.0") == "version 1.0.0 is not for hardware 'generic'"
    firmware.publish("0.0.9", SMALL)
    assert refused(firmware, hub, "0.0.9") == "version 0.0.9 is not newer than 0.1.0, which runs"
    firmware.publish("1.1.0", SMALL, ring=ring_position(firmware.order(hub, "1.1.0").hub_id) / 2)
    assert "was signed for the first" in refused(firmware, hub, "1.1.0")
    assert fetch(firmware.order(hub, "1.1.0", test_hub=True)).problem == ""
    assert state(hub).phase == "downloaded"


def test_archives_without_an_agent_or_with_a_way_out_are_refused(firmware: Firmware, hub: Path) -> None:
    firmware.publish("1.0.0", tar(("readme", b"hello")))
    assert refused(firmware, hub, "1.0.0") == "there is no agent in the archive"
    firmware.publish("1.1.0", tar(("../../out", b"1")))
    assert "lies outside" in refused(firmware, hub, "1.1.0")
    assert not (hub / "out").exists()


def test_changed_archives_are_refused(firmware: Firmware, hub: Path) -> None:
    firmware.publish("1.0.0", SMALL)
    (file,) = firmware.repository.targets.glob("*.archive")
    file.write_bytes(SMALL[:-1] + bytes([SMALL[-1] ^ 1]))
    assert "LengthOrHashMismatchError" in hindered(firmware, hub)
    file.write_bytes(SMALL + b"more")
    assert "DownloadLengthMismatchError" in hindered(firmware, hub)
    file.unlink()
    assert "404" in hindered(firmware, hub)


def test_metadata_that_nobody_signed_is_refused(firmware: Firmware, hub: Path) -> None:
    firmware.publish("1.0.0", SMALL)
    newest = max(
        firmware.repository.metadata.glob("*.targets.json"), key=lambda path: int(path.name.split(".")[0])
    )
    newest.write_text(newest.read_text().replace("generic", "generix"))
    assert "UnsignedMetadataError" in hindered(firmware, hub)


def test_metadata_that_ran_out_is_refused(firmware: Firmware, hub: Path) -> None:
    firmware.publish("1.0.0", SMALL)
    firmware.expire()
    assert "ExpiredMetadataError" in hindered(firmware, hub)


def test_the_repository_cannot_go_back(firmware: Firmware, hub: Path) -> None:
    old = (firmware.repository.metadata / "timestamp.json").read_bytes()
    firmware.publish("1.0.0", SMALL, hardware=["other"])
    refused(firmware, hub, "1.0.0")
    firmware.publish("1.1.0", SMALL)
    (firmware.repository.metadata / "timestamp.json").write_bytes(old)
    problem = fetch(firmware.order(hub, "1.1.0")).problem
    assert "BadVersionNumberError" in problem or "version 1.1.0 is not in the repository" in problem
    assert slots(hub) == []


def test_another_repositorys_root_is_not_trusted(firmware: Firmware, hub: Path, tmp_path: Path) -> None:
    other = Firmware(tmp_path / "other")
    try:
        firmware.publish("1.0.0", SMALL)
        assert "Unsigned" in hindered(firmware, hub, root_file=str(other.root_file))
    finally:
        other.close()


def test_without_token_version_or_server_nothing_happens(firmware: Firmware, hub: Path) -> None:
    firmware.publish("1.0.0", SMALL)
    assert "401" in hindered(firmware, hub, token="other")
    assert hindered(firmware, hub, "2.0.0") == "version 2.0.0 is not in the repository"
    assert "is no version" in hindered(firmware, hub, "../../1.0.0")
    assert "No such file" in hindered(firmware, hub, root_file=str(hub / "none.json"))
    firmware.close()
    assert "DownloadError" in hindered(firmware, hub)


def test_root_keys_rotate_with_two_of_three_signatures(firmware: Firmware, hub: Path) -> None:
    repository, now = firmware.repository, datetime.now(UTC)
    with pytest.raises(FirmwareError, match="2 of its keys"):
        repository.sign_root(["root-1", "root-1"], now=now)
    lost = (firmware.folder / "keys" / "root-3.pem").read_bytes()
    assert repository.sign_root(["root-1", "root-2"], now=now, replace="root-3").name == "2.root.json"
    assert (firmware.folder / "keys" / "root-3.pem").read_bytes() != lost
    assert repository.sign_root(["root-2", "root-3"], now=now).name == "3.root.json"
    firmware.publish("1.0.0", SMALL)
    assert fetch(firmware.order(hub, "1.0.0")).problem == ""
    assert state(hub).phase == "downloaded"


def test_a_root_with_one_signature_is_not_followed(firmware: Firmware, hub: Path) -> None:
    firmware.repository.sign_root(["root-1", "root-2"], now=datetime.now(UTC))
    path = firmware.repository.metadata / "2.root.json"
    document = json.loads(path.read_text())
    document["signatures"] = document["signatures"][:1]
    path.write_text(json.dumps(document))
    firmware.publish("1.0.0", SMALL)
    assert "Unsigned" in hindered(firmware, hub)


def test_a_version_is_published_once(firmware: Firmware) -> None:
    firmware.publish("1.0.0", SMALL)
    with pytest.raises(FirmwareError, match="published already"):
        firmware.publish("1.0.0", SMALL + b"2")
    firmware.repository.withdraw("1.0.0", now=datetime.now(UTC))
    assert firmware.repository.published() == {}
