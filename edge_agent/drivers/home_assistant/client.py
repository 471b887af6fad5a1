"""Home Assistant's WebSocket API, as much of it as the hub needs: states of chosen entities, and services."""

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from edge_agent.drivers.json_socket import Frame, JsonSocket
from edge_agent.rm.device import DeviceError

_NOT_THERE = {"unavailable", "unknown", "none", ""}


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
        self._token, self._timeout_s = token, timeout_s
        self._entities = sorted(set(entities))
        self._socket = JsonSocket(api_url(url), "id", hear=self._hear, timeout_s=timeout_s)
        self._numbers = itertools.count(1)
        self._changed = asyncio.Event()
        self.states: dict[str, State] = {}
        self.version = ""

    async def connected(self) -> None:
        """Connect unless it is, and learn the states."""
        if self._socket.is_alive:
            return
        await self.close()
        self._numbers = itertools.count(1)
        self.states.clear()
        await self._socket.open(self._greet)
        await self._call("subscribe_entities", entity_ids=self._entities)
        await self.until(
            lambda: set(self._entities) <= set(self.states), "no such entity", told=self._missing
        )

    def _missing(self) -> str:
        return ", ".join(sorted(set(self._entities) - set(self.states)))

    async def _greet(self, socket: JsonSocket) -> None:
        said = await socket.receive()
        if said.get("type") == "auth_required":
            await socket.send({"type": "auth", "access_token": self._token})
            said = await socket.receive()
        if said.get("type") != "auth_ok":
            refused = said.get("type") == "auth_invalid"
            detail = f"does not let the hub in: {str(said.get('message'))[:200]}"
            raise DeviceError(detail, permanent=refused)
        self.version = str(said.get("ha_version") or "")

    async def _call(self, kind: str, **more: Any) -> Any:
        said = await self._socket.ask({"id": next(self._numbers), "type": kind, **more})
        if said.get("success") is not True:
            error = said.get("error")
            detail = error.get("message") if isinstance(error, dict) else error
            raise DeviceError(f"{kind}: {str(detail)[:300]}")
        return said.get("result")

    async def service(self, entity: str, service: str, **data: Any) -> None:
        """Call a service of the entity's domain on it."""
        await self.connected()
        domain = entity.partition(".")[0]
        await self._call(
            "call_service", domain=domain, service=service, service_data=data, target={"entity_id": entity}
        )

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

    def _hear(self, frame: Frame) -> None:
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
        await self._socket.close()


def _items(said: Any) -> list[tuple[str, dict[str, Any]]]:
    found = said.items() if isinstance(said, dict) else ()
    return [(str(name), value) for name, value in found if isinstance(value, dict)]


def _items_of(said: Any) -> list[tuple[str, Any]]:
    return list(said.items()) if isinstance(said, dict) else []
