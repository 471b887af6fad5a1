"""Numbers of Matter's energy clusters, and their attributes in kW and kWh. Powers there are mW, energies mWh."""

from dataclasses import dataclass
from typing import Any

from edge_agent.drivers import numbers
from edge_agent.drivers.matter.config import MatterConfig
from edge_agent.rm.device import Battery, Charger, DeviceError, Generator, Heater, Load, Meter, Shape, Switch

BASIC, POWER, ENERGY, ENERGY_MANAGEMENT, EVSE = 0x28, 0x90, 0x91, 0x98, 0x99
# Device Energy Management: attributes, features, states, types of energy-smart appliances.
ESA_TYPE, ESA_STATE, LEAST_POWER, MOST_POWER, ADJUSTMENT, OPT_OUT = 0, 2, 3, 4, 5, 7
FEATURES = 0xFFFC
POWER_ADJUSTMENT = 0x1
OFFLINE, FAULT, ADJUSTED = 0, 2, 3
OPTED_OUT_OF_GRID, OPTED_OUT = 2, 3
_SPACE_HEATING, _WATER_HEATING, _BATTERY, _SOLAR = 1, 2, 5, 6
# Energy EVSE: attributes.
EVSE_STATE, SUPPLY_STATE, FAULT_STATE, CAPACITY_MA, LEAST_MA, USER_MOST_MA = 0, 1, 2, 5, 6, 9
SOC_PCT, BATTERY_MWH = 0x30, 0x31
NOT_PLUGGED_IN, EVSE_FAULT = 0, 6
_MILLI = 1e6  # mW in a kW, mWh in a kWh


def of_milli(said: Any) -> float | None:
    """A power [kW] said in mW, or an energy [kWh] said in mWh."""
    found = numbers.number(said)
    return None if found is None else found / _MILLI


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint's attributes, by cluster and number."""

    attributes: dict[str, Any]
    number: int

    def value(self, cluster: int, attribute: int) -> Any:
        """What the attribute says; None where there is none."""
        return self.attributes.get(f"{self.number}/{cluster}/{attribute}")

    def has(self, cluster: int) -> bool:
        """Whether the endpoint has a cluster."""
        return any(path.startswith(f"{self.number}/{cluster}/") for path in self.attributes)

    def kw(self, cluster: int, attribute: int) -> float | None:
        """A power [kW]."""
        return of_milli(self.value(cluster, attribute))

    def register_kwh(self, attribute: int) -> float | None:
        """An energy register [kWh]; its measurement is a struct of which field 0 is the energy."""
        said = self.value(ENERGY, attribute)
        found = of_milli(said.get("0")) if isinstance(said, dict) else None
        return numbers.register_kwh(found)


def amperes_kw(config: MatterConfig, milliamperes: Any) -> float | None:
    """Power [kW] of a charger's current [mA]."""
    return of_milli(numbers.scaled(milliamperes, config.voltage_v * config.phases))


def shape_of(endpoint: Endpoint, config: MatterConfig) -> Shape:
    """What an endpoint can do, by its clusters."""
    if config.role == "meter":
        return Meter()
    if endpoint.has(EVSE):
        return _charger(endpoint, config)
    if not endpoint.has(ENERGY_MANAGEMENT):
        if not endpoint.has(POWER):
            raise DeviceError(
                f"endpoint {endpoint.number} has none of Matter's energy clusters", permanent=True
            )
        return Load()
    return _appliance(endpoint, config)


def _charger(endpoint: Endpoint, config: MatterConfig) -> Charger:
    # MaximumChargeCurrent (7) is no size: it is what the last order left, maybe that of a hub that is gone.
    said = [amperes_kw(config, endpoint.value(EVSE, attribute)) for attribute in (CAPACITY_MA, USER_MOST_MA)]
    sizes = [kw for kw in (*said, config.rated_kw) if kw is not None and kw > 0]
    if not sizes:
        raise DeviceError("says no greatest current; set rated_kw", permanent=True)
    most = min(sizes)
    least = amperes_kw(config, endpoint.value(EVSE, LEAST_MA)) or 0.0
    battery = of_milli(endpoint.value(EVSE, BATTERY_MWH)) or config.capacity_kwh
    return Charger(charge_kw=most, least_kw=min(max(least, 0.0), most), battery_kwh=battery)


def _appliance(endpoint: Endpoint, config: MatterConfig) -> Shape:
    least, most = (endpoint.kw(ENERGY_MANAGEMENT, attribute) for attribute in (LEAST_POWER, MOST_POWER))
    kind = endpoint.value(ENERGY_MANAGEMENT, ESA_TYPE)
    features = endpoint.value(ENERGY_MANAGEMENT, FEATURES)
    is_adjustable = isinstance(features, int) and bool(features & POWER_ADJUSTMENT)
    drawn = most if most is not None and most > 0 else config.rated_kw
    if kind == _SOLAR:
        peak = -least if least is not None and least < 0 else config.rated_kw
        return Generator(peak_kw=_told(peak, "power"), is_curtailable=is_adjustable)
    if not is_adjustable:
        return Load()
    if kind == _BATTERY:
        given = -least if least is not None and least < 0 else config.rated_kw
        capacity = config.capacity_kwh
        if capacity is None:
            raise DeviceError("Matter tells no capacity of a battery; set capacity_kwh", permanent=True)
        return Battery(
            capacity_kwh=capacity, charge_kw=_told(drawn, "power"), discharge_kw=_told(given, "power")
        )
    if kind in (_SPACE_HEATING, _WATER_HEATING):
        return Heater(rated_kw=_told(drawn, "power"))
    return Switch(rated_kw=_told(drawn, "power"))


def _told(value: float | None, what: str) -> float:
    if value is None or value <= 0:
        raise DeviceError(f"says no {what}; set rated_kw", permanent=True)
    return value
