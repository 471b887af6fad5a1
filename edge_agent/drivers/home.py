"""The driver `devices`: every device table opened by its kind, and the home's energy manager over all of them."""

from typing import Annotated, Any, Literal

import msgspec

from edge_agent.cem.home import Home, Shell, utc_now
from edge_agent.cem.units import OwnUnit
from edge_agent.config import ConfigError, Positive
from edge_agent.drivers.devices import open_device
from edge_agent.rm.device import Device
from edge_agent.rm.runner import Pace


class DevicesConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A home of devices. `devices` are tables whose `kind` names a driver; `s2` are resource managers of others."""

    kind: Literal["devices"]
    devices: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=100)] = []
    poll_s: Positive = 1.0
    timeout_s: Positive = 10.0


def devices_config(document: dict[str, Any]) -> DevicesConfig:
    """A driver table of kind `devices`."""
    try:
        return msgspec.convert(document, DevicesConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"driver devices: {error}") from error


def open_home(document: dict[str, Any], *, saved: bytes | None = None) -> Home:
    """The home that a driver table describes; nothing is connected before it runs."""
    config = devices_config(document)
    devices: list[Device] = []
    shells: list[Shell] = []
    for table in config.devices:
        if table.get("kind") == "s2":
            shells += _open_shells(table)
        else:
            devices.append(open_device(table))
    keys = [device.key for device in devices]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ConfigError(f"driver devices: there are several devices {', '.join(twice)}")
    _join_simulated(devices)
    units = [unit_of(device, config) for device in devices]
    return Home(units, shells=shells, saved=saved)


def unit_of(device: Device, config: DevicesConfig) -> OwnUnit:
    """A device as a part of the home that `config` describes."""
    return OwnUnit(device, clock=utc_now, pace=Pace(poll_s=config.poll_s, timeout_s=config.timeout_s))


def _open_shells(table: dict[str, Any]) -> list[Shell]:
    from edge_agent.drivers.s2.config import open_shells

    return open_shells(table)


def _join_simulated(devices: list[Device]) -> None:
    """A simulated meter measures the simulated devices beside it."""
    if not any(type(device).__module__.endswith("simulator.device") for device in devices):
        return
    from edge_agent.drivers.simulator.device import SimulatedDevice

    for device in devices:
        if isinstance(device, SimulatedDevice):
            device.beside = devices
