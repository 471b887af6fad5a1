"""Plays the server's side of an exchange with a python-matter-server, and holds the hub to its own side.

An exchange is a file of JSON lines, each `{"from": "server" or "hub", "frame": …}`; see docs/reference/drivers/matter.md.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

FOLDER = Path(__file__).resolve().parents[1] / "data" / "matter"


def exchange(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


class Replay:
    """What is left to say and to hear; `flaws` are frames that were not as in the exchange."""

    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self.lines = list(lines)
        self.flaws: list[tuple[Any, Any]] = []
        self.port = 0
        self.socket: ServerConnection | None = None

    async def say(self) -> None:
        """Send what the server says next."""
        assert self.socket is not None
        while self.lines and self.lines[0]["from"] == "server":
            frame = self.lines.pop(0)["frame"]
            await self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    async def _serve(self, socket: ServerConnection) -> None:
        self.socket = socket
        try:
            await self.say()
            async for text in socket:
                heard = json.loads(text)
                expected = self.lines.pop(0)["frame"] if self.lines else None
                if heard != expected:
                    self.flaws.append((heard, expected))
                    await socket.close()
                    return
                await self.say()
        except ConnectionClosed:
            pass

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        async with serve(self._serve, "127.0.0.1", self.port) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self.port
