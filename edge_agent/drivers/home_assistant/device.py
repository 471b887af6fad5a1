"""Entities of a Home Assistant as one device."""

from typing import Any

import msgspec

from edge_agent.config import ConfigError
from edge_agent.drivers import numbers
from edge_agent.drivers.documents import device_table
from edge_agent.drivers.home_assistant.client import Client, State
from edge_agent.drivers.home_assistant.config import (
    ROLES,
    BatteryConfig,
    Common,
    HeaterConfig,
    SensorConfig,
    SwitchConfig,
)
from edge_agent.drivers.home_assistant.orders import Order, battery_orders, heater_orders, switch_orders
from edge_agent.rm.device import Battery, DeviceError, Generator, Heater, Identity, Load, Meter, Shape, Switch
from vpp.energy_manager.reading import Reading

_KILOWATTS = {"W": 0.001, "kW": 1.0, "MW": 1000.0}
_KILOWATT_HOURS = {"Wh": 0.001, "kWh": 1.0, "MWh": 1000.0}
_VOLTS = {"V": 1.0, "mV": 0.001}
_FRACTIONS = {"%": 0.01}
_OVER = 3.0
_HOUSE_KW = 1000.0
_ENTITIES = (
    "power", "import_energy", "export_energy", "voltage", "temperature", "soc", "switch", "number", "select", "climate",
)  # fmt: skip


class HomeAssistantDevice:
    """One device; Home Assistant has no timers, so an order stays when the hub falls silent."""

    def __init__(self, config: Common) -> None:
        self.key, self.name = config.key, config.name or config.key
        self._config = config
        named = (getattr(config, name, None) for name in _ENTITIES)
        entities = [entity for entity in named if entity is not None]
        self._client = Client(config.url, config.token, entities=entities, timeout_s=config.timeout_s)
        self._is_fahrenheit = False

    async def open(self) -> Identity:
        """Connect and wait for the entities' states."""
        await self.close()
        await self._client.connected()
        if isinstance(self._config, HeaterConfig):
            self._is_fahrenheit = await self._client.is_fahrenheit()
        return Identity(maker="Home Assistant", model=self._config.name, firmware=self._client.version)

    def shape(self) -> Shape:
        """What the configuration says the device can do."""
        config = self._config
        if isinstance(config, SwitchConfig):
            return Switch(
                rated_kw=config.rated_kw, least_on_s=config.least_on_s, least_off_s=config.least_off_s
            )
        if isinstance(config, BatteryConfig):
            return Battery(
                capacity_kwh=config.capacity_kwh, charge_kw=config.charge_kw, discharge_kw=config.discharge_kw
            )
        if isinstance(config, HeaterConfig):
            return Heater(rated_kw=config.rated_kw, is_modulating=False)
        assert isinstance(config, SensorConfig), "every role has its struct"
        if config.role == "generator":
            return Generator(peak_kw=config.peak_kw, is_curtailable=False)
        return Meter() if config.role == "meter" else Load()

    async def read(self) -> Reading:
        """What the sensors say now."""
        await self._client.connected()
        config = self._config
        soc = self._measured(config.soc, _FRACTIONS) if isinstance(config, BatteryConfig) else None
        return Reading(
            power_kw=numbers.power_kw(self._power_kw(), self._most_kw()),
            soc=numbers.soc(soc),
            import_kwh=numbers.register_kwh(self._measured(config.import_energy, _KILOWATT_HOURS)),
            export_kwh=numbers.register_kwh(self._measured(config.export_energy, _KILOWATT_HOURS)),
            voltage_v=numbers.voltage_v(self._measured(config.voltage, _VOLTS)),
            temperature_c=numbers.temperature_c(self._celsius()),
            is_ready=self._is_ready(),
        )

    def _most_kw(self) -> float:
        config = self._config
        if isinstance(config, BatteryConfig):
            return _OVER * max(config.charge_kw, config.discharge_kw)
        if isinstance(config, SwitchConfig | HeaterConfig):
            return _OVER * config.rated_kw
        return _HOUSE_KW

    def _power_kw(self) -> float | None:
        config = self._config
        if config.power is not None:
            measured = self._measured(config.power, _KILOWATTS)
            return None if measured is None else -measured if config.power_is_reversed else measured
        if isinstance(config, SwitchConfig):
            return config.rated_kw * (self._client.state(config.switch).value == "on")
        if isinstance(config, HeaterConfig):
            action = self._client.state(config.climate).attributes.get("hvac_action")
            return config.rated_kw * (action in ("heating", "preheating"))
        return None

    def _measured(self, entity: str | None, factors: dict[str, float]) -> float | None:
        if entity is None:
            return None
        state = self._client.state(entity)
        return numbers.scaled(state.value, _factor(entity, state, factors=factors))

    def _celsius(self) -> float | None:
        entity = self._config.temperature
        if entity is None:
            return None
        state = self._client.state(entity)
        found = numbers.number(state.value)
        is_fahrenheit = state.attributes.get("unit_of_measurement") == "°F"
        return (found - 32.0) / 1.8 if found is not None and is_fahrenheit else found

    def _is_ready(self) -> bool:
        config = self._config
        return not isinstance(config, HeaterConfig) or self._client.state(config.climate).value != "off"

    async def write(self, power_kw: float | None) -> None:
        """Call the services that the order takes, and wait until the entities follow."""
        await self._client.connected()
        for order in self._orders(power_kw):
            await self._give(order)

    def _orders(self, power_kw: float | None) -> list[Order]:
        config = self._config
        if isinstance(config, SwitchConfig):
            return switch_orders(config, power_kw)
        if isinstance(config, HeaterConfig):
            thermostat = self._client.state(config.climate)
            return heater_orders(config, power_kw, state=thermostat, is_fahrenheit=self._is_fahrenheit)
        if isinstance(config, BatteryConfig):
            number = None if config.number is None else self._client.state(config.number)
            return battery_orders(config, power_kw, number=number)
        raise DeviceError("takes no orders", permanent=True)

    async def _give(self, order: Order) -> None:
        client = self._client

        def follows() -> bool:
            return order.holds(client.state(order.entity))

        if follows():
            return
        await client.service(order.entity, order.service, **order.data)
        wanted = msgspec.json.encode(order.data).decode()
        await client.until(
            follows,
            f"{order.entity} did not follow {order.service} {wanted}",
            told=lambda: client.state(order.entity).value,
        )

    async def close(self) -> None:
        """Disconnect; what was ordered stays."""
        await self._client.close()


def _factor(entity: str, state: State, *, factors: dict[str, float]) -> float:
    unit = state.attributes.get("unit_of_measurement")
    if not isinstance(unit, str) or unit not in factors:
        raise DeviceError(f"{entity} is in {unit!r}, not in {' or '.join(factors)}")
    return factors[unit]


def device_from(document: dict[str, Any]) -> HomeAssistantDevice:
    """The device that a table describes."""
    role = document.get("role")
    table = ROLES.get(role) if isinstance(role, str) else None
    if table is None:
        where = f"device {document.get('key', '?')!r}"
        raise ConfigError(f"{where}: there is no role {role!r}; there are {', '.join(ROLES)}")
    return HomeAssistantDevice(device_table(document, table))
