"""A wished power as services of Home Assistant, and the states by which they are known to have been followed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_agent.drivers import numbers
from edge_agent.drivers.home_assistant.client import State
from edge_agent.drivers.home_assistant.config import BatteryConfig, HeaterConfig, SwitchConfig
from edge_agent.rm.device import DeviceError

_WATTS = {"W": 1000.0, "kW": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One service call and what its entity says once it is followed."""

    entity: str
    service: str
    data: dict[str, Any]
    holds: Callable[[State], bool]


def switch_orders(config: SwitchConfig, power_kw: float | None) -> list[Order]:
    """On from half of its power; given back, it stays as it is."""
    if power_kw is None:
        return []
    wanted = "on" if power_kw >= config.rated_kw / 2.0 else "off"
    return [
        Order(
            entity=config.switch, service=f"turn_{wanted}", data={}, holds=lambda state: state.value == wanted
        )
    ]


def heater_orders(
    config: HeaterConfig, power_kw: float | None, *, state: State, is_fahrenheit: bool
) -> list[Order]:
    """More than the comfort temperature to draw power, less to wait; given back, the comfort temperature."""
    wished_c = config.comfort_c
    if power_kw is not None:
        wished_c += config.boost_c if power_kw >= config.rated_kw / 2.0 else -config.setback_c
    target = _settable(
        wished_c * 1.8 + 32.0 if is_fahrenheit else wished_c, state, is_fahrenheit=is_fahrenheit
    )

    def holds(state: State) -> bool:
        said = numbers.number(state.attributes.get("temperature"))
        return said is not None and abs(said - target) < 0.3

    return [
        Order(entity=config.climate, service="set_temperature", data={"temperature": target}, holds=holds)
    ]


def _settable(target: float, state: State, *, is_fahrenheit: bool) -> float:
    """The temperature nearest to the target that the thermostat has; in Fahrenheit most have whole degrees."""
    step = numbers.number(state.attributes.get("target_temp_step")) or (1.0 if is_fahrenheit else 0.0)
    nearest = math.floor(target / step + 0.5) * step if step > 0.0 else target
    return round(_bounded(nearest, state, names=("min_temp", "max_temp")), 3)


def _bounded(value: float, state: State, *, names: tuple[str, str]) -> float:
    lowest, highest = (numbers.number(state.attributes.get(name)) for name in names)
    value = max(value, lowest) if lowest is not None else value
    return min(value, highest) if highest is not None else value


def battery_orders(config: BatteryConfig, power_kw: float | None, *, number: State | None) -> list[Order]:
    """The number first, then the mode that lets it count; given back, the battery's own mode."""
    found: list[Order] = []
    if config.number is not None and number is not None:
        found.append(_number_order(config, power_kw or 0.0, state=number))
    if config.select is not None:
        found.append(_mode_order(config.select, _mode(config, power_kw)))
    return found


def _mode(config: BatteryConfig, power_kw: float | None) -> str:
    if power_kw is None:
        mode = config.mode_own
    elif config.number is not None:
        mode = config.mode_ordered
    elif abs(power_kw) < 0.05 * max(config.charge_kw, config.discharge_kw):
        mode = config.mode_idle
    else:
        mode = config.mode_charge if power_kw > 0 else config.mode_discharge
    assert mode is not None, "checked with the configuration"
    return mode


def _mode_order(select: str, mode: str) -> Order:
    return Order(
        entity=select, service="select_option", data={"option": mode}, holds=lambda state: state.value == mode
    )


def _number_order(config: BatteryConfig, power_kw: float, *, state: State) -> Order:
    assert config.number is not None
    unit = state.attributes.get("unit_of_measurement")
    factor = _WATTS.get(str(unit))
    if factor is None:
        raise DeviceError(f"{config.number} is in {unit!r}, not in W or kW", permanent=True)
    wished = min(config.charge_kw, max(-config.discharge_kw, power_kw))
    value = wished * factor * (1.0 if config.charge_is_positive else -1.0)
    value = _bounded(value, state, names=("min", "max"))
    step = numbers.number(state.attributes.get("step")) or 0.0

    def holds(now: State) -> bool:
        said = numbers.number(now.value)
        return said is not None and abs(said - value) <= max(step, 1e-6)

    return Order(entity=config.number, service="set_value", data={"value": round(value, 6)}, holds=holds)
