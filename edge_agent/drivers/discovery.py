"""What the owner allowed to look for: a table of the hub's configuration as finders, and all of them at once."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec

from edge_agent.config import ConfigError
from edge_agent.rm.device import DeviceError, Finder, Found


class DiscoveryConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One table per way of looking; a way without its table is not gone.

    A look every `every_s`, and when asked, but `least_s` after the last one at the earliest [s].
    """

    every_s: Annotated[float, msgspec.Meta(ge=60, le=604_800)] = 3600.0
    least_s: Annotated[float, msgspec.Meta(ge=0.1, le=3600)] = 30.0

    sunspec: dict[str, Any] | None = None
    mqtt: dict[str, Any] | None = None
    dns_sd: dict[str, Any] | None = None


def _sunspec(table: dict[str, Any]) -> Finder:
    from edge_agent.drivers.sunspec.finder import SunSpecFinder, SunSpecSearch

    return SunSpecFinder(msgspec.convert(table, SunSpecSearch))


def _mqtt(table: dict[str, Any]) -> Finder:
    from edge_agent.drivers.mqtt.finder import MqttFinder, MqttSearch

    return MqttFinder(msgspec.convert(table, MqttSearch))


def _dns_sd(table: dict[str, Any]) -> Finder:
    from edge_agent.drivers.dns_sd.finder import DnsSdFinder, DnsSdSearch

    return DnsSdFinder(msgspec.convert(table, DnsSdSearch))


_FINDERS = {"sunspec": _sunspec, "mqtt": _mqtt, "dns_sd": _dns_sd}


def discovery_config(document: dict[str, Any]) -> DiscoveryConfig:
    """A hub's `discovery` table."""
    try:
        return msgspec.convert(document, DiscoveryConfig)
    except msgspec.ValidationError as error:
        raise ConfigError(f"discovery: {error}") from error


def finders(document: dict[str, Any]) -> dict[str, Finder]:
    """The finders that a hub's `discovery` table asks for."""
    config, where = discovery_config(document), "discovery"
    try:
        found: dict[str, Finder] = {}
        for name, make in _FINDERS.items():
            where = f"discovery.{name}"
            table = getattr(config, name)
            if table is not None:
                found[name] = make(table)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error
    return found


async def find_all(wanted: dict[str, Finder]) -> tuple[Sequence[Found], dict[str, str]]:
    """Everything the finders find, and why a finder failed, by its name."""
    names = list(wanted)
    results = await asyncio.gather(*(_found(wanted[name]) for name in names))
    devices = [found for result in results if not isinstance(result, str) for found in result]
    flaws = {name: result for name, result in zip(names, results, strict=True) if isinstance(result, str)}
    return devices, flaws


async def _found(finder: Finder) -> Sequence[Found] | str:
    try:
        return await finder.find()
    except DeviceError as error:
        return error.detail
