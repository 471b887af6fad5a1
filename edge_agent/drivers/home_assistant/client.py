"""States of chosen entities, and services, by `hass-client`; here is what that library leaves to those who use it.

It sets no time limits, checks no frame before it takes it apart, and does not put an entity's differences together.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from hass_client.client import HomeAssistantClient
from hass_client.exceptions import AuthenticationFailed, BaseHassClientError, InvalidMessage

from edge_agent.rm.device import DeviceError
from edge_agent.rm.tasks import ended

_NOT_THERE = {"unavailable", "unknown", "none", ""}
# How long a server is waited for that does not say goodbye [s].
_GOODBYE_S = 1.0
Result = TypeVar("Result")


@dataclass(slots=True)
class State:
    """What an entity says."""

    value: str
    attributes: dict[str, Any] = field(default_factory=dict)


def api_url(url: str) -> str:
    """The WebSocket API's address of a Home Assistant."""
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme in {"https", "wss"} else "ws"
    path = parts.path.rstrip("/").removesuffix("/api/websocket") + "/api/websocket"
    return urlunsplit((scheme, parts.netloc, path, "", ""))


class Client:
    """A connection that follows some entities; `states` is what they say now."""

    def __init__(self, url: str, token: str, *, entities: Iterable[str], timeout_s: float) -> None:
        self._url, self._token, self._timeout_s = api_url(url), token, timeout_s
        self._entities = sorted(set(entities))
        self._library: HomeAssistantClient | None = None
        self._listening: asyncio.Task[None] | None = None
        self._reason = "the connection is closed"
        self._changed = asyncio.Event()
        self.states: dict[str, State] = {}
        self.version = ""

    @property
    def _is_alive(self) -> bool:
        is_listening = self._listening is not None and not self._listening.done()
        return is_listening and self._library is not None and self._library.connected

    async def connected(self) -> None:
        """Connect unless it is, and learn the states."""
        if self._is_alive:
            return
        await self.close()
        self.states.clear()
        try:
            await self._connect()
        except BaseException:
            await self.close()
            raise

    async def _connect(self) -> None:
        self._reason = "the connection is closed"
        self._library = library = HomeAssistantClient(self._url, self._token)
        await self._answer(library.connect())
        self.version = str(library.version or "")
        self._listening = asyncio.create_task(self._listen(library))
        follow = library.subscribe(self._hear, "subscribe_entities", entity_ids=self._entities)
        await self._answer(follow, "subscribe_entities: ")
        wanted = set(self._entities)
        await self.until(lambda: wanted <= set(self.states), "no such entity", told=self._missing)

    def _missing(self) -> str:
        return ", ".join(sorted(set(self._entities) - set(self.states)))

    async def _listen(self, library: HomeAssistantClient) -> None:
        try:
            await library.start_listening()
        except Exception as error:  # whatever the library makes of a frame that is none
            self._reason = _said(error)

    async def _answer(self, call: Coroutine[Any, Any, Result], what: str = "") -> Result:
        """What the library answers in time; that it does not is a DeviceError."""
        task = asyncio.create_task(call)
        try:
            await asyncio.wait({task}, timeout=self._timeout_s)
            is_late = not task.done()
        finally:
            await ended(task)
        if is_late:
            raise DeviceError(f"{self._url}: no answer within {self._timeout_s:g} s")
        if task.cancelled():
            # The library cancels what waits when its listening ends.
            if self._listening is not None:
                await asyncio.wait({self._listening}, timeout=_GOODBYE_S)
            raise DeviceError(f"{self._url}: {self._reason}")
        error = task.exception()
        if error is not None:
            is_refused = isinstance(error, AuthenticationFailed)
            detail = f"does not let the hub in: {error}" if is_refused else what + _said(error)
            raise DeviceError(f"{self._url}: {detail}", permanent=is_refused) from error
        return task.result()

    async def service(self, entity: str, service: str, **data: Any) -> None:
        """Call a service of the entity's domain on it."""
        await self.connected()
        assert self._library is not None
        domain = entity.partition(".")[0]
        await self._answer(
            self._library.call_service(domain, service, data, {"entity_id": entity}), f"{domain}.{service}: "
        )

    async def is_fahrenheit(self) -> bool:
        """Whether thermostats are set in °F; unlike sensors they do not say so themselves."""
        await self.connected()
        assert self._library is not None
        said = await self._answer(self._library.get_config(), "get_config: ")
        units = said.get("unit_system") if isinstance(said, dict) else None
        unit = units.get("temperature") if isinstance(units, dict) else None
        if unit not in ("°C", "°F"):
            raise DeviceError(f"get_config: says temperatures in {unit!r}")
        return bool(unit == "°F")

    async def until(self, holds: Callable[[], bool], detail: str, *, told: Callable[[], str]) -> None:
        """Wait until the states are as they should be."""
        try:
            async with asyncio.timeout(self._timeout_s):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise DeviceError(f"{detail}: {told()}") from None

    def state(self, entity: str) -> State:
        """What an entity says; one that is not there is a DeviceError."""
        found = self.states.get(entity)
        if found is None or found.value.lower() in _NOT_THERE:
            raise DeviceError(f"{entity} is {'gone' if found is None else found.value or 'empty'}")
        return found

    def _hear(self, frame: dict[str, Any]) -> None:
        event = frame.get("event")
        if frame.get("type") != "event" or not isinstance(event, dict):
            return
        for entity, said in _items(event.get("a")):
            self.states[entity] = State(str(said.get("s", "")), dict(_items_of(said.get("a"))))
        for entity, said in _items(event.get("c")):
            self._change(entity, said)
        removed = event.get("r")
        for entity in removed if isinstance(removed, list) else []:
            self.states.pop(str(entity), None)
        self._changed.set()

    def _change(self, entity: str, said: dict[str, Any]) -> None:
        state = self.states.get(entity)
        if state is None:
            return
        added, removed = said.get("+"), said.get("-")
        if isinstance(added, dict):
            state.value = str(added.get("s", state.value))
            state.attributes.update(_items_of(added.get("a")))
        names = removed.get("a") if isinstance(removed, dict) else None
        for name in names if isinstance(names, list) else []:
            state.attributes.pop(str(name), None)

    async def close(self) -> None:
        """Disconnect."""
        listening, self._listening = self._listening, None
        library, self._library = self._library, None
        if listening is not None:
            await ended(listening)
        if library is not None:
            goodbye = asyncio.create_task(library.disconnect())
            await asyncio.wait({goodbye}, timeout=_GOODBYE_S)
            await ended(goodbye)
            # What a goodbye that was cut short left open is closed by the second.
            await library.disconnect()


def _said(error: BaseException) -> str:
    is_known = isinstance(error, BaseHassClientError | OSError) and not isinstance(error, InvalidMessage)
    return (
        f"{str(error) or type(error).__name__}"[:300]
        if is_known
        else f"sent what is no frame: {error!r}"[:300]
    )


def _items(said: Any) -> list[tuple[str, dict[str, Any]]]:
    found = said.items() if isinstance(said, dict) else ()
    return [(str(name), value) for name, value in found if isinstance(value, dict)]


def _items_of(said: Any) -> list[tuple[str, Any]]:
    return list(said.items()) if isinstance(said, dict) else []
