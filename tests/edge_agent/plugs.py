"""Plugs that behave as Tasmota's and Shelly's conventions say, at a broker or over HTTP, with a clock the test turns."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiomqtt

from edge_agent.rm.tasks import ended

WHO = {"mac": "A8032ABE54DC", "model": "SNPL-00112EU", "gen": 2, "ver": "1.4.4", "name": "Pump"}


class Relay:
    """A relay with a load behind it and one timer."""

    load_w = 1200.0

    def __init__(self) -> None:
        self.now, self.is_on, self.energy_kwh = 0.0, False, 12.5
        self.back: tuple[float, bool] | None = None
        self.mode = ""
        self.told: list[str] = []

    @property
    def power_w(self) -> float:
        return self.load_w if self.is_on else 0.0

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.energy_kwh += self.power_w * seconds / 3.6e6
        if self.back is not None and self.now >= self.back[0]:
            self.is_on, self.back = self.back[1], None


class TasmotaPlug(Relay):
    """Answers `cmnd/<topic>/…` at `stat/<topic>/…`."""

    def __init__(self, topic: str) -> None:
        super().__init__()
        self.topic = topic
        self.energy: dict[str, Any] = {}
        self.knows_timed_power = True

    def announcements(self) -> dict[str, str]:
        config = {
            "ip": "192.168.1.9", "dn": "Boiler", "md": "Athom Plug", "mac": "A0B1C2D3E4F5", "sw": "14.2.0",
            "t": self.topic, "ft": "%prefix%/%topic%/", "tp": ["cmnd", "stat", "tele"], "rl": [1, 0], "ver": 1,
        }  # fmt: skip
        sensors = {"sn": {"Time": "2026-01-01T00:00:00", "ENERGY": {"Power": 0}}, "ver": 1}
        return {
            f"tele/{self.topic}/LWT": "Online",
            "tasmota/discovery/A0B1C2D3E4F5/config": json.dumps(config),
            "tasmota/discovery/A0B1C2D3E4F5/sensors": json.dumps(sensors),
        }

    def answer(self, topic: str, payload: str) -> list[tuple[str, str]]:
        if not topic.startswith(f"cmnd/{self.topic}/") or self.mode == "silent":
            return []
        command = topic.rsplit("/", 1)[1]
        if command != "Status":
            self.told.append(f"{command} {payload}".strip())
        if self.mode == "garbage":
            return [(f"stat/{self.topic}/{name}", "{]") for name in ("STATUS10", "STATUS11")]
        if command == "Status":
            return self._status(payload)
        if command == "TimedPower1" and not self.knows_timed_power:
            unknown = {"Command": "Unknown", "Input": command.upper()}
            return [(f"stat/{self.topic}/RESULT", json.dumps(unknown))]
        if self.mode != "stuck":
            self._obey(command, payload)
        if command == "TimedPower1" and not payload:
            return [(f"stat/{self.topic}/RESULT", json.dumps({"TimedPower1": "Done"}))]
        state = "ON" if self.is_on else "OFF"
        return [
            (f"stat/{self.topic}/RESULT", json.dumps({"POWER": state})),
            (f"stat/{self.topic}/POWER", state),
        ]

    def _obey(self, command: str, payload: str) -> None:
        if command == "Power1" and payload:
            self.is_on = payload == "ON"
        elif command == "TimedPower1" and not payload:
            self.back = None
        elif command == "TimedPower1":
            after, state = payload.split(",")
            self.is_on = state == "1"
            self.back = self.now + int(after) / 1000.0, not self.is_on

    def _status(self, number: str) -> list[tuple[str, str]]:
        seconds = 0 if self.mode == "stuck" else int(self.now)
        measured = {
            "Total": round(self.energy_kwh, 3), "Power": self.power_w, "Voltage": 229.5, "Current": 5.2, **self.energy,
        }  # fmt: skip
        said: dict[str, Any] = {
            "": {"Status": {"Module": 1, "DeviceName": "Boiler", "Topic": self.topic}},
            "2": {"StatusFWR": {"Version": "14.2.0(release-tasmota)", "Hardware": "ESP32-C3"}},
            "5": {"StatusNET": {"Hostname": "boiler", "Mac": "A0:B1:C2:D3:E4:F5"}},
            "10": {"StatusSNS": {"Time": f"2026-01-01T00:00:00+{seconds}", "ENERGY": measured}},
            "11": {"StatusSTS": {"Uptime": "0T00:01:00", "POWER": "ON" if self.is_on else "OFF"}},
        }
        return [(f"stat/{self.topic}/STATUS{number}", json.dumps(said[number]))]


class ShellyPlug(Relay):
    """Remote procedures of a Shelly Plus Plug with a relay, a power meter and a three-phase meter."""

    def __init__(self, topic: str, password: str | None = None) -> None:
        super().__init__()
        self.topic, self.password = topic, password
        self.nonce = 1625038762
        self.changes: dict[str, Any] = {}

    def announcements(self) -> dict[str, str]:
        return {f"{self.topic}/online": "true"}

    def answer(self, topic: str, payload: str) -> list[tuple[str, str]]:
        if topic != f"{self.topic}/rpc" or self.mode == "silent":
            return []
        frame = json.loads(payload)
        said = "{]" if self.mode == "garbage" else json.dumps(self.rpc(frame))
        return [(f"{frame['src']}/rpc", said)]

    def rpc(self, frame: dict[str, Any]) -> dict[str, Any]:
        head = {"id": frame["id"], "src": self.topic, "dst": frame.get("src")}
        if self.password is not None and not self._is_signed(frame.get("auth")):
            ask = {
                "auth_type": "digest",
                "nonce": self.nonce,
                "nc": 1,
                "realm": self.topic,
                "algorithm": "SHA-256",
            }
            return {**head, "error": {"code": 401, "message": json.dumps(ask)}}
        try:
            return {**head, "result": self._result(frame["method"], frame.get("params") or {})}
        except KeyError:
            return {**head, "error": {"code": 404, "message": f"No handler for {frame['method']}"}}

    def _is_signed(self, auth: Any) -> bool:
        if not isinstance(auth, dict):
            return False
        owner = hashlib.sha256(f"admin:{self.topic}:{self.password}".encode()).hexdigest()
        call = hashlib.sha256(b"dummy_method:dummy_uri").hexdigest()
        text = f"{owner}:{self.nonce}:{auth['nc']}:{auth['cnonce']}:auth:{call}"
        signed: bool = auth["response"] == hashlib.sha256(text.encode()).hexdigest()
        return signed

    def _result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "Switch.Set":
            self.told.append(json.dumps(params, sort_keys=True))
            was, self.back = self.is_on, None
            if self.mode != "stuck":
                self.is_on = params["on"]
                if "toggle_after" in params:
                    self.back = self.now + params["toggle_after"], not self.is_on
            return {"was_on": was}
        switch = {
            "id": 0, "output": self.is_on, "apower": self.power_w, "voltage": 230.5, "freq": 50.0,
            "aenergy": {"total": round(self.energy_kwh * 1000.0, 3)}, "ret_aenergy": {"total": 3.5},
            "temperature": {"tC": 44.5, "tF": 112.1}, **self.changes,
        }  # fmt: skip
        meter = {"id": 0, "a_voltage": 231.0, "a_freq": 49.98, "total_act_power": -845.0, **self.changes}
        answers: dict[str, dict[str, Any]] = {
            "Shelly.GetDeviceInfo": {**WHO, "id": self.topic},
            "Shelly.GetStatus": {"sys": {}, "switch:0": switch, "em:0": meter},
            "Switch.GetStatus": switch,
            "EM.GetStatus": meter,
            "EMData.GetStatus": {"id": 0, "total_act": 4_500_000.0, "total_act_ret": 1_250_000.0},
        }  # fmt: skip
        return answers[method]


Answer = Callable[[str, str], list[tuple[str, str]]]


@asynccontextmanager
async def at_broker(
    port: int, answer: Answer, *, topics: list[str], retained: dict[str, str]
) -> AsyncIterator[aiomqtt.Client]:
    """Put a plug at the broker until the block ends."""

    async def serve(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            for topic, said in answer(message.topic.value, message.payload.decode()):
                await client.publish(topic, said, qos=1)

    async with aiomqtt.Client("127.0.0.1", port) as client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        for topic, said in retained.items():
            await client.publish(topic, said, qos=1, retain=True)
        task = asyncio.create_task(serve(client))
        try:
            yield client
        finally:
            await ended(task)


@asynccontextmanager
async def over_http(plug: ShellyPlug) -> AsyncIterator[int]:
    """Serve a Shelly's remote procedures by HTTP POST until the block ends."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.split("content-length:")[1].split("\r\n")[0])
            frame = json.loads(await reader.readexactly(length))
            assert head.startswith("post /rpc ")
            if plug.mode == "gone":
                writer.transport.abort()
                return
            said = b"{]" if plug.mode == "garbage" else json.dumps(plug.rpc(frame)).encode()
            if plug.mode == "silent":
                await asyncio.sleep(30)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(said) + said
            )
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
