"""A connection to a running python-matter-server: attributes of one node, and commands to it."""

import itertools
from typing import Any

from edge_agent.drivers.json_socket import Frame, JsonSocket
from edge_agent.rm.device import DeviceError

# The oldest schema of the server's messages that has what is used here, and the newest that was tried.
OLDEST_SCHEMA, NEWEST_SCHEMA = 9, 11


class Client:
    """Follows one node; `attributes` is what it said last, by `endpoint/cluster/attribute`."""

    def __init__(self, url: str, node: int, *, timeout_s: float) -> None:
        self._node = node
        self._socket = JsonSocket(url, "message_id", hear=self._hear, timeout_s=timeout_s)
        self._numbers = itertools.count(1)
        self.attributes: dict[str, Any] = {}
        self._is_available = False

    async def connected(self) -> None:
        """Connect unless it is, and learn the node."""
        if not self._socket.is_alive:
            await self.close()
            await self._socket.open(self._greet)
            nodes = await self._ask("start_listening", {})
            for node in nodes if isinstance(nodes, list) else []:
                self._take(node)
        if not self.attributes:
            raise DeviceError(f"the server has no node {self._node}", permanent=True)
        if not self._is_available:
            raise DeviceError(f"node {self._node} does not answer the server")

    async def _greet(self, socket: JsonSocket) -> None:
        said = await socket.receive()
        oldest, newest = said.get("min_supported_schema_version"), said.get("schema_version")
        if not isinstance(oldest, int) or not isinstance(newest, int):
            raise DeviceError("is no python-matter-server: it tells no schema version", permanent=True)
        if newest < OLDEST_SCHEMA or oldest > NEWEST_SCHEMA:
            detail = f"the server speaks schema {oldest} to {newest}, not {OLDEST_SCHEMA} to {NEWEST_SCHEMA}"
            raise DeviceError(detail, permanent=True)

    async def _ask(self, command: str, args: dict[str, Any]) -> Any:
        said = await self._socket.ask(
            {"message_id": str(next(self._numbers)), "command": command, "args": args}
        )
        if "error_code" in said:
            raise DeviceError(f"{command}: {said.get('error_code')} {str(said.get('details'))[:200]}")
        return said.get("result")

    async def command(
        self, endpoint: int, cluster: int, *, name: str, timed: bool = False, **payload: Any
    ) -> None:
        """Send a cluster's command to an endpoint."""
        args: dict[str, Any] = {
            "node_id": self._node, "endpoint_id": endpoint, "cluster_id": cluster, "command_name": name, "payload": payload,
        }  # fmt: skip
        if timed:
            args["timed_request_timeout_ms"] = 5000
        await self._ask("device_command", args)

    async def refreshed(self, path: str) -> Any:
        """Read an attribute at the node, rather than believe the subscription."""
        said = await self._ask("read_attribute", {"node_id": self._node, "attribute_path": path})
        if not isinstance(said, dict):
            return None
        if self._is_available:
            self.attributes.update({str(name): value for name, value in said.items()})
        return said.get(path)

    def _take(self, said: Any) -> None:
        if not isinstance(said, dict) or said.get("node_id") != self._node:
            return
        attributes = said.get("attributes")
        self.attributes = dict(attributes) if isinstance(attributes, dict) else {}
        self._is_available = said.get("available") is True

    def _hear(self, frame: Frame) -> None:
        event, data = frame.get("event"), frame.get("data")
        if event in {"node_added", "node_updated"}:
            self._take(data)
        elif event == "node_removed" and data == self._node:
            self.attributes, self._is_available = {}, False
        elif (
            event == "attribute_updated"
            and isinstance(data, list)
            and len(data) == 3
            and data[0] == self._node
        ):
            self.attributes[str(data[1])] = data[2]

    async def close(self) -> None:
        """Disconnect."""
        await self._socket.close()
        self.attributes, self._is_available = {}, False
