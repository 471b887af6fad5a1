"""Plugs and meters whose topics Home Assistant's MQTT discovery names: state, command, power, energy."""

import time
from typing import Any

from edge_agent.drivers import numbers
from edge_agent.drivers.broker import Session
from edge_agent.drivers.mqtt.config import PlainConfig
from edge_agent.drivers.mqtt.plug import Plug
from edge_agent.rm.device import DeviceError, Identity
from vpp.energy_manager.reading import Reading


def at_path(said: Any, path: str) -> Any:
    """A value inside a JSON object; an empty path is the whole."""
    for name in path.split(".") if path else []:
        if not isinstance(said, dict):
            return None
        said = said.get(name)
    return said


def text_of(said: Any) -> str:
    """A state as its message had it."""
    return str(said).lower() if isinstance(said, bool) else str(said)


class Plain(Plug):
    """It only tells, never answers: what it said last counts until `stuck_after_s`. It has no timer of its own."""

    def __init__(self, config: PlainConfig) -> None:
        super().__init__(config)
        self._config = config
        self._session: Session | None = None
        self._said: dict[str, tuple[float, Any]] = {}

    async def open(self) -> Identity:
        """Connect; the device itself says nothing of who it is."""
        await self.close()
        await self._connect()
        return Identity(maker=self._config.maker, model=self._config.model)

    async def _connect(self) -> Session:
        if self._session is not None and self._session.is_alive:
            return self._session
        await self.close()
        config = self._config
        topics = {config.state_topic, config.power_topic, config.energy_topic} - {None}
        session = Session(
            config.broker, sorted(str(topic) for topic in topics), hear=self._hear, timeout_s=config.timeout_s
        )
        await session.open()
        self._session = session
        return session

    def _hear(self, topic: str, said: Any) -> None:
        self._said[topic] = time.monotonic(), said

    def _value(self, topic: str | None, path: str) -> Any:
        heard_at, said = self._said.get(topic or "", (0.0, None))
        if said is None or time.monotonic() - heard_at > self._config.stuck_after_s:
            return None
        return at_path(said, path)

    async def read(self) -> Reading:
        """What it said last."""
        await self._connect()
        config = self._config
        if config.power_topic is not None:
            watts = numbers.scaled(
                self._value(config.power_topic, config.power_path), config.power_factor * 1000.0
            )
        elif (state := self._value(config.state_topic, config.state_path)) is not None:
            watts = config.rated_kw * 1000.0 * (text_of(state) == config.state_on)
        else:
            watts = None
        energy = self._value(config.energy_topic, config.energy_path)
        imported, exported = self.registers(numbers.scaled(energy, config.energy_factor), None)
        return Reading(power_kw=self.power(watts), import_kwh=imported, export_kwh=exported)

    async def switch(self, is_on: bool, *, back_after_s: int | None) -> None:
        """Publish the command and wait for the state to follow, where there is one."""
        config = self._config
        if config.command_topic is None:
            raise DeviceError("has no command topic", permanent=True)
        session = await self._connect()
        payload = config.payload_on if is_on else config.payload_off

        def follows(topic: str, said: Any) -> bool | None:
            state = at_path(said, config.state_path) if topic == config.state_topic else None
            return True if state is not None and (text_of(state) == config.state_on) is is_on else None

        state = self._value(config.state_topic, config.state_path)
        if config.state_topic is None or (state is not None and (text_of(state) == config.state_on) is is_on):
            await session.publish(config.command_topic, payload)
            return
        await session.ask(config.command_topic, payload, answer=follows, timeout_s=config.timeout_s)

    async def close(self) -> None:
        """Disconnect."""
        session, self._session = self._session, None
        self._said.clear()
        if session is not None:
            await session.close()
