"""One Modbus unit and its SunSpec models; synchronous, always used from its bus's thread."""

import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sunspec2.device import ModelError
from sunspec2.mb import SunSpecError
from sunspec2.modbus.client import (
    SunSpecModbusClientDeviceTCP,
    SunSpecModbusClientError,
    SunSpecModbusValueError,
)
from sunspec2.modbus.modbus import ModbusClientError, ModbusClientTimeout

from edge_agent.drivers.numbers import number
from edge_agent.rm.device import DeviceError

_MOST_MODELS = 64
_SCALES = range(-10, 11)
# What the library lets out when a peer answers nonsense.
_NONSENSE = (
    ModelError,
    SunSpecError,
    SunSpecModbusClientError,
    SunSpecModbusValueError,
    ModbusClientError,
    OSError,
    struct.error,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
)


class _Device(SunSpecModbusClientDeviceTCP):  # type: ignore[misc]  # the library has no types
    """The library's client; an answer of another length than was asked for is an error."""

    def read(self, addr: int, count: int, *, op: int = 3) -> bytes:
        data = bytes(super().read(addr, count, op))
        if len(data) != 2 * int(count):
            raise ModbusClientError(f"{len(data)} bytes for {count} registers at {addr}")
        return data


class Model:
    """One model of a unit: points by their SunSpec names, in the standard's units."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getitem__(self, name: str) -> float | None:
        """A point's value; None where it is not implemented or cannot be scaled."""
        return _value(self._model, name, group=self._model)

    def modules(self) -> list[dict[str, Any]]:
        """Name and DC power [W] of each module (model 160)."""
        groups = self._model.groups.get("module") or []
        return [
            {"name": str(group.points["IDStr"].value or ""), "w": _value(self._model, "DCW", group=group)}
            for group in groups
        ]

    def text(self, name: str) -> str:
        """A point's text, empty where there is none."""
        point = self._model.points.get(name)
        value = None if point is None else point.value
        return "".join(sign for sign in str(value or "") if sign.isprintable()).strip()

    def flags(self, name: str) -> tuple[str, ...]:
        """Names of the bits that are set."""
        point = self._model.points.get(name)
        bits = 0 if point is None or point.value is None else int(point.value)
        symbols = [] if point is None else point.pdef.get("symbols") or []
        return tuple(str(symbol["name"]) for symbol in symbols if bits >> int(symbol["value"]) & 1)

    def refresh(self) -> None:
        """Read the model again."""
        self._model.read()
        said = self._model.points["ID"].value
        if said != self._model.model_id:
            raise DeviceError(f"model {said} is now where model {self._model.model_id} was")

    def write(self, **points: float) -> None:
        """Write points, neighbors in one request; values in the standard's units."""
        for name, value in points.items():
            point = self._model.points[name]
            point.cvalue = value if point.sf else int(value)
        self._model.write()

    def has(self, *names: str) -> bool:
        """Whether these points are implemented."""
        return all(name in self._model.points and self[name] is not None for name in names)


def _value(model: Any, name: str, *, group: Any) -> float | None:
    point = group.points.get(name)
    if point is None or point.value is None:
        return None
    if point.sf:
        scale = group.points.get(point.sf) or model.points.get(point.sf)
        if scale is None or scale.value not in _SCALES:
            return None
    return number(point.cvalue)


class Unit:
    """A connection to one unit. After any failure the socket is dropped.

    The library numbers no requests: on a socket that stays, a late answer would be taken for the next one.
    """

    def __init__(self, host: str, port: int, *, unit: int, timeout_s: float) -> None:
        self._device = _Device(slave_id=unit, ipaddr=host, ipport=port, timeout=timeout_s)
        self._models: dict[int, Model] = {}
        self.where = f"{host}:{port} unit {unit}"

    @property
    def numbers(self) -> list[int]:
        """The models it has."""
        return list(self._models)

    def model(self, *numbers: int) -> Model | None:
        """The first of these models that it has."""
        return next((self._models[found] for found in numbers if found in self._models), None)

    def scan(self) -> None:
        """Connect and learn the models."""
        self._guarded(self._scan)

    def _scan(self) -> None:
        seen: list[str] = []

        def few_enough(said: str) -> bool:
            seen.append(said)
            return len(seen) <= _MOST_MODELS

        self._device.connect()
        self._device.scan(progress=few_enough, connect=False)
        found = {number: entry for number, entry in self._device.models.items() if isinstance(number, int)}
        self._models = {number: Model(entry[0]) for number, entry in found.items() if entry[0].model_def}
        if not self._models:
            raise DeviceError(f"{self.where}: no SunSpec model")

    def run(self, work: Callable[["Unit"], Any]) -> Any:
        """Do something with the models; whatever the peer answers, a failure is a DeviceError."""
        return self._guarded(lambda: self._connected(work))

    def _connected(self, work: Callable[["Unit"], Any]) -> Any:
        if not self._device.is_connected():
            self._device.connect()
        return work(self)

    def _guarded(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except DeviceError:
            raise
        except (ModbusClientTimeout, TimeoutError) as error:
            self.drop()
            raise DeviceError(f"{self.where}: no answer in time") from error
        except _NONSENSE as error:
            self.drop()
            said = " ".join(str(error).split()) or type(error).__name__
            raise DeviceError(f"{self.where}: {said[:300]}") from error

    def drop(self) -> None:
        """Close the socket."""
        self._device.disconnect()

    def abort(self) -> None:
        """Wake a thread that waits for an answer; may be called from another thread."""
        held: socket.socket | None = self._device.client.socket
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
