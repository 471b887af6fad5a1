"""Shelly plugs and meters of generation 2 and later: the same remote procedures over MQTT and HTTP."""

from typing import Any

from edge_agent.drivers import numbers
from edge_agent.drivers.mqtt.config import ShellyConfig
from edge_agent.drivers.mqtt.plug import Plug, record
from edge_agent.drivers.mqtt.shelly_rpc import HttpChannel, MqttChannel, Rpc
from edge_agent.rm.device import DeviceError, Identity
from vpp.energy_manager.reading import Reading

_NAMES = {"switch": "Switch", "pm1": "PM1", "em": "EM", "em1": "EM1"}
_POWER = {"switch": "apower", "pm1": "apower", "em": "total_act_power", "em1": "act_power"}


class Shelly(Plug):
    """One component of a device."""

    def __init__(self, config: ShellyConfig) -> None:
        super().__init__(config)
        self._config = config
        channel = MqttChannel(config) if config.host is None else HttpChannel(config)
        self._rpc = Rpc(channel, config.password)

    async def open(self) -> Identity:
        """Ask who it is, and for the component."""
        await self.close()
        said = record(await self._rpc.call("Shelly.GetDeviceInfo", {}), "Shelly.GetDeviceInfo")
        await self._status(_NAMES[self._config.component])
        return Identity(
            maker="Shelly",
            model=str(said.get("model") or ""),
            serial=str(said.get("mac") or said.get("id") or ""),
            firmware=str(said.get("ver") or ""),
        )

    async def _status(self, name: str) -> dict[str, Any]:
        found = await self._rpc.call(f"{name}.GetStatus", {"id": self._config.channel})
        return record(found, f"{name}.GetStatus")

    async def read(self) -> Reading:
        """Ask for the component's measurements."""
        component = self._config.component
        said = await self._status(_NAMES[component])
        power_kw = self.power(numbers.number(said.get(_POWER[component])))
        energy_wh = await self._energy_wh(said)
        imported, exported = self.registers(*(numbers.scaled(each, 0.001) for each in energy_wh))
        temperature = said.get("temperature")
        return Reading(
            power_kw=power_kw,
            voltage_v=numbers.voltage_v(numbers.number(said.get("voltage", said.get("a_voltage")))),
            frequency_hz=numbers.frequency_hz(numbers.number(said.get("freq", said.get("a_freq")))),
            temperature_c=numbers.temperature_c(
                numbers.number(temperature.get("tC")) if isinstance(temperature, dict) else None
            ),
            faults=_faults(said),
            is_ready=not _faults(said),
            import_kwh=imported,
            export_kwh=exported,
        )

    async def _energy_wh(self, said: dict[str, Any]) -> tuple[Any, Any]:
        component = self._config.component
        if component in {"switch", "pm1"}:
            return _total(said.get("aenergy")), _total(said.get("ret_aenergy"))
        data = await self._status(f"{_NAMES[component]}Data")
        if component == "em":
            return data.get("total_act"), data.get("total_act_ret")
        return data.get("total_act_energy"), data.get("total_act_ret_energy")

    async def switch(self, is_on: bool, *, back_after_s: int | None) -> None:
        """Switch; `toggle_after` brings it back where nobody renews the order."""
        if self._config.component != "switch":
            raise DeviceError(f"component {self._config.component} does not switch", permanent=True)
        order: dict[str, Any] = {"id": self._config.channel, "on": is_on}
        if back_after_s is not None:
            order["toggle_after"] = back_after_s
        await self._rpc.call("Switch.Set", order)
        output = (await self._status("Switch")).get("output")
        if output is not is_on:
            raise DeviceError(f"was told {'on' if is_on else 'off'} and says output {output!r}"[:120])

    async def close(self) -> None:
        """Disconnect; a timer that runs at the plug goes on."""
        await self._rpc.close()


def _total(said: Any) -> Any:
    return said.get("total") if isinstance(said, dict) else None


def _faults(said: dict[str, Any]) -> tuple[str, ...]:
    errors = said.get("errors")
    return tuple(str(each)[:60] for each in errors[:10]) if isinstance(errors, list) else ()
