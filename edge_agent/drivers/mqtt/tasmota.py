"""Plugs and meters with Tasmota: `cmnd` asks and tells, `stat` answers, `tele` says whether it is there."""

from typing import Any

from edge_agent.drivers import numbers
from edge_agent.drivers.broker import Session
from edge_agent.drivers.mqtt.config import TasmotaConfig
from edge_agent.drivers.mqtt.plug import Plug, record
from edge_agent.rm.device import DeviceError, Identity
from vpp.energy_manager.reading import Reading


class Tasmota(Plug):
    """One relay, or the energy sensor, of a device with Tasmota.

    `TimedPower` lets it switch back by itself; where the firmware does not know it, `rest` has to be "keep".
    """

    def __init__(self, config: TasmotaConfig) -> None:
        super().__init__(config)
        self._config = config
        self._session: Session | None = None
        self._is_offline = False

    def _topic(self, prefix: str, name: str) -> str:
        path = self._config.full_topic.replace("%prefix%", prefix).replace("%topic%", self._config.topic)
        return path.rstrip("/") + "/" + name

    async def open(self) -> Identity:
        """Connect and ask for name, firmware and address."""
        await self.close()
        await self._connect()
        who = record((await self._status("", "STATUS")).get("Status"), "Status")
        firmware = record((await self._status("2", "STATUS2")).get("StatusFWR"), "StatusFWR")
        net = record((await self._status("5", "STATUS5")).get("StatusNET"), "StatusNET")
        return Identity(
            maker="Tasmota",
            model=str(who.get("DeviceName") or firmware.get("Hardware") or ""),
            serial=str(net.get("Mac") or ""),
            firmware=str(firmware.get("Version") or ""),
        )

    async def _connect(self) -> Session:
        if self._session is not None and self._session.is_alive:
            return self._session
        await self.close()
        topics = [self._topic("stat", "#"), self._topic("tele", "LWT")]
        session = Session(self._config.broker, topics, hear=self._hear, timeout_s=self._config.timeout_s)
        await session.open()
        self._session = session
        return session

    def _hear(self, topic: str, said: Any) -> None:
        if topic == self._topic("tele", "LWT"):
            self._is_offline = said == "Offline"

    async def _status(self, number: str, answer: str) -> dict[str, Any]:
        found = await self._ask("Status", number, answer=answer)
        return record(found, answer)

    async def _ask(self, command: str, payload: str, *, answer: str) -> Any:
        session = await self._connect()
        if self._is_offline:
            raise DeviceError("says that it is offline")
        return await session.ask(
            self._topic("cmnd", command),
            payload,
            answer=lambda topic, said: said if topic == self._topic("stat", answer) else None,
            timeout_s=self._config.timeout_s,
        )

    async def read(self) -> Reading:
        """Ask for the sensors."""
        sensors = record((await self._status("10", "STATUS10")).get("StatusSNS"), "StatusSNS")
        self.check_alive(sensors.get("Time"))
        energy = record(sensors.get(self._config.section), self._config.section)
        config = self._config
        registers = _total(energy.get(config.import_field)), _total(energy.get(config.export_field))
        imported, exported = self.registers(*registers)
        return Reading(
            power_kw=self.power(_total(energy.get(config.power_field))),
            voltage_v=numbers.voltage_v(_first(energy.get("Voltage"))),
            frequency_hz=numbers.frequency_hz(_first(energy.get("Frequency"))),
            import_kwh=imported,
            export_kwh=exported,
        )

    async def switch(self, is_on: bool, *, back_after_s: int | None) -> None:
        """Switch, with a timer at the plug or without one."""
        session = await self._connect()
        relay, state = self._config.relay, "ON" if is_on else "OFF"
        if self._config.rest != "keep":
            await session.publish(self._topic("cmnd", f"TimedPower{relay}"), "")
        if back_after_s is None:
            await session.publish(self._topic("cmnd", f"Power{relay}"), state)
        else:
            order = f"{back_after_s * 1000},{int(is_on)}"
            await session.publish(self._topic("cmnd", f"TimedPower{relay}"), order)
        await self._confirm(session, state)

    async def _confirm(self, session: Session, wanted: str) -> None:
        """Ask for the relay's state, which comes after what was ordered: one answer to one question."""
        relay = self._config.relay
        names = ("POWER1", "POWER") if relay == 1 else (f"POWER{relay}",)

        def state_of(topic: str, said: Any) -> str | None:
            is_unknown = isinstance(said, dict) and said.get("Command") == "Unknown"
            if topic == self._topic("stat", "RESULT") and is_unknown:
                return "Unknown"
            if topic != self._topic("stat", "STATUS11"):
                return None
            state = said.get("StatusSTS") if isinstance(said, dict) else None
            states = state if isinstance(state, dict) else {}
            return next((str(states[name])[:20] for name in names if name in states), "nothing of its relay")

        asked = self._topic("cmnd", "Status")
        said = await session.ask(asked, "11", answer=state_of, timeout_s=self._config.timeout_s)
        if said == "Unknown":
            raise DeviceError('its firmware has no TimedPower: set rest to "keep"', permanent=True)
        if said != wanted:
            raise DeviceError(f"was told {wanted} and says {said}")

    async def close(self) -> None:
        """Disconnect; a timer that runs at the plug goes on."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _total(said: Any) -> float | None:
    """A value, or the sum of the phases'."""
    if not isinstance(said, list):
        return numbers.number(said)
    phases = [numbers.number(each) for each in said]
    return None if None in phases or not phases else sum(each for each in phases if each is not None)


def _first(said: Any) -> float | None:
    return numbers.number(said[0] if isinstance(said, list) and said else said)
