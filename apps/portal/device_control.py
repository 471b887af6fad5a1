"""One device of a home: how it is, what the owner wants of it, and what its hub made of that."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.hubs.device_faults import faults_of_device
from apps.hubs.instructions import milliseconds
from apps.hubs.models import DeviceFault, Instruction
from apps.hubs.owner_orders import wish_in, wish_queue, wishes_of_site
from apps.hubs.selectors import devices_of_site
from apps.portal.devices import DeviceRow, row_of
from apps.portal.errors import ControlInvalidError, DeviceMissingError
from apps.portal.rights import check_owner
from apps.sites.models import Site
from vpp.protocols.ores.facts import Action, Wish

HOURS: Final = (0.25, 0.5, 1, 2, 4, 8, 24)
# Kept with the wish, so in one language; read through apps.portal.phrases.
ASKED: Final = "asked for in the portal"
UNDER_WAY = {"queued", "sent"}
# What a press of a button wants of which kind of device: the wish's action, and the power [kW] (None: the one typed).
_FULL, _NONE = "full", "none"
ACTS: Final[Mapping[str, Mapping[str, tuple[Action, str | None]]]] = {
    "ev": {"on": ("charge", _FULL), "off": ("hold", _NONE), "set": ("charge", None)},
    "heat": {"on": ("hold", _FULL), "off": ("hold", _NONE), "set": ("hold", None)},
    "battery": {"on": ("charge", None), "out": ("discharge", None), "off": ("hold", _NONE)},
    "pv": {"set": ("limit", None), "off": ("limit", _NONE)},
    "load": {"on": ("hold", _FULL), "off": ("hold", _NONE)},
}


@dataclasses.dataclass(frozen=True)
class Button:
    """One thing the owner can ask for; `typed` where a power is typed for it."""

    act: str
    label: str
    typed: bool


@dataclasses.dataclass(frozen=True)
class Said:
    """What the owner asked for last, and how far it got."""

    wish: Wish
    text: str
    ends_at: datetime
    steps: list[tuple[str, bool]]
    state: str
    reason: str
    is_under_way: bool


@dataclasses.dataclass(frozen=True)
class DevicePage:
    """All that the page of a device shows."""

    row: DeviceRow
    told: Mapping[str, Any]
    is_connected: bool
    reported_at: datetime | None
    buttons: list[Button]
    most_kw: float
    said: Said | None
    faults: list[DeviceFault]

    @property
    def has_typed(self) -> bool:
        return any(one.typed for one in self.buttons)


def device_page(*, site: Site, key: str, now: datetime) -> DevicePage | None:
    """Return a device of the home's hub, None for one that there is not."""
    held = devices_of_site(site=site)
    told = _told(held.report.devices if held.report else [], key)
    if told is None:
        return None
    control = str(told.get("control", ""))
    wish = wishes_of_site(site=site, keys={control: None}, now=now).get(control) if control else None
    return DevicePage(
        row=row_of(told, held.proposals),
        told=told,
        is_connected=held.hub is not None and held.hub.is_connected,
        reported_at=held.report.reported_at if held.report else None,
        buttons=_buttons(told),
        most_kw=_most_kw(told),
        said=_said(wish) if wish is not None else None,
        faults=faults_of_device(site=site, key=key),
    )


def control(*, user: User, site: Site, key: str, sent: Mapping[str, str], now: datetime) -> Instruction:
    """Pass on what the owner wants of a device: `act`, `hours`, and `kw` where a power is typed."""
    check_owner(user=user, site=site)
    held = devices_of_site(site=site)
    told = _told(held.report.devices if held.report else [], key)
    if told is None or not told.get("control"):
        raise DeviceMissingError(_("this device takes no orders"))
    act = sent.get("act", "")
    action: Action = "release"
    kw: float | None = None
    hours = 1.0
    if act != "undo":
        action, kw = _wanted(told, act, typed=sent.get("kw", ""))
        hours = _hours(sent.get("hours", ""))
    starts_at = milliseconds(now)
    wish = Wish(
        control_id="", device_id=told["control"], action=action, kw=kw, starts_at=starts_at,
        ends_at=starts_at + round(hours * 3_600_000), note=ASKED,
    )  # fmt: skip
    return wish_queue(site=site, wish=wish, actor=user.email, now=now)


def _told(devices: list[dict[str, Any]], key: str) -> dict[str, Any] | None:
    return next((one for one in devices if one["key"] == key), None)


def _acts(told: Mapping[str, Any]) -> Mapping[str, tuple[Action, str | None]]:
    if not told.get("control"):
        return {}
    acts = ACTS.get(str(told.get("role", "")), ACTS["load"])
    return {name: what for name, what in acts.items() if told.get("shape") == "power" or what[1] is not None}


def _buttons(told: Mapping[str, Any]) -> list[Button]:
    role = str(told.get("role", ""))
    words = {
        ("ev", "on"): _("Charge now"), ("ev", "off"): _("Pause"), ("ev", "set"): _("Charge with"),
        ("heat", "on"): _("Heat now"), ("heat", "off"): _("Off"), ("heat", "set"): _("Heat with"),
        ("battery", "on"): _("Charge with"), ("battery", "out"): _("Discharge with"), ("battery", "off"): _("Hold"),
        ("pv", "set"): _("Limit to"), ("pv", "off"): _("Off"),
    }  # fmt: skip
    plain = {
        "on": _("Start now") if told.get("shape") == "program" else _("On"),
        "off": _("Off"),
        "set": _("Set to"),
    }
    return [
        Button(act, words.get((role, act), plain.get(act, act)), typed=power is None)
        for act, (_action, power) in _acts(told).items()
    ]


def _most_kw(told: Mapping[str, Any]) -> float:
    return max(abs(float(told.get("low_kw") or 0.0)), abs(float(told.get("high_kw") or 0.0)))


def _wanted(told: Mapping[str, Any], act: str, *, typed: str) -> tuple[Action, float]:
    found = _acts(told).get(act)
    if found is None:
        raise ControlInvalidError(_("this device cannot do that"))
    action, power = found
    most = _most_kw(told)
    kw = most if power == _FULL else 0.0 if power == _NONE else _kw(typed, most=most)
    return action, -kw if action in {"discharge", "limit"} else kw


def _kw(typed: str, *, most: float) -> float:
    try:
        kw = float(typed.strip().replace(",", "."))
    except ValueError as error:
        raise ControlInvalidError(_("a power is a number of kW")) from error
    if not 0.0 <= kw <= most:
        raise ControlInvalidError(_("this device can be told 0 to %(most)g kW") % {"most": most})
    return kw


def _hours(text: str) -> float:
    try:
        hours = float(text or 1)
    except ValueError as error:
        raise ControlInvalidError(_("say for how long")) from error
    if hours not in HOURS:
        raise ControlInvalidError(_("say for how long"))
    return hours


def _said(instruction: Instruction) -> Said:
    wish = wish_in(instruction)
    done = {"queued": 0, "sent": 1, "acknowledged": 2, "applied": 3, "verified": 3}.get(instruction.state, 0)
    names = [_("sent to your hub"), _("your hub has it"), _("in effect")]
    return Said(
        wish=wish,
        text=wish_words(wish),
        ends_at=datetime.fromtimestamp(wish.ends_at / 1000, UTC),
        steps=[(name, done > index) for index, name in enumerate(names)],
        state=instruction.state,
        reason=instruction.state_reason,
        is_under_way=instruction.state in UNDER_WAY,
    )


def wish_words(wish: Wish) -> str:
    """Say what was asked for."""
    kw = abs(wish.kw or 0.0)
    if wish.action == "release":
        return _("Goes its own way again")
    if kw == 0.0:
        return _("Off, or on hold")
    words = {
        "charge": _("Charge with %(kw).1f kW"),
        "discharge": _("Discharge with %(kw).1f kW"),
        "limit": _("At most %(kw).1f kW"),
    }
    return words.get(wish.action, _("On with %(kw).1f kW")) % {"kw": kw}
