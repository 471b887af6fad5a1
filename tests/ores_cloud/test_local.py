from pathlib import Path

import pytest

from ores_cloud.local import CLOCK_FILE, local_environment, state_folder


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ORES_STATE", str(tmp_path))
    monkeypatch.delenv("ORES_CLOCK", raising=False)
    folder = state_folder("demo")
    folder.mkdir()
    return folder


def test_a_command_beside_the_platform_has_its_clock(state: Path) -> None:
    assert local_environment("demo")["ORES_CLOCK"] == ""
    (state / CLOCK_FILE).write_text("2026-04-23T16:30:00+02:00@1795253200.621x60")
    assert local_environment("demo")["ORES_CLOCK"] == "2026-04-23T16:30:00+02:00@1795253200.621x60"


def test_a_clock_of_ones_own_goes_first(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (state / CLOCK_FILE).write_text("2026-04-23T16:30:00+02:00@1795253200.621x60")
    monkeypatch.setenv("ORES_CLOCK", "2026-01-01T00:00:00+00:00@0x1")
    assert local_environment("demo")["ORES_CLOCK"] == "2026-01-01T00:00:00+00:00@0x1"
