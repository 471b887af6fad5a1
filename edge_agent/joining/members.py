"""Joins what was found to the running home, takes it out again, and keeps it over restarts."""

import asyncio
from contextlib import suppress
from typing import Any, Final

from edge_agent.cem.home import Home
from edge_agent.config import ConfigError, HubConfig
from edge_agent.drivers import Driver
from edge_agent.drivers.devices import open_device
from edge_agent.drivers.home import devices_config, unit_of
from edge_agent.joining.book import MAX_JOINED, Joined, dump, hint_of, is_same, load
from edge_agent.outbox import Outbox
from edge_agent.rm.device import Device, DeviceError, Found, Identity

_KEPT: Final = "joined_devices"


class JoinError(Exception):
    """Why a device did not join."""


class Members:
    """The joined devices of one hub. The owner's configuration goes before: what it names is not joined twice."""

    def __init__(self, config: HubConfig, *, driver: Driver, outbox: Outbox) -> None:
        self._home = driver if isinstance(driver, Home) else None
        self._driver_table, self._outbox = config.driver, outbox
        self.joined = load(outbox.get(_KEPT))
        self.flaws: dict[str, str] = {}
        if self._home is not None:
            for key, one in self.joined.items():
                self._restore(key, one)

    def _restore(self, key: str, one: Joined) -> None:
        if any(is_same(table, one.table) for table in self.configured):
            self.flaws[key] = "the hub's configuration names it"
            return
        try:
            self._add(open_device(one.table))
        except ConfigError as error:
            self.flaws[key] = str(error)

    @property
    def configured(self) -> list[dict[str, Any]]:
        """The device tables of the owner's configuration."""
        return devices_config(self._driver_table).devices if self._home is not None else []

    @property
    def has_home(self) -> bool:
        """Whether devices can join at all."""
        return self._home is not None

    def key_of(self, ref: str) -> str | None:
        """The key of the joined device that was found by this name."""
        return next((key for key, one in self.joined.items() if one.ref == ref), None)

    async def join(self, ref: str, found: Found) -> str:
        """Open what was found, make sure that it is still that, and add it; its key."""
        hint = hint_of(found, has_home=self.has_home)
        if hint:
            raise JoinError(hint)
        if len(self.joined) >= MAX_JOINED:
            raise JoinError(f"the hub holds {MAX_JOINED} joined devices already; remove one first")
        table = {**found.config, "key": self._free_key(str(found.config["key"]))}
        try:
            device = open_device(table)
            identity = await self._probe(device)
        except (ConfigError, DeviceError) as error:
            raise JoinError(str(error)) from error
        if identity.serial and found.identity.serial and identity.serial != found.identity.serial:
            raise JoinError("another device answers there now")
        self._add(device)
        self.joined[device.key] = Joined(ref, table)
        self._keep()
        return device.key

    async def remove(self, key: str) -> None:
        """Give a joined device back to itself and forget it."""
        if self._home is not None and key not in self.flaws:
            await self._home.remove(key)
        self.flaws.pop(key, None)
        del self.joined[key]
        self._keep()

    def _add(self, device: Device) -> None:
        assert self._home is not None
        self._home.add(unit_of(device, devices_config(self._driver_table)))

    def _keep(self) -> None:
        self._outbox.put(_KEPT, dump(self.joined.values()))

    def _free_key(self, wanted: str) -> str:
        assert self._home is not None
        key, number = wanted, 1
        while key in self._home.units or key in self.joined:
            number += 1
            key = f"{wanted[:60]}-{number}"
        return key

    async def _probe(self, device: Device) -> Identity:
        """Open and close it once."""
        limit_s = devices_config(self._driver_table).timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await device.open()
        except TimeoutError:
            raise DeviceError(f"no answer within {limit_s:g} s") from None
        finally:
            with suppress(DeviceError):
                await device.close()
