"""A home's devices as its household reads them: how each is, and what its hub found."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from apps.hubs.models import DeviceProposal
from apps.hubs.selectors import SiteDevices, devices_of_site
from apps.sites.models import Site

_State = DeviceProposal.State
_WAITING = {_State.PROPOSED, _State.FAILED, _State.ACCEPTED}
_IDLE_KW: Final = 0.005
ROLES: Final[Mapping[str, str]] = {
    "grid": "Grid meter",
    "pv": "Solar",
    "battery": "Battery",
    "ev": "Car charger",
    "heat": "Heat pump",
    "load": "Household",
}
PARTS: Final[Mapping[str, str]] = {
    "inverter": "Solar inverter",
    "battery": "Battery",
    "meter": "Meter",
    "switch": "Switch",
    "load": "Metered load",
}
WAYS: Final[Mapping[str, str]] = {
    "sunspec": "Looking for inverters, batteries and meters (SunSpec)",
    "mqtt": "Listening for plugs and meters (MQTT)",
    "dns_sd": "Listening for S2 devices",
    "discovery": "Looking for devices",
}
# How a device draws (first) and gives (second).
_FLOWS: Final[Mapping[str, tuple[str, str]]] = {
    "grid": ("from the grid", "into the grid"),
    "battery": ("charging", "discharging"),
    "ev": ("charging", "discharging"),
    "pv": ("drawing", "producing"),
}


@dataclasses.dataclass(frozen=True)
class DeviceRow:
    """One device of the hub; `proposal` is where it can be removed."""

    name: str
    what: str
    maker: str
    state: str
    trouble: str
    power: str
    soc: float | None
    read_at: datetime | None
    proposal: DeviceProposal | None


@dataclasses.dataclass(frozen=True)
class FoundRow:
    """One device of the inbox; `takes` tells whether a click can add it."""

    proposal: DeviceProposal
    what: str
    takes: bool


@dataclasses.dataclass(frozen=True)
class DevicesPage:
    """What the page shows."""

    held: SiteDevices
    devices: list[DeviceRow]
    waiting: list[FoundRow]
    dismissed: list[FoundRow]
    flaws: list[tuple[str, str]]


def devices_page(*, site: Site) -> DevicesPage:
    """Return the twin and the inbox of a home."""
    held = devices_of_site(site=site)
    report = held.report
    joined = {one.key: one for one in held.proposals if one.state in {_State.JOINED, _State.REMOVING}}
    found = [FoundRow(one, _part(one), takes=not one.hint and held.can_add) for one in held.proposals]
    return DevicesPage(
        held=held,
        devices=[_row(told, joined) for told in report.devices] if report else [],
        waiting=[row for row in found if row.proposal.state in _WAITING],
        dismissed=[row for row in found if row.proposal.state == _State.DISMISSED],
        flaws=[(WAYS.get(name, name), flaw) for name, flaw in report.flaws.items()] if report else [],
    )


def _row(told: Mapping[str, Any], joined: Mapping[str, DeviceProposal]) -> DeviceRow:
    read_at, role = told.get("read_at"), str(told.get("role", ""))
    return DeviceRow(
        name=told.get("name") or told["key"],
        what=ROLES.get(role, "Device"),
        maker=" ".join(text for text in (told.get("maker"), told.get("model"), told.get("serial")) if text),
        state=told.get("state", "running"),
        trouble=told.get("trouble", ""),
        power=power_words(role, told.get("power_kw")),
        soc=told.get("soc"),
        read_at=datetime.fromtimestamp(read_at / 1000, UTC) if read_at is not None else None,
        proposal=joined.get(told["key"]) if told.get("origin") == "joined" else None,
    )


def power_words(role: str, power_kw: float | None) -> str:
    """Say a power [kW, load convention] with its direction."""
    if power_kw is None:
        return ""
    if abs(power_kw) < _IDLE_KW:
        return "idle"
    draws, gives = _FLOWS.get(role, ("in use", "giving"))
    return f"{abs(power_kw):.2f} kW {draws if power_kw > 0 else gives}"


def _part(found: DeviceProposal) -> str:
    if found.kind == "s2":
        return "S2 device"
    return PARTS.get(found.part, "Device")
