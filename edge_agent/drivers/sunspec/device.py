"""An inverter, a battery or a meter that speaks SunSpec over Modbus TCP."""

from collections.abc import Callable
from typing import Any, TypeVar

from edge_agent.drivers.documents import device_table
from edge_agent.drivers.sunspec import roles
from edge_agent.drivers.sunspec.bus import Bus, bus_at
from edge_agent.drivers.sunspec.config import SunSpecConfig
from edge_agent.drivers.sunspec.control import Control, limit_of, setting_of
from edge_agent.drivers.sunspec.unit import Unit
from edge_agent.rm.device import Battery, DeviceError, Generator, Identity, Load, Meter, Shape
from vpp.energy_manager.reading import Reading

T = TypeVar("T")
# A call of the device may take this many times as long as a single answer.
_CALL, _SCAN = 4, 8


class SunSpecDevice:
    """One role of one unit. Several devices may share a unit: a hybrid inverter is an inverter and a battery."""

    def __init__(self, config: SunSpecConfig) -> None:
        self.key, self.name = config.key, config.name or config.key
        self._config = config
        self._held: tuple[Bus, Unit] | None = None
        self._shape: Shape | None = None
        self._control: Control | None = None
        self._heartbeats = roles.Heartbeats(config.stuck_after_s)

    async def open(self) -> Identity:
        """Scan the unit and check that it has the role's models."""
        await self.close()
        config = self._config
        bus = bus_at(config.host, config.port)
        unit = bus.hold(config.unit, config.timeout_s)
        self._held = bus, unit
        try:
            return await bus.run(unit, lambda: self._open(unit), limit_s=_SCAN * config.timeout_s)
        except BaseException:
            await self.close()
            raise

    def _open(self, unit: Unit) -> Identity:
        unit.scan()
        identity = identity_of(unit)
        self._shape = unit.run(self._shaped)
        return identity

    def _shaped(self, unit: Unit) -> Shape:
        config = self._config
        if config.role == "meter":
            roles.meter_reading(unit, config)
            return Meter()
        if unit.model(*roles.INVERTERS) is None:
            raise DeviceError(f"{unit.where}: is no inverter, has models {unit.numbers}", permanent=True)
        if config.role == "inverter":
            peak_w = roles.peak_w(unit, config)
            self._control = self._allowed(limit_of(unit, peak_w))
            return Generator(peak_kw=peak_w / 1000.0, is_curtailable=self._control is not None)
        charge_w, discharge_w = roles.rates_w(unit, config)
        capacity_kwh = roles.capacity_kwh(unit, config)
        self._control = self._allowed(setting_of(unit, charge_w, discharge_w=discharge_w))
        if self._control is None:
            return Load()
        return Battery(
            capacity_kwh=capacity_kwh, charge_kw=charge_w / 1000.0, discharge_kw=discharge_w / 1000.0
        )

    def _allowed(self, control: Control | None) -> Control | None:
        if control is None or self._config.control == "never":
            return None
        if self._config.control == "timed" and not control.has_timer():
            detail = 'has no reversion timer: set control to "untimed" to give it orders nevertheless'
            raise DeviceError(detail, permanent=True)
        return control

    def shape(self) -> Shape:
        """What it can do; a battery that takes no orders is a metered load."""
        if self._shape is None:
            raise DeviceError("is not open")
        return self._shape

    async def read(self) -> Reading:
        """Read the role's models and keep the battery's heartbeat going."""
        return await self._run(self._read)

    def _read(self, unit: Unit) -> Reading:
        for number in roles.needed(self._config.role):
            model = unit.model(number)
            if model is not None:
                model.refresh()
        if self._config.role == "meter":
            return roles.meter_reading(unit, self._config)
        if self._config.role == "inverter":
            return roles.inverter_reading(unit, "inverter", most_w=roles.peak_w(unit, self._config))
        self._heartbeats.beat(unit)
        return roles.inverter_reading(unit, "battery", most_w=max(roles.rates_w(unit, self._config)))

    async def write(self, power_kw: float | None) -> None:
        """Give or renew an order with its reversion timer, or take it back."""
        control = self._control
        if control is None:
            raise DeviceError("takes no orders", permanent=True)
        await self._run(lambda unit: _give(control, power_kw))

    async def _run(self, work: Callable[[Unit], T]) -> T:
        if self._held is None:
            raise DeviceError("is not open")
        bus, unit = self._held
        return await bus.run(unit, lambda: unit.run(work), limit_s=_CALL * self._config.timeout_s)

    async def close(self) -> None:
        """Let go of the bus; an order that was given runs out at the device."""
        held, self._held, self._control = self._held, None, None
        if held is not None:
            held[0].release(self._config.unit)


def _give(control: Control, power_kw: float | None) -> None:
    if power_kw is None:
        control.give_back()
    else:
        control.order(power_kw * 1000.0)


def identity_of(unit: Unit) -> Identity:
    """Who the unit says it is (model 1)."""
    model = unit.model(1)
    if model is None:
        raise DeviceError(f"{unit.where}: does not say who it is (model 1)", permanent=True)
    return Identity(
        maker=model.text("Mn"), model=model.text("Md"), serial=model.text("SN"), firmware=model.text("Vr")
    )


def device_from(document: dict[str, Any]) -> SunSpecDevice:
    """The device that a table describes."""
    return SunSpecDevice(device_table(document, SunSpecConfig))
