"""Commission the virtual home at a python-matter-server, and record what the driver and the server say to each other.

Run by record.sh. Frames are written as they pass, in the players' format: nothing in them is replaced.
"""

import asyncio
import json
import sys
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from edge_agent.drivers.devices import open_device
from tests.edge_agent.matter_replay import FOLDER
from tests.edge_agent.matter_steps import RECORDINGS

SERVER = "ws://127.0.0.1:5580/ws"
# Reports come at most once a second.
REPORTED_S = 3.0


async def server() -> ClientConnection:
    for _ in range(60):
        try:
            return await connect(SERVER, max_size=None, proxy=None)
        except OSError:
            await asyncio.sleep(0.5)
    raise TimeoutError("the server does not start")


async def commission(code: str) -> int:
    async with await server() as socket:
        await socket.recv()
        args = {"code": code, "network_only": True}
        await socket.send(json.dumps({"message_id": "1", "command": "commission_with_code", "args": args}))
        while True:
            said = json.loads(await socket.recv())
            if said.get("message_id") == "1":
                return int(said["result"]["node_id"])


class Recorder:
    """Stands between the driver and the server, and notes what passes."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    async def _pass(self, heard: Any, said: Any, who: str) -> None:
        try:
            async for text in heard:
                self.lines.append({"from": who, "frame": json.loads(text)})
                await said.send(text)
        except ConnectionClosed:
            pass
        await said.close()

    async def stand_between(self, hub: ServerConnection) -> None:
        async with await server() as far:
            await asyncio.gather(self._pass(far, hub, "server"), self._pass(hub, far, "hub"))


async def reported() -> None:
    await asyncio.sleep(REPORTED_S)


async def main() -> None:
    node = await commission(sys.argv[1])
    await reported()
    for name, table, steps in RECORDINGS:
        recorder = Recorder()
        async with serve(recorder.stand_between, "127.0.0.1", 0) as proxy:
            url = f"ws://127.0.0.1:{next(iter(proxy.sockets)).getsockname()[1]}/ws"
            device = open_device({"kind": "matter", "key": "x", "url": url, "node": node, **table})
            try:
                await steps(device, reported)
            finally:
                await device.close()
                text = "".join(f"{json.dumps(line)}\n" for line in recorder.lines)
                (FOLDER / f"{name}.jsonl").write_text(text)
        print(f"{name}: {len(recorder.lines)} frames")


asyncio.run(main())
