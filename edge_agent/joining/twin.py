"""The hub's devices as the cloud may know them."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from s2python.common import ControlType

from edge_agent.cem.home import Home
from edge_agent.cem.units import OwnUnit
from edge_agent.drivers import Driver
from edge_agent.joining.book import plain
from edge_agent.rm.device import Identity
from vpp.energy_manager.household import Told
from vpp.energy_manager.process_image import ProcessImage
from vpp.energy_manager.roles import NAMES
from vpp.energy_manager.safety import device_limits
from vpp.energy_manager.units import Unit
from vpp.protocols.link.messages import MAX_DEVICES, DeviceState

_COLUMNS: Final = {
    "pv": "pv_kw",
    "battery": "battery_kw",
    "ev": "ev_kw",
    "heat": "heat_kw",
    "load": "load_kw",
}
_SOCS: Final = {"battery": "battery_soc", "ev": "ev_soc"}


def states(driver: Driver, image: ProcessImage | None, *, joined: Collection[str]) -> list[DeviceState]:
    """Every device of the hub; of a simulated home its resources."""
    if isinstance(driver, Home):
        told = {one.key: one for one in driver.told()}
        units = list(driver.units.values())[:MAX_DEVICES]
        return [_state(driver, unit, told=told[unit.key], joined=unit.key in joined) for unit in units]
    return _simulated(driver, image)


def _state(home: Home, unit: Unit, *, told: Told, joined: bool) -> DeviceState:
    identity, kind, age_s = _identity(unit)
    reading = unit.reading(home.clock())
    read_at = home.clock() - timedelta(seconds=age_s) if age_s is not None else None
    return DeviceState(
        key=plain(unit.key),
        kind=kind,
        name=plain(unit.name),
        role=told.role if unit.role else "",
        maker=plain(identity.maker),
        model=plain(identity.model),
        serial=plain(identity.serial),
        firmware=plain(identity.firmware),
        state="trouble" if unit.trouble else "running" if reading else "starting",
        trouble=plain(unit.trouble or "", 300),
        power_kw=reading.power_kw if reading else None,
        soc=reading.soc if reading else None,
        read_at=max(0, round(read_at.timestamp() * 1000)) if read_at else None,
        origin="joined" if joined else "configured",
        **_orders(home, unit, told=told),
    )


def _orders(home: Home, unit: Unit, *, told: Told) -> dict[str, Any]:
    """How the owner can tell it something, if at all."""
    if unit.role is None or unit.member is None or told.control_type == ControlType.NOT_CONTROLABLE.value:
        return {}
    rated = unit.rated(home.clock())
    bounds = {"low_kw": -rated.discharge_kw, "high_kw": rated.charge_kw}
    if unit.role in NAMES and any(bounds.values()):
        is_switch = told.control_type == ControlType.OPERATION_MODE_BASED_CONTROL.value
        return {"control": unit.role, "shape": "switch" if is_switch else "power", **bounds}
    if unit.key in home.appliances():
        return {
            "control": plain(unit.key),
            "shape": "program" if unit.member.is_program else "switch",
            **bounds,
        }
    return {}


def _identity(unit: Unit) -> tuple[Identity, str, float | None]:
    if not isinstance(unit, OwnUnit):
        return Identity(), "s2", None
    runner = unit.runner
    kind = type(runner.device).__module__.split(".")[-2]
    return runner.identity or Identity(), plain(kind), runner.age_s


def _simulated(driver: Driver, image: ProcessImage | None) -> list[DeviceState]:
    ranges = device_limits(driver.describe(), reserve_soc=0.0).ranges
    return [
        DeviceState(
            key=plain(one.key),
            kind="simulator",
            name=plain(one.name or one.key),
            role=plain(one.key),
            state="running" if image else "starting",
            power_kw=getattr(image, _COLUMNS.get(one.key, ""), None),
            soc=getattr(image, _SOCS.get(one.key, ""), None),
            read_at=image.at if image else None,
            control=plain(one.key) if one.key in ranges else "",
            shape="power" if one.key in ranges else "",
            low_kw=ranges[one.key][0] if one.key in ranges else None,
            high_kw=ranges[one.key][1] if one.key in ranges else None,
        )
        for one in driver.describe()[:MAX_DEVICES]
    ]


def outline(devices: list[DeviceState]) -> list[tuple[str, ...]]:
    """What is worth telling at once when it changes: who is there and how it is, not what it measures."""
    return [
        (one.key, one.state, one.trouble, one.role, one.serial, one.origin, one.control, one.shape)
        for one in devices
    ]
