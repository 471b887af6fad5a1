"""The driver in docs/how-to/write-a-driver.md, put into a folder and run."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

import edge_agent.drivers
from edge_agent.config import ConfigError
from edge_agent.drivers.devices import kinds, open_device
from edge_agent.rm.device import REVERSION_S, Device, DeviceError, Identity, Switch
from vpp.energy_manager.reading import Reading

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "write-a-driver.md"


def example() -> str:
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "ventilation"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Ventilation units."""\n')
    (folder / "device.py").write_text(example())
    monkeypatch.setattr(edge_agent.drivers, "__path__", [*edge_agent.drivers.__path__, str(tmp_path)])
    yield
    for name in [name for name in sys.modules if name.startswith("edge_agent.drivers.ventilation")]:
        del sys.modules[name]


class Unit:
    """The device at the other end, with a clock that the test turns."""

    def __init__(self) -> None:
        self.now, self.is_on, self.until, self.mode = 0.0, True, 0.0, ""

    @property
    def power_w(self) -> int:
        return 280 if self.is_on or self.now >= self.until else 12

    def answer(self, line: str) -> str:
        if line == "WHO?":
            return "PUMP 1" if self.mode == "other" else "AIR 77"
        if line == "POWER?":
            return {"garbage": "\x00\xff?", "much": "9999", "nan": "nan"}.get(self.mode, str(self.power_w))
        if self.mode == "stuck":
            return "NO"
        if line.startswith("SET "):
            _, state, seconds = line.split()
            self.is_on, self.until = state == "ON", self.now + float(seconds)
        else:
            self.is_on = True
        return line

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                line = (await reader.readuntil(b"\n")).decode().strip()
                if self.mode == "gone":
                    break
                if self.mode != "silent":
                    writer.write(self.answer(line).encode(errors="replace") + b"\n")
        writer.close()

    @asynccontextmanager
    async def opened(self, timeout_s: float = 3.0) -> AsyncIterator[Device]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        table = {
            "kind": "ventilation",
            "key": "air",
            "host": "127.0.0.1",
            "port": port,
            "timeout_s": timeout_s,
        }
        found = open_device(table)
        try:
            yield found
        finally:
            await found.close()
            server.close()


def test_example_is_short() -> None:
    assert len(example().splitlines()) < 100


def test_folder_is_all_it_takes() -> None:
    assert {"home_assistant", "matter", "mqtt", "sunspec", "ventilation"} <= set(kinds())


async def test_unit_is_read_and_ordered_until_nobody_renews() -> None:
    unit = Unit()
    async with unit.opened() as found:
        assert await found.open() == Identity(maker="Acme", model="Air", serial="77")
        assert found.shape() == Switch(rated_kw=0.3, least_on_s=300.0, least_off_s=300.0)
        await found.write(0.0)
        assert await found.read() == Reading(power_kw=0.012)
        unit.now += REVERSION_S
        assert await found.read() == Reading(power_kw=0.28)
        await found.write(0.0)
        await found.write(None)
        assert await found.read() == Reading(power_kw=0.28)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("gone", "POWER?"), ("silent", "no answer in time"), ("garbage", "says no power"), ("nan", "says no power"),
        ("much", "beyond 0.9 kW"),
    ],
)  # fmt: skip
async def test_trouble_passes(mode: str, reason: str) -> None:
    unit = Unit()
    async with unit.opened(timeout_s=1.0) as found:
        await found.open()
        unit.mode = mode
        with pytest.raises(DeviceError) as caught:
            await found.read()
        assert reason in caught.value.detail
        unit.mode = ""
        assert (await found.read()).power_kw == 0.28


async def test_order_that_is_not_taken() -> None:
    unit = Unit()
    async with unit.opened() as found:
        unit.mode = "stuck"
        with pytest.raises(DeviceError, match="answers 'NO' to SET OFF 60"):
            await found.write(0.0)


async def test_device_of_another_kind() -> None:
    unit = Unit()
    unit.mode = "other"
    async with unit.opened() as found:
        with pytest.raises(DeviceError, match="is no ventilation unit") as caught:
            await found.open()
        assert caught.value.permanent


@pytest.mark.parametrize("kind", ["toaster", None, ["mqtt"], "../mqtt"])
def test_kind_that_there_is_not(kind: object) -> None:
    with pytest.raises(ConfigError, match=r"device 'x': there is no kind .*; there are .*mqtt"):
        open_device({"kind": kind, "key": "x"})
