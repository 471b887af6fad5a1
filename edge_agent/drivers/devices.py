"""Which kinds of devices there are: `kind` in a device's table names one. A driver is imported when it is used."""

from typing import Any

from edge_agent.config import ConfigError
from edge_agent.drivers.documents import device_table
from edge_agent.rm.device import Device


def _sunspec(document: dict[str, Any]) -> Device:
    from edge_agent.drivers.sunspec.config import SunSpecConfig
    from edge_agent.drivers.sunspec.device import SunSpecDevice

    return SunSpecDevice(device_table(document, SunSpecConfig))


_KINDS = {"sunspec": _sunspec}


def open_device(document: dict[str, Any]) -> Device:
    """The device that a table describes; it is not connected yet."""
    kind = document.get("kind")
    maker = _KINDS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise ConfigError(
            f"device {document.get('key', '?')!r}: there is no kind {kind!r}; there are {', '.join(_KINDS)}"
        )
    return maker(document)
