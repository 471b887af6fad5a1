"""The checks that a cloud may ask a hub for. Each reads and changes nothing; there is none that runs what it is sent."""

from typing import Final

CHECKS: Final[dict[str, str]] = {
    "logs": "the newest events of the agent, without secrets",
    "config": "the configuration, without secrets",
    "devices": "the devices as they describe themselves, and their last values",
    "link": "the connection to the cloud",
    "outbox": "what waits for the cloud, and what was given up",
    "disk": "room on the hub's disk",
    "clock": "the hub's clocks",
    "update": "the running version and its last update",
}
