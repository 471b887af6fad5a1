"""A server that follows Home Assistant's published WebSocket API, and breaks it where a test wants that."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

TOKEN = "long-lived"


class FakeHomeAssistant:
    """Entities with states and attributes; services change them as the real ones do."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, Any]] = {}
        self.followers: dict[ServerConnection, tuple[int, list[str]]] = {}
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.mode = ""
        self.odd: object = None
        self.greeting: str | bytes | None = None
        self.port = 0
        self.degree: object = "°C"
        self.version = "2026.1.0"

    def add(self, entity: str, state: object, **attributes: Any) -> None:
        self.entities[entity] = {"s": str(state), "a": attributes}

    async def change(self, entity: str, state: object | None = None, **attributes: Any) -> None:
        """Change an entity and tell those that follow it, as a compressed difference."""
        held = self.entities[entity]
        added: dict[str, Any] = {"lc": 1767225600.5}
        if state is not None:
            held["s"] = added["s"] = str(state)
        if attributes:
            held["a"].update(attributes)
            added["a"] = attributes
        await self.tell({"c": {entity: {"+": added}}}, entity)

    async def remove(self, entity: str) -> None:
        del self.entities[entity]
        await self.tell({"r": [entity]}, entity)

    async def tell(self, event: dict[str, Any], entity: str) -> None:
        for socket, (number, entities) in list(self.followers.items()):
            if entity in entities:
                await socket.send(json.dumps({"id": number, "type": "event", "event": event}))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["FakeHomeAssistant"]:
        server: Server
        async with serve(self._serve, "127.0.0.1", self.port) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path == "/api/websocket"
        greeting = json.dumps({"type": "auth_required", "ha_version": self.version})
        try:
            await socket.send(greeting if self.greeting is None else self.greeting)
            said = json.loads(await socket.recv())
            if said != {"type": "auth", "access_token": TOKEN}:
                await socket.send(
                    json.dumps({"type": "auth_invalid", "message": "Invalid access token or password"})
                )
                return
            await socket.send(json.dumps({"type": "auth_ok", "ha_version": self.version}))
            last = 0
            async for text in socket:
                said = json.loads(text)
                if said["id"] <= last:
                    await self._refuse(socket, said["id"], "id_reuse")
                    continue
                last = said["id"]
                await self._answer(socket, said)
        except ConnectionClosed:
            pass
        finally:
            self.followers.pop(socket, None)

    async def _refuse(self, socket: ServerConnection, number: int, code: str) -> None:
        error = {"code": code, "message": f"{code} here"}
        await socket.send(json.dumps({"id": number, "type": "result", "success": False, "error": error}))

    async def _answer(self, socket: ServerConnection, said: dict[str, Any]) -> None:
        number = said["id"]
        if self.mode == "silent":
            return
        if self.mode == "gone":
            await socket.close()
            return
        if self.mode == "frozen":
            socket.transport.pause_reading()
            return
        if self.mode in {"garbage", "odd"}:
            await socket.send("{]" if self.mode == "garbage" else json.dumps(self.odd))
            return
        if said["type"] == "subscribe_entities":
            await self._done(socket, number)
            known = {
                entity: self.entities[entity] for entity in said["entity_ids"] if entity in self.entities
            }
            self.followers[socket] = number, said["entity_ids"]
            first = {entity: {**held, "c": "context", "lc": 1767225600.0} for entity, held in known.items()}
            await socket.send(json.dumps({"id": number, "type": "event", "event": {"a": first}}))
        elif said["type"] == "get_config":
            await self._done(socket, number, {"unit_system": {"temperature": self.degree}})
        elif said["type"] == "call_service":
            await self._service(socket, said)
        else:
            await self._refuse(socket, number, "unknown_command")

    async def _done(self, socket: ServerConnection, number: int, result: object = None) -> None:
        await socket.send(json.dumps({"id": number, "type": "result", "success": True, "result": result}))

    async def _service(self, socket: ServerConnection, said: dict[str, Any]) -> None:
        entity, data = said["target"]["entity_id"], said.get("service_data", {})
        self.called.append((f"{said['domain']}.{said['service']} {entity}", data))
        held = self.entities.get(entity)
        if held is None or self.mode == "refuses":
            await self._refuse(socket, said["id"], "home_assistant_error")
            return
        await self._done(socket, said["id"])
        if self.mode == "stuck":
            return
        if said["service"] in {"turn_on", "turn_off"}:
            await self.change(entity, said["service"].removeprefix("turn_"))
        elif said["service"] == "set_value":
            await self.change(entity, data["value"])
        elif said["service"] == "select_option":
            await self.change(entity, data["option"])
        elif said["service"] == "set_temperature":
            await self.change(entity, **data)
