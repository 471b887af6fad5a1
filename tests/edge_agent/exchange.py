"""Records what a driver and a server said to each other; plays the server's side again, and holds the hub to its own.

An exchange is a file of JSON lines, each `{"from": "server" or "hub", "frame": …}`; see docs/reference/drivers.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

DATA = Path(__file__).resolve().parents[1] / "data"


def exchange(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]


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


class Recorder:
    """Stands between a driver and the server at a URL, and notes what passes; `token` is noted as another."""

    def __init__(self, url: str, *, token: str = "") -> None:
        self._url, self._token = url, token
        self.lines: list[dict[str, Any]] = []

    async def _pass(self, heard: Any, said: Any, who: str) -> None:
        try:
            async for text in heard:
                noted = text.replace(self._token, "long-lived") if self._token else text
                self.lines.append({"from": who, "frame": json.loads(noted)})
                await said.send(text)
        except ConnectionClosed:
            pass
        await said.close()

    async def _between(self, hub: ServerConnection) -> None:
        async with connect(self._url, max_size=None, proxy=None) as far:
            await asyncio.gather(self._pass(far, hub, "server"), self._pass(hub, far, "hub"))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """The port at which the driver finds the server."""
        async with serve(self._between, "127.0.0.1", 0) as server:
            yield next(iter(server.sockets)).getsockname()[1]

    def write(self, name: str) -> None:
        """Keep what was noted."""
        path = DATA / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{json.dumps(line)}\n" for line in self.lines))
