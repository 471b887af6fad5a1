"""Which kinds of devices there are: `kind` in a device's table names one. A driver is imported when it is used."""

from typing import Any

from edge_agent.config import ConfigError
from edge_agent.rm.device import Device


def _simulated(document: dict[str, Any]) -> Device:
    from edge_agent.drivers.simulator.single import open_simulated

    return open_simulated(document)


_KINDS = {"simulator": _simulated}


def open_device(document: dict[str, Any]) -> Device:
    """The device that a table describes; it is not connected yet."""
    kind = document.get("kind")
    maker = _KINDS.get(kind) if isinstance(kind, str) else None
    if maker is None:
        raise ConfigError(
            f"device {document.get('key', '?')!r}: there is no kind {kind!r}; there are {', '.join(_KINDS)}"
        )
    return maker(document)
