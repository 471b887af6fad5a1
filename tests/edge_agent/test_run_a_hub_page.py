"""What docs/how-to/run-a-hub.md says holds: its configuration, its commands, its files."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

from edge_agent.__main__ import parser
from edge_agent.agent import Agent
from edge_agent.cem.home import Home
from edge_agent.clock import Clock
from edge_agent.config import HubConfig, hub_config
from edge_agent.outbox import Decided, Outbox

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "run-a-hub.md"


def page_config(tmp_path: Path, block: int = 0) -> HubConfig:
    blocks: list[str] = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    return hub_config(tomllib.loads(blocks[block]) | {"data_dir": str(tmp_path)})


def test_the_pages_configuration_makes_a_hub(tmp_path: Path) -> None:
    config = page_config(tmp_path)
    agent = Agent(config, Clock(), emit=lambda event, **facts: None)
    assert isinstance(agent.driver, Home)
    assert list(agent.driver.units) == ["roof", "cellar", "meter", "boiler"]
    assert len(agent.driver._shells) == 1
    assert (config.home.mode, config.island.shed_first) == ("time_of_use", ["ev", "heat"])
    agent.outbox.close()


def test_the_pages_single_device_makes_a_hub_without_a_cloud(tmp_path: Path) -> None:
    agent = Agent(page_config(tmp_path, 1), Clock(), emit=lambda event, **facts: None)
    assert isinstance(agent.driver, Home)
    assert (list(agent.driver.units), agent.link, agent.config.home.mode) == (["cellar"], None, "time_of_use")
    agent.outbox.close()


def shell_blocks() -> list[str]:
    """The page's blocks without a language: what is typed."""
    blocks: list[tuple[str, str]] = re.findall(
        r"^```(\w*)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return [block for language, block in blocks if not language]


def test_the_pages_folders_and_files_are_there() -> None:
    root = PAGE.parents[2]
    folders = re.search(r"folders (.*?) to `/opt/ores`", PAGE.read_text(), re.DOTALL)
    assert folders is not None
    named: list[str] = re.findall(r"`(\w+)`", folders[1])
    assert named == ["edge_agent", "vpp", "requirements"]
    assert all((root / name).is_dir() for name in named)
    lists: list[str] = re.findall(r"-r /opt/ores/(\S+)", PAGE.read_text())
    assert lists == ["requirements/edge.txt"]
    assert (root / lists[0]).is_file()


def test_the_pages_commands_are_ones_the_agent_knows() -> None:
    lines = [line for block in shell_blocks() for line in block.splitlines() if "-m edge_agent" in line]
    lines += re.findall(r"^ExecStart=(.*)$", PAGE.read_text(), re.MULTILINE)
    given = [shlex.split(line.split("-m edge_agent ")[1]) for line in lines]
    assert [one[0] for one in given] == ["run", "override", "run"]
    parsed = [parser().parse_args(one) for one in given]
    assert {str(one.config) for one in parsed} == {"/etc/ores/hub.toml"}
    assert (parsed[1].resource, parsed[1].kw, parsed[1].minutes, parsed[1].note) == (
        "ev",
        0.0,
        120.0,
        "not tonight",
    )


def test_the_pages_way_to_read_decisions_shows_them(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "hub.db", machine_boot="boot", max_bytes=10**8)
    outbox.add_decision(Decided(1_781_697_600_000, "battery", -4.0, -4.0, "cloud_schedule", "instruction 7"))
    outbox.commit()
    (block,) = (one for one in shell_blocks() if "import sqlite3" in one)
    script = block.split("<<'END'\n")[1].split("END\n")[0]
    script = script.replace("/var/lib/ores/hub/hub.db", str(tmp_path / "hub.db"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    outbox.close()
    assert done.stdout == "2026-06-17 12:00:00  battery  cloud_schedule  -4.0  -4.0  instruction 7\n"
