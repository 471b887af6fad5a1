"""Commission the virtual home at a python-matter-server, and record what the driver and the server say to each other.

Run by record.sh. Frames are written as they pass, in the players' format: nothing in them is replaced.
"""

import asyncio
import json
import sys

from websockets.asyncio.client import ClientConnection, connect

from edge_agent.drivers.devices import open_device
from tests.edge_agent.exchange import Recorder
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


async def reported() -> None:
    await asyncio.sleep(REPORTED_S)


async def main() -> None:
    node = await commission(sys.argv[1])
    await reported()
    for name, table, steps in RECORDINGS:
        recorder = Recorder(SERVER)
        async with recorder.serving() as port:
            url = f"ws://127.0.0.1:{port}/ws"
            device = open_device({"kind": "matter", "key": "x", "url": url, "node": node, **table})
            try:
                await steps(device, reported)
            finally:
                await device.close()
                recorder.write(f"matter/{name}")
        print(f"{name}: {len(recorder.lines)} frames")


asyncio.run(main())
