"""A hub tells the cloud what it knows of single devices, of the time before it too."""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge_agent.drivers.simulator.config import Appliance, PvString
from edge_agent.drivers.simulator.fleet import fleet
from edge_agent.thinning import QUARTER_MS
from tests.edge_agent.cloud import Cloud, until
from tests.edge_agent.test_agent import Hubs, cloud
from vpp.protocols.link.messages import Points

__all__ = ["cloud"]
DISHWASHER = Appliance("dishwasher", [2.0, 0.2, 1.5], "20:00")
STRINGS = [PvString("East", 0.5, west=-0.6), PvString("West", 0.5, west=0.6)]


@pytest.fixture
def hubs(tmp_path: Path, cloud: Cloud) -> Hubs:
    """The cloud's time is the hub's: of a clock that it does not trust a hub tells nothing."""
    held = Hubs(tmp_path, cloud)
    cloud.now_ms = held.clock.now_ms
    return held


def driver() -> dict[str, Any]:
    home = fleet()[1].home
    assert home.pv is not None
    home = msgspec.structs.replace(
        home, appliances=[DISHWASHER], pv=msgspec.structs.replace(home.pv, strings=STRINGS)
    )
    told: dict[str, Any] = msgspec.to_builtins(home)
    return told


async def test_quarter_hours_of_appliances_and_strings_reach_the_cloud(cloud: Cloud, hubs: Hubs) -> None:
    def points() -> list[Points]:
        return [message for message in cloud.hub.messages if isinstance(message, Points)]

    async with hubs.running(history_days=2, driver=driver()):
        await until(lambda: hubs.told("backfilled"), timeout_s=30.0)
        history = len(points())
        await until(lambda: len(points()) > history + 2, timeout_s=30.0)
    told = points()
    times = [message.at[0] for message in told]
    assert all(at % QUARTER_MS == 0 for at in times)
    assert all(later - earlier == QUARTER_MS for earlier, later in itertools.pairwise(times))
    values = {
        (resource, quantity, at): value
        for message in told
        for resource, quantity, at, value in zip(
            message.resource, message.quantity, message.at, message.value, strict=True
        )
    }
    runs = [value for (key, _, _), value in values.items() if key == "dishwasher"]
    # One run each of the two evenings, and of the afternoon since then none.
    assert sum(runs) / 4 == pytest.approx(2 * 3.7 / 4, rel=1e-6)
    assert {quantity for _, quantity, _ in values} == {"power_kw", "string_kw/East", "string_kw/West"}
