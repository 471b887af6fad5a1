"""The household's week: when devices run, what is ready by when, and what is shed first without a grid."""

import dataclasses
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from django.http import QueryDict
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.hubs.errors import RulesInvalidError
from apps.hubs.models import Instruction
from apps.hubs.owner_orders import HeldRules, rules_held, rules_set, rules_undo
from apps.hubs.selectors import devices_of_site
from apps.portal.rights import check_owner
from apps.sites.models import Site
from vpp.protocols.ores.rules import MOST_ROUTINES, NEVER_SHED, HouseRules, Routine, rules_flaw

KINDS: Final = ("ready_by", "on", "off")
# What a hub sheds first where the household has said nothing (edge_agent.config.Island).
USUAL: Final = ("ev", "heat")


@dataclasses.dataclass(frozen=True)
class RoutineRow:
    """A routine in words."""

    routine: Routine
    device: str
    text: str
    days: str


@dataclasses.dataclass(frozen=True)
class ShedRow:
    """A device in the order of what is shed."""

    key: str
    name: str
    is_first: bool
    is_last: bool


@dataclasses.dataclass(frozen=True)
class RulesPage:
    """All that the page shows."""

    held: HeldRules
    rows: list[RoutineRow]
    devices: list[tuple[str, str]]
    shed: list[ShedRow]
    kept_on: list[tuple[str, str]]
    weekdays: list[tuple[int, str]]

    @property
    def state(self) -> str:
        return self.held.instruction.state if self.held.instruction else ""

    @property
    def is_settled(self) -> bool:
        return self.state in {"", "applied", "verified", "rejected", "expired"}


def rules_page(*, site: Site) -> RulesPage:
    """Return the household's rules as they were said last."""
    held, devices = rules_held(site=site), _controllable(site)
    names = dict(devices)
    order = _order(held, devices)
    return RulesPage(
        held=held,
        rows=[_row(one, names) for one in held.rules.routines],
        devices=sorted(devices, key=lambda one: one[0] in NEVER_SHED),
        shed=[
            ShedRow(key, names.get(key, key), index == 0, index == len(order) - 1)
            for index, key in enumerate(order)
        ],
        kept_on=[(key, name) for key, name in devices if key not in order and key not in NEVER_SHED],
        weekdays=[(day, str(WEEKDAYS_ABBR[day])) for day in range(7)],
    )


def routine_add(*, user: User, site: Site, sent: QueryDict, now: datetime) -> Instruction:
    """Add a routine: `device`, `kind`, `days` (several), `starts`, `ends`, and `soc` [%] or `kwh` where it is ready by."""
    check_owner(user=user, site=site)
    rules = rules_held(site=site).rules
    if len(rules.routines) >= MOST_ROUTINES:
        raise RulesInvalidError(_("there are too many already; remove one first"))
    return _send(user, site, rules=_changed(site, rules, routines=[*rules.routines, _routine(sent)]), now=now)


def routine_remove(*, user: User, site: Site, routine_id: str, now: datetime) -> Instruction:
    """Remove a routine."""
    check_owner(user=user, site=site)
    rules = rules_held(site=site).rules
    left = [one for one in rules.routines if one.routine_id != routine_id]
    if len(left) == len(rules.routines):
        raise RulesInvalidError(_("there is no such routine"))
    return _send(user, site, rules=_changed(site, rules, routines=left), now=now)


def shed_change(*, user: User, site: Site, sent: Mapping[str, str], now: datetime) -> Instruction:
    """Change the order: `order` names all keys, or `key` goes `act` up, down, keep or shed."""
    check_owner(user=user, site=site)
    held, devices = rules_held(site=site), _controllable(site)
    order = _order(held, devices)
    if "order" in sent:
        wanted = [key for key in sent["order"].splitlines() if key]
        if sorted(wanted) != sorted(order):
            raise RulesInvalidError(_("the order has changed meanwhile; look again"))
        return _send(user, site, rules=_changed(site, held.rules, shed_first=wanted), now=now)
    moved = _moved(order, sent.get("key", ""), act=sent.get("act", ""), known=dict(devices))
    return _send(user, site, rules=_changed(site, held.rules, shed_first=moved), now=now)


def undo(*, user: User, site: Site, now: datetime) -> Instruction:
    """Go back to the rules before the last change."""
    check_owner(user=user, site=site)
    return rules_undo(site=site, actor=user.email, now=now)


def _send(user: User, site: Site, *, rules: HouseRules, now: datetime) -> Instruction:
    flaw = rules_flaw(rules, keys=dict(_controllable(site)))
    if flaw:
        raise RulesInvalidError(flaw)
    return rules_set(site=site, rules=rules, actor=user.email, now=now)


def _changed(site: Site, rules: HouseRules, **changes: Any) -> HouseRules:
    return msgspec.structs.replace(rules, time_zone=site.time_zone, **changes)


def _controllable(site: Site) -> list[tuple[str, str]]:
    """Keys and names of what takes orders, each once."""
    report = devices_of_site(site=site).report
    found: dict[str, str] = {}
    for one in report.devices if report else []:
        if one.get("control"):
            found.setdefault(one["control"], one.get("name") or one["key"])
    return list(found.items())


def _order(held: HeldRules, devices: list[tuple[str, str]]) -> list[str]:
    known = dict(devices)
    said = held.rules.shed_first
    return [key for key in (USUAL if said is None else said) if key in known]


def _moved(order: list[str], key: str, *, act: str, known: Mapping[str, str]) -> list[str]:
    if act == "shed" and key in known and key not in order:
        return [*order, key]
    if key not in order:
        raise RulesInvalidError(_("there is no such device in the list"))
    at, rest = order.index(key), [one for one in order if one != key]
    if act == "keep":
        return rest
    if act not in {"up", "down"}:
        raise RulesInvalidError(_("say where it is to go"))
    place = max(0, at - 1) if act == "up" else at + 1
    return [*rest[:place], key, *rest[place:]]


def _routine(sent: QueryDict) -> Routine:
    kind = sent.get("kind", "")
    if kind not in KINDS:
        raise RulesInvalidError(_("say what the device is to do"))
    days = [int(day) for day in sent.getlist("days") if day.isdecimal()]
    if not days:
        raise RulesInvalidError(_("choose at least one day"))
    amounts = _amounts(sent) if kind == "ready_by" else {}
    made = {
        "routine_id": uuid.uuid4().hex, "device_id": sent.get("device", ""), "kind": kind, "days": sorted(set(days)),
        "starts": "00:00" if kind == "ready_by" else sent.get("starts", ""), "ends": sent.get("ends", ""), **amounts,
    }  # fmt: skip
    try:
        return msgspec.convert(made, Routine)
    except msgspec.ValidationError as error:
        raise RulesInvalidError(_("a device, days and times are needed, such as 07:00")) from error


def _amounts(sent: Mapping[str, str]) -> dict[str, float]:
    """How full [%] or how much energy [kWh]; nothing at all for a program, which is simply done."""
    try:
        soc, kwh = (sent.get(name, "").strip().replace(",", ".") for name in ("soc", "kwh"))
        return ({"soc": float(soc) / 100} if soc else {}) | ({"kwh": float(kwh)} if kwh else {})
    except ValueError as error:
        raise RulesInvalidError(_("a charge is a number of per cent, an energy one of kWh")) from error


def _row(one: Routine, names: Mapping[str, str]) -> RoutineRow:
    if one.kind == "ready_by":
        amount = (
            f"{one.soc:.0%}"
            if one.soc is not None
            else f"{one.kwh:g} kWh"
            if one.kwh is not None
            else _("done")
        )
        text = _("ready by %(ends)s: %(amount)s") % {"ends": one.ends, "amount": amount}
    else:
        text = (_("on from %(starts)s to %(ends)s") if one.kind == "on" else _("off from %(starts)s to %(ends)s")) % {
            "starts": one.starts, "ends": one.ends,
        }  # fmt: skip
    days = (
        _("every day")
        if len(one.days) == 7
        else ", ".join(str(WEEKDAYS_ABBR[day]) for day in sorted(one.days))
    )
    return RoutineRow(one, names.get(one.device_id, one.device_id), text, days)
