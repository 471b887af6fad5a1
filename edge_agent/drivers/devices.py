"""Which kinds of devices there are: each folder here with a `device.py` is one. It is imported when it is used."""

from importlib import import_module
from pathlib import Path
from typing import Any

import edge_agent.drivers as folders
from edge_agent.config import ConfigError
from edge_agent.rm.device import Device


def kinds() -> list[str]:
    """The kinds a device's table may name."""
    return sorted(
        found.parent.name for folder in folders.__path__ for found in Path(folder).glob("*/device.py")
    )


def open_device(document: dict[str, Any]) -> Device:
    """The device that a table describes; it is not connected yet."""
    kind = document.get("kind")
    known = kinds()
    if kind not in known:
        there = ", ".join(known)
        raise ConfigError(
            f"device {document.get('key', '?')!r}: there is no kind {kind!r}; there are {there}"
        )
    device: Device = import_module(f"edge_agent.drivers.{kind}.device").device_from(document)
    return device
