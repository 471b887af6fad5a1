"""Load on the hub link from a process of its own: many WebSockets, frames made beforehand, acknowledgements timed.

Reads its orders as JSON from standard input, prints its result as JSON.
"""

import asyncio
import json
import struct
import sys
import time
from typing import Any

import msgspec
import uvloop

from vpp.protocols.link import codec
from vpp.protocols.link.messages import COLUMNS, Ack, Hello, Snapshots


def frame(payload: bytes) -> bytes:
    """Return a masked binary WebSocket frame (the mask is zero, so the payload stands as it is)."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x82, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x82, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x82, 0x80 | 127, size)
    return head + bytes(4) + payload


def message(hub: int, seq: int, *, rows: int, start_ms: int, step_ms: int) -> bytes:
    """Return the frame of one message of a hub: `rows` snapshots of all columns, distinct in time."""
    first = start_ms + seq * rows * step_ms
    at = [first + row * step_ms for row in range(rows)]
    columns = {
        name: [((hub * 31 + seq * 7 + row * 3 + index) % 997) / 1000 for row in range(rows)]
        for index, name in enumerate(COLUMNS)
    }
    return frame(codec.encode_msgpack(Snapshots(lane="live", seq=seq, at=at, **columns)))  # type: ignore[arg-type]


class HubConnection(asyncio.Protocol):
    """One hub: upgrades, says hello, keeps `window` messages in flight."""

    def __init__(self, hub: dict[str, Any], frames: list[bytes], window: int) -> None:
        self.hub = hub
        self.frames = frames
        self.window = window
        self.next = 0
        self.acked = -1
        self.sent_at: list[float] = []
        self.latencies: list[float] = []
        self.welcome = asyncio.get_running_loop().create_future()
        self.finished = asyncio.get_running_loop().create_future()
        self.deadline = 0.0
        self._buffer = b""
        self._upgraded = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        request = (
            f"GET /hub/communicate HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Authorization: Bearer {self.hub['token']}\r\n\r\n"
        )
        self.transport.write(request.encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.welcome.set_exception(RuntimeError(head.decode()))
                return
            self._upgraded, self._buffer = True, rest
            hello = Hello(hub_id=self.hub["hub_id"], boot_id="bench", first_unacked={"live": 0})
            self.transport.write(frame(codec.encode_msgpack(hello)))
        self._frames()

    def _frames(self) -> None:
        buffer = self._buffer
        while len(buffer) >= 2:
            size, offset = buffer[1] & 0x7F, 2
            if size == 126:
                if len(buffer) < 4:
                    break
                size, offset = struct.unpack_from("!H", buffer, 2)[0], 4
            if len(buffer) < offset + size:
                break
            payload, opcode = buffer[offset : offset + size], buffer[0] & 0x0F
            buffer = buffer[offset + size :]
            if opcode == 2:
                self._message(codec.decode_cloud(payload))
        self._buffer = buffer

    def _message(self, received: msgspec.Struct) -> None:
        if not self.welcome.done():
            self.welcome.set_result(received)
        elif isinstance(received, Ack):
            now = time.perf_counter()
            for seq in range(self.acked + 1, received.seq + 1):
                self.latencies.append(now - self.sent_at[seq])
            self.acked = received.seq
            self.fill(now)
        else:
            raise RuntimeError(f"unexpected: {received}")

    def fill(self, now: float) -> None:
        """Send until the window is full; finish when time or messages are out."""
        count = len(self.frames)
        out = []
        while self.next < count and self.next - self.acked <= self.window and now < self.deadline:
            out.append(self.frames[self.next])
            self.sent_at.append(now)
            self.next += 1
        if out:
            self.transport.write(b"".join(out))
        elif self.acked == self.next - 1 and not self.finished.done():
            self.finished.set_result(None)


async def load(orders: dict[str, Any]) -> dict[str, Any]:
    """Connect, wait for all welcomes, send for `seconds`, return what was acknowledged."""
    loop = asyncio.get_running_loop()
    made = []
    for index, hub in enumerate(orders["hubs"]):
        frames = [
            message(index, seq, rows=orders["rows"], start_ms=orders["start_ms"], step_ms=orders["step_ms"])
            for seq in range(orders["messages"])
        ]
        connection = HubConnection(hub, frames, orders["window"])
        await loop.create_connection(lambda c=connection: c, "127.0.0.1", orders["port"])  # type: ignore[misc]
        made.append(connection)
    await asyncio.wait_for(asyncio.gather(*(connection.welcome for connection in made)), 60)
    started = time.perf_counter()
    for connection in made:
        connection.deadline = started + orders["seconds"]
        connection.fill(started)
    await asyncio.wait_for(
        asyncio.gather(*(connection.finished for connection in made)), orders["seconds"] + 60
    )
    seconds = time.perf_counter() - started
    latencies = sorted(latency for connection in made for latency in connection.latencies)
    return {
        "messages": len(latencies),
        "seconds": seconds,
        "p50_s": latencies[len(latencies) // 2],
        "p99_s": latencies[int(len(latencies) * 0.99)],
        "exhausted": sum(connection.next == len(connection.frames) for connection in made),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(load(json.load(sys.stdin)))))
