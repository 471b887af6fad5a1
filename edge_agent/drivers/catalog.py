"""Which drivers there are: `kind` in a hub's driver table names one."""

from typing import Any

from edge_agent.config import ConfigError
from edge_agent.drivers import Driver


def open_driver(document: dict[str, Any], *, now_ms: int, saved: bytes | None) -> Driver:
    """The driver that a hub's configuration asks for, in the state an earlier process left."""
    kind = document.get("kind")
    if kind == "simulator":
        from edge_agent.drivers.simulator.config import home_config
        from edge_agent.drivers.simulator.driver import SimulatorDriver

        return SimulatorDriver(home_config(document), now_ms=now_ms, saved=saved)
    if kind == "devices":
        from edge_agent.drivers.home import open_home

        return open_home(document, saved=saved)
    raise ConfigError(f"there is no driver {kind!r}; there are simulator and devices")
