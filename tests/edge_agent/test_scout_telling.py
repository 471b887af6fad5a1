"""How often the hub tells of its devices: by its own clock, however fast that runs."""

from pathlib import Path

import pytest

from edge_agent.agent import Agent
from edge_agent.clock import Clock
from edge_agent.config import hub_config
from edge_agent.joining.scout import Scout

NOON_MS = 1_781_697_600_000


@pytest.mark.parametrize(("scale", "sooner_s", "later_s"), [(1.0, 899.0, 900.0), (60.0, 14.9, 15.0)])
def test_devices_are_told_again_after_a_quarter_of_an_hour_of_the_hubs_clock(
    tmp_path: Path, scale: float, sooner_s: float, later_s: float
) -> None:
    machine = [0.0]
    document = {"key": "home", "data_dir": str(tmp_path), "driver": {"kind": "devices", "devices": []}}
    clock = Clock(NOON_MS, 0.0, scale, machine=lambda: machine[0])
    agent = Agent(hub_config(document), clock, emit=lambda event, **facts: None)
    scout = Scout(agent, monotonic=lambda: machine[0])
    scout.welcomed(["devices"])

    def told(at_s: float) -> int:
        machine[0] = at_s
        scout.tell()
        agent.outbox.commit()
        return agent.outbox.waiting("status")

    assert [told(0.0), told(sooner_s), told(later_s), told(later_s + 1.0)] == [1, 1, 2, 2]
    agent.outbox.close()
