"""Looks for SunSpec devices at the addresses and in the networks that the owner allowed, slowly."""

import asyncio
import ipaddress
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from edge_agent.config import ConfigError
from edge_agent.drivers.documents import Host, Port, Seconds, key_from
from edge_agent.drivers.sunspec import roles
from edge_agent.drivers.sunspec.bus import bus_at
from edge_agent.drivers.sunspec.device import identity_of
from edge_agent.drivers.sunspec.unit import Unit
from edge_agent.rm.device import DeviceError, Found, Identity

_STORAGE = (713, 802, 124)


class SunSpecSearch(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where to look. No more than `most` addresses, no more than `per_second` of them begun in a second."""

    addresses: Annotated[list[Host], msgspec.Meta(max_length=64)] = []
    networks: Annotated[list[str], msgspec.Meta(max_length=8)] = []
    port: Port = 502
    units: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=255)]], msgspec.Meta(max_length=16)] = (
        msgspec.field(default_factory=lambda: [1])
    )
    per_second: Annotated[float, msgspec.Meta(gt=0, le=100)] = 20.0
    most: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 512
    timeout_s: Seconds = 1.0


def hosts(search: SunSpecSearch) -> list[str]:
    """Every address to ask, once; a network that is not a home's own is refused."""
    found = list(dict.fromkeys([*search.addresses, *_of_networks(search)]))
    if len(found) > search.most:
        raise ConfigError(f"discovery: {len(found)} addresses are more than the {search.most} allowed")
    return found


def _of_networks(search: SunSpecSearch) -> Iterator[str]:
    for text in search.networks:
        try:
            network = ipaddress.IPv4Network(text)
        except ValueError as error:
            raise ConfigError(f"discovery: network {text!r}: {error}") from None
        if not network.is_private:
            raise ConfigError(f"discovery: network {text!r} is not a private one")
        if network.num_addresses > search.most + 2:
            raise ConfigError(
                f"discovery: network {text!r} is larger than the {search.most} addresses allowed"
            )
        yield from (str(address) for address in network.hosts())


class SunSpecFinder:
    """Asks one address after the other; those that answer are scanned."""

    def __init__(self, search: SunSpecSearch) -> None:
        self._search = search
        self._hosts = hosts(search)

    async def find(self) -> Sequence[Found]:
        """Every role of every unit that answers."""
        looks: list[asyncio.Task[list[Found]]] = []
        try:
            for host in self._hosts:
                looks.append(asyncio.create_task(self._look(host)))
                await asyncio.sleep(1.0 / self._search.per_second)
            return [found for look in looks for found in await look]
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)

    async def _look(self, host: str) -> list[Found]:
        if not await self._answers(host):
            return []
        found: list[Found] = []
        for unit in self._search.units:
            with suppress(DeviceError):
                found += await self._scan(host, unit)
        return found

    async def _answers(self, host: str) -> bool:
        try:
            async with asyncio.timeout(self._search.timeout_s):
                _, writer = await asyncio.open_connection(host, self._search.port)
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    async def _scan(self, host: str, number: int) -> list[Found]:
        search = self._search
        bus = bus_at(host, search.port)
        unit = bus.hold(number, search.timeout_s)
        try:
            return await bus.run(
                unit, lambda: self._found(unit, host, number=number), limit_s=10 * search.timeout_s
            )
        finally:
            bus.release(number)

    def _found(self, unit: Unit, host: str, *, number: int) -> list[Found]:
        unit.scan()
        identity = identity_of(unit)
        return [
            Found(
                kind="sunspec",
                address=f"{host}:{self._search.port}/{number}",
                identity=identity,
                config=self._config(host, number, role=role, identity=identity),
            )
            for role in roles_of(unit)
        ]

    def _config(self, host: str, number: int, *, role: str, identity: Identity) -> dict[str, Any]:
        return {
            "kind": "sunspec",
            "key": key_from(identity.maker, identity.serial or f"{host}-{number}", role),
            "name": f"{identity.maker} {identity.model}".strip(),
            "host": host,
            "port": self._search.port,
            "unit": number,
            "role": role,
        }


def roles_of(unit: Unit) -> list[str]:
    """What a unit can be configured as."""
    found = ["meter"] if unit.model(*roles.METERS) else []
    if unit.model(*roles.INVERTERS) is None:
        return found
    has_battery = unit.model(*_STORAGE) is not None
    has_panels = unit.model(160, 121, 123) is not None or not has_battery
    return found + ["inverter"] * has_panels + ["battery"] * has_battery
