"""The home's MQTT broker: how to reach it, and a connection that asks and hears."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import aiomqtt
import msgspec

from edge_agent.drivers.documents import Host, Port
from edge_agent.rm.device import DeviceError
from edge_agent.rm.tasks import ended

T = TypeVar("T")
Hear = Callable[[str, Any], None]
_LARGEST = 64 * 1024


class Broker(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Where the broker is. With `tls` its certificate has to be one that this machine trusts, or of `ca_file`."""

    host: Host
    port: Port = 1883
    username: str | None = None
    password: str | None = None
    tls: bool = False
    ca_file: str | None = None


def client(broker: Broker, *, will: aiomqtt.Will | None = None, timeout_s: float = 10.0) -> aiomqtt.Client:
    """A client of the broker, not yet connected."""
    context = ssl.create_default_context(cafile=broker.ca_file) if broker.tls else None
    return aiomqtt.Client(
        broker.host,
        broker.port,
        username=broker.username,
        password=broker.password,
        tls_context=context,
        will=will,
        timeout=timeout_s,
        max_queued_incoming_messages=1000,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )


def content(payload: object) -> Any:
    """What a message says: a JSON value, else its text, else nothing."""
    if not isinstance(payload, bytes | bytearray) or len(payload) > _LARGEST:
        return None
    try:
        return msgspec.json.decode(payload)
    except msgspec.DecodeError:
        return payload.decode(errors="replace")


class Session:
    """A connection with its subscriptions; `hear` gets each message. It ends with the first failure."""

    def __init__(self, broker: Broker, topics: Sequence[str], *, hear: Hear, timeout_s: float) -> None:
        self._broker, self._topics, self._hear, self._timeout_s = broker, topics, hear, timeout_s
        self._client: aiomqtt.Client | None = None
        self._task: asyncio.Task[None] | None = None
        self._listeners: list[Hear] = []

    @property
    def is_alive(self) -> bool:
        """Whether it is connected."""
        return self._task is not None and not self._task.done()

    async def open(self) -> None:
        """Connect and subscribe."""
        found = client(self._broker, timeout_s=self._timeout_s)
        try:
            await found.__aenter__()
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            raise DeviceError(f"broker {self._broker.host}:{self._broker.port}: {error}") from error
        self._client = found
        self._task = asyncio.create_task(self._listen(found))
        try:
            for topic in self._topics:
                await found.subscribe(topic, qos=1)
        except (aiomqtt.MqttError, OSError) as error:
            await self.close()
            raise DeviceError(f"broker: {error}") from error

    async def _listen(self, found: aiomqtt.Client) -> None:
        with suppress(aiomqtt.MqttError):
            async for message in found.messages:
                said = content(message.payload)
                for listener in (self._hear, *self._listeners):
                    listener(message.topic.value, said)

    async def publish(self, topic: str, payload: str | bytes | None, *, retain: bool = False) -> None:
        """Say something."""
        if self._client is None or not self.is_alive:
            raise DeviceError("the broker is gone")
        try:
            await self._client.publish(topic, payload, qos=1, retain=retain)
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            raise DeviceError(f"broker: {error}") from error

    async def ask(
        self, topic: str, payload: str | bytes, *, answer: Callable[[str, Any], T | None], timeout_s: float
    ) -> T:
        """Say something and wait for the message in which `answer` finds one."""
        found: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def listen(heard: str, said: Any) -> None:
            if not found.done() and (result := answer(heard, said)) is not None:
                found.set_result(result)

        self._listeners.append(listen)
        try:
            await self.publish(topic, payload)
            await asyncio.wait({found}, timeout=timeout_s)
        finally:
            self._listeners.remove(listen)
        if not found.done():
            raise DeviceError(f"no answer to {topic} within {timeout_s:g} s")
        return found.result()

    async def close(self) -> None:
        """Disconnect."""
        task, self._task = self._task, None
        if task is not None:
            await ended(task)
        found, self._client = self._client, None
        if found is not None:
            with suppress(aiomqtt.MqttError, OSError):
                await found.__aexit__(None, None, None)
