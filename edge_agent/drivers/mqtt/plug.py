"""What plugs and meters of all conventions have in common."""

import time
from abc import ABC, abstractmethod
from typing import Any

from edge_agent.drivers import numbers
from edge_agent.drivers.mqtt.config import Common
from edge_agent.rm.device import REVERSION_S, DeviceError, Heater, Identity, Load, Meter, Shape, Switch
from vpp.energy_manager.reading import Reading

_OVER = 3.0
_HOUSE_KW = 1000.0


class Plug(ABC):
    """One relay or one meter; a convention says how it is asked and told."""

    def __init__(self, config: Common) -> None:
        self.key, self.name = config.key, config.name or config.key
        self._common = config
        self._last: Any = None
        self._changed_at = 0.0

    def shape(self) -> Shape:
        """A switch, a heater that is on or off, the home's meter or a metered load."""
        common = self._common
        if common.role == "meter":
            return Meter()
        if common.role == "load":
            return Load()
        if common.role == "heater":
            return Heater(rated_kw=common.rated_kw, is_modulating=False)
        return Switch(rated_kw=common.rated_kw, least_on_s=common.least_on_s, least_off_s=common.least_off_s)

    @abstractmethod
    async def open(self) -> Identity:
        """Connect and ask who it is."""

    @abstractmethod
    async def read(self) -> Reading:
        """Ask what it measures."""

    @abstractmethod
    async def switch(self, is_on: bool, *, back_after_s: int | None) -> None:
        """Switch, let it switch back by itself after this time, and make sure that it did."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnect."""

    async def write(self, power_kw: float | None) -> None:
        """On from half of its power; given back, it goes to its state of rest."""
        common = self._common
        if common.role not in {"switch", "heater"}:
            raise DeviceError("takes no orders", permanent=True)
        if power_kw is None:
            if common.rest != "keep":
                await self.switch(common.rest == "on", back_after_s=None)
            return
        is_on = power_kw >= common.rated_kw / 2.0
        at_rest = common.rest == "keep" or is_on == (common.rest == "on")
        await self.switch(is_on, back_after_s=None if at_rest else REVERSION_S)

    def power(self, watts: float | None) -> float:
        """The power [kW] of what the device says [W]."""
        common = self._common
        most_kw = _HOUSE_KW if common.role == "meter" else _OVER * common.rated_kw
        sign = -1.0 if common.is_reversed else 1.0
        return numbers.power_kw(numbers.scaled(watts, sign / 1000.0), most_kw)

    def registers(self, imported: float | None, exported: float | None) -> tuple[float | None, float | None]:
        """Imported and exported energy [kWh], the right way round."""
        said = numbers.register_kwh(imported), numbers.register_kwh(exported)
        return (said[1], said[0]) if self._common.is_reversed else said

    def check_alive(self, said: Any) -> None:
        """Refuse what has not changed for too long although it should: a clock, a counter."""
        now = time.monotonic()
        if said != self._last or said is None:
            self._last, self._changed_at = said, now
        elif now - self._changed_at > self._common.stuck_after_s:
            raise DeviceError(f"has said the same since {now - self._changed_at:.0f} s: {str(said)[:60]}")


def record(said: Any, what: str) -> dict[str, Any]:
    """A JSON object, else a DeviceError."""
    if not isinstance(said, dict):
        raise DeviceError(f"{what}: expected an object, not {str(said)[:60]!r}")
    return said
