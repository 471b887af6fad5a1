"""The signed word on what is newest does not run out: a task signs it anew with the two online keys."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.hubs.firmware.errors import FirmwareError
from apps.hubs.firmware.repository import FirmwareRepository
from apps.hubs.firmware.services import firmware_keep_fresh
from apps.hubs.tasks import refresh_firmware

NOW = datetime(2026, 6, 17, 12, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """A repository made now, of whose keys the platform holds the two that it needs."""
    FirmwareRepository(tmp_path / "repository", tmp_path / "keys").init(now=NOW)
    (tmp_path / "online").mkdir(mode=0o700)
    for name in ("snapshot", "timestamp"):
        shutil.copy(tmp_path / "keys" / f"{name}.pem", tmp_path / "online")
    settings.FIRMWARE_REPOSITORY = str(tmp_path / "repository")
    settings.FIRMWARE_KEYS = str(tmp_path / "online")
    return tmp_path


def word(folder: Path) -> tuple[int, int, str]:
    """Version of the timestamp, of the snapshot it names, and until when it is good."""
    signed = json.loads((folder / "repository" / "metadata" / "timestamp.json").read_bytes())["signed"]
    return signed["version"], signed["meta"]["snapshot.json"]["version"], signed["expires"]


def test_metadata_is_signed_anew_after_half_a_day_and_not_sooner(folder: Path) -> None:
    assert firmware_keep_fresh(now=NOW + timedelta(hours=11)) is False
    assert word(folder) == (1, 1, "2026-06-24T12:00:00Z")
    assert firmware_keep_fresh(now=NOW + timedelta(hours=12)) is True
    assert firmware_keep_fresh(now=NOW + timedelta(hours=12)) is False
    assert word(folder) == (2, 2, "2026-06-25T00:00:00Z")


def test_task_keeps_to_the_machines_clock(folder: Path, settings: Any) -> None:
    settings.ORES_CLOCK = "2099-01-01T00:00:00+00:00@0x1"
    FirmwareRepository(folder / "repository", folder / "keys").refresh(now=datetime(2020, 1, 1, tzinfo=UTC))
    before = datetime.now(UTC).replace(microsecond=0)
    refresh_firmware()
    until = datetime.fromisoformat(word(folder)[2])
    assert before + timedelta(days=7) <= until <= datetime.now(UTC) + timedelta(days=7)


def test_nothing_is_signed_where_the_platform_has_no_keys(folder: Path, settings: Any) -> None:
    settings.FIRMWARE_KEYS = ""
    assert firmware_keep_fresh(now=NOW + timedelta(days=3)) is False
    assert word(folder)[0] == 1


def test_missing_key_is_an_error_that_somebody_sees(folder: Path) -> None:
    (folder / "online" / "timestamp.pem").unlink()
    with pytest.raises(FirmwareError, match="the key timestamp cannot be read"):
        firmware_keep_fresh(now=NOW + timedelta(days=3))
    assert not (folder / "repository" / "metadata" / "2.snapshot.json").exists()


def test_the_beat_does_it_every_day() -> None:
    from ores_cloud.queues import beat_schedule

    entry = beat_schedule(1.0)["keep firmware fresh"]
    assert (entry["task"], entry["schedule"]) == ("hubs.refresh_firmware", timedelta(hours=6))
