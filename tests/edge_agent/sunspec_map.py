"""SunSpec models as Modbus registers, laid out by the standard's published model files."""

import json
import struct
from functools import cache
from pathlib import Path
from typing import Any

import sunspec2

BASE = 40000
_FORMATS = {
    "uint16": ">H", "enum16": ">H", "bitfield16": ">H", "acc16": ">H", "count": ">H", "pad": ">H", "int16": ">h",
    "sunssf": ">h", "uint32": ">I", "acc32": ">I", "bitfield32": ">I", "enum32": ">I", "int32": ">i",
    "uint64": ">Q", "acc64": ">Q", "int64": ">q",
}  # fmt: skip
_NOT_THERE = {
    "int16": -0x8000, "sunssf": -0x8000, "int32": -0x80000000, "acc32": 0, "acc64": 0, "pad": 0x8000, "count": 0,
    "uint32": 0xFFFFFFFF, "bitfield32": 0xFFFFFFFF, "uint64": 2**64 - 1,
}  # fmt: skip


@cache
def definition(number: int) -> dict[str, Any]:
    folder = Path(sunspec2.__file__).parent / "models" / "json"
    found: dict[str, Any] = json.loads((folder / f"model_{number}.json").read_text())["group"]
    return found


def words(data: bytes) -> list[int]:
    return list(struct.unpack(f">{len(data) // 2}H", data))


class Registers:
    """The registers of a unit; points are addressed as (model, name) and hold raw values."""

    def __init__(self) -> None:
        self.values: list[int] = words(b"SunS")
        self.places: dict[tuple[int, str], tuple[int, dict[str, Any]]] = {}

    def add(self, number: int, *, modules: list[dict[str, Any]] | None = None, **points: Any) -> None:
        """Append a model; points that are not given are not implemented."""
        start = len(self.values)
        group = definition(number)
        self._group(number, group, points)
        for index, module in enumerate(modules or []):
            self._group(number, group["groups"][0], module, prefix=f"{index}.")
        for inner in [] if modules is not None else group.get("groups", []):
            self._group(number, inner, {}, prefix=f"{inner['name']}.")
        self[number, "ID"], self[number, "L"] = number, len(self.values) - start - 2
        if modules is not None:
            self[number, "N"] = len(modules)

    def _group(self, number: int, group: dict[str, Any], points: dict[str, Any], *, prefix: str = "") -> None:
        for point in group["points"]:
            name = prefix + point["name"]
            self.places[number, name] = len(self.values), point
            self.values += [0] * int(point["size"])
            if point["type"] == "string":
                self[number, name] = points.get(point["name"], "")
            else:
                missing = _NOT_THERE.get(point["type"], 0xFFFF)
                self[number, name] = points.get(point["name"], missing)

    def end(self) -> None:
        self.values += [0xFFFF, 0]

    def __getitem__(self, place: tuple[int, str]) -> int:
        offset, point = self.places[place]
        size = int(point["size"])
        data = struct.pack(f">{size}H", *self.values[offset : offset + size])
        found: int = struct.unpack(_FORMATS[point["type"]], data)[0]
        return found

    def __setitem__(self, place: tuple[int, str], value: Any) -> None:
        offset, point = self.places[place]
        size = int(point["size"])
        if point["type"] == "string":
            data = str(value).encode().ljust(2 * size, b"\0")
        else:
            data = struct.pack(_FORMATS[point["type"]], int(value))
        self.values[offset : offset + size] = words(data)

    def address(self, number: int, name: str) -> int:
        return BASE + self.places[number, name][0]

    def was_written(self, place: tuple[int, str], address: int, *, count: int) -> bool:
        at = self.address(*place)
        return address <= at < address + count
