"""A home's devices as its household reads them: how each is, and what its hub found."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from apps.common.language import separated
from apps.hubs.models import DeviceProposal
from apps.hubs.pairings import Pairing, pairing_of_site
from apps.hubs.selectors import SiteDevices, devices_of_site
from apps.sites.models import Site

_State = DeviceProposal.State
_WAITING = {_State.PROPOSED, _State.FAILED, _State.ACCEPTED}
_IDLE_KW: Final = 0.005
ROLES: Final[Mapping[str, str]] = {
    "grid": noop("Grid meter"),
    "pv": noop("Solar"),
    "battery": noop("Battery"),
    "ev": noop("Car charger"),
    "heat": noop("Heat pump"),
    "load": noop("Household"),
}
PARTS: Final[Mapping[str, str]] = {
    "inverter": noop("Solar inverter"),
    "battery": noop("Battery"),
    "meter": noop("Meter"),
    "switch": noop("Switch"),
    "load": noop("Metered load"),
}
WAYS: Final[Mapping[str, str]] = {
    "sunspec": noop("Looking for inverters, batteries and meters (SunSpec)"),
    "mqtt": noop("Listening for plugs and meters (MQTT)"),
    "dns_sd": noop("Listening for S2 devices"),
    "discovery": noop("Looking for devices"),
}
# How a device draws (first) and gives (second).
_FLOWS: Final[Mapping[str, tuple[str, str]]] = {
    "grid": (noop("from the grid"), noop("into the grid")),
    "battery": (noop("charging"), noop("discharging")),
    "ev": (noop("charging"), noop("discharging")),
    "pv": (noop("drawing"), noop("producing")),
}


@dataclasses.dataclass(frozen=True)
class DeviceRow:
    """One device of the hub; `proposal` is where it can be removed."""

    key: str
    role: str
    control: str
    firmware: str
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
    pairing: Pairing | None


def devices_page(*, site: Site, may_pair: bool, now: datetime) -> DevicesPage:
    """Return the twin and the inbox of a home, and the code to pair with for who may."""
    held = devices_of_site(site=site)
    report = held.report
    found = [FoundRow(one, _part(one), takes=not one.hint and held.can_add) for one in held.proposals]
    return DevicesPage(
        held=held,
        devices=[row_of(told, held.proposals) for told in report.devices] if report else [],
        waiting=[row for row in found if row.proposal.state in _WAITING],
        dismissed=[row for row in found if row.proposal.state == _State.DISMISSED],
        flaws=[(_(WAYS.get(name, name)), flaw) for name, flaw in report.flaws.items()] if report else [],
        pairing=pairing_of_site(site=site, now=now) if may_pair and held.can_pair else None,
    )


def row_of(told: Mapping[str, Any], proposals: list[DeviceProposal]) -> DeviceRow:
    """Return one device of the twin as a household reads it."""
    joined = {one.key: one for one in proposals if one.state in {_State.JOINED, _State.REMOVING}}
    read_at, role = told.get("read_at"), str(told.get("role", ""))
    return DeviceRow(
        key=told["key"],
        role=role,
        control=told.get("control", ""),
        firmware=told.get("firmware", ""),
        name=told.get("name") or told["key"],
        what=_(ROLES.get(role, noop("Device"))),
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
        return _("idle")
    draws, gives = _FLOWS.get(role, (noop("in use"), noop("giving")))
    return f"{separated(f'{abs(power_kw):.2f}')} kW {_(draws if power_kw > 0 else gives)}"


def _part(found: DeviceProposal) -> str:
    if found.kind == "s2":
        return _("S2 device")
    return _(PARTS.get(found.part, noop("Device")))
