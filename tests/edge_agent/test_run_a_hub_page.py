"""The configuration in docs/how-to/run-a-hub.md is one that a hub takes."""

import re
import tomllib
from pathlib import Path

from edge_agent.agent import Agent
from edge_agent.cem.home import Home
from edge_agent.clock import Clock
from edge_agent.config import HubConfig, hub_config

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "run-a-hub.md"


def page_config(tmp_path: Path) -> HubConfig:
    blocks: list[str] = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return hub_config(tomllib.loads(blocks[0]) | {"data_dir": str(tmp_path)})


def test_the_pages_configuration_makes_a_hub(tmp_path: Path) -> None:
    config = page_config(tmp_path)
    agent = Agent(config, Clock(), emit=lambda event, **facts: None)
    assert isinstance(agent.driver, Home)
    assert list(agent.driver.units) == ["roof", "cellar", "meter", "boiler"]
    assert len(agent.driver._shells) == 1
    assert (config.home.mode, config.island.shed_first) == ("time_of_use", ["ev", "heat"])
    agent.outbox.close()
