"""The owner's word to the hub: wishes for single devices, and the rules of the week."""

import dataclasses
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from apps.accounts.services import audit
from apps.hubs.errors import RulesInvalidError, SiteHasNoHubError
from apps.hubs.instructions import Order, instructions_queue, milliseconds
from apps.hubs.models import Hub, Instruction
from apps.hubs.owner_settings import OWNER_PRIORITY
from apps.sites.models import Site
from vpp.protocols.link.messages import DevicePayload
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Wish
from vpp.protocols.ores.rules import HouseRules, rules_of, rules_payload

RULES_SUBJECT = "ores:rules"


@dataclasses.dataclass(frozen=True)
class HeldRules:
    """The rules said last, what became of them on the hub, and whether there are earlier ones."""

    rules: HouseRules
    instruction: Instruction | None
    can_undo: bool


def control_subject(key: str) -> str:
    """Return what instructions about the owner's wish for a device are called."""
    return f"ores:control:{key}"


@transaction.atomic
def wish_queue(*, site: Site, wish: Wish, actor: str, now: datetime) -> Instruction:
    """Queue the owner's wish for a device in place of an earlier one."""
    made = msgspec.structs.replace(wish, control_id=f"cloud:{uuid.uuid4()}")
    payload = orders.control_payload(made)
    queued = _queue(site, payload, subject=control_subject(wish.device_id), reason=wish.note, now=now)
    audit(
        organization=site.organization, actor=actor, action="ores_control", subject=f"site {site.pk}", now=now,
        device=wish.device_id, asked=wish.action, kw=wish.kw, seconds=(wish.ends_at - wish.starts_at) // 1000,
    )  # fmt: skip
    return queued


@transaction.atomic
def rules_set(
    *, site: Site, rules: HouseRules, actor: str, now: datetime, act: str = "house_rules"
) -> Instruction:
    """Send the household's rules to the hub in place of those before."""
    try:
        checked = msgspec.json.decode(msgspec.json.encode(rules), type=HouseRules)
    except msgspec.ValidationError as error:
        raise RulesInvalidError(f"this cannot be: {error}") from error
    payload = rules_payload(checked, now=milliseconds(now))
    queued = _queue(site, payload, subject=RULES_SUBJECT, reason="the household's rules", now=now)
    audit(
        organization=site.organization, actor=actor, action=act, subject=f"site {site.pk}", now=now,
        routines=len(rules.routines), shed_first=rules.shed_first,
    )  # fmt: skip
    return queued


@transaction.atomic
def rules_undo(*, site: Site, actor: str, now: datetime) -> Instruction:
    """Send the rules before the last ones again."""
    found = _said(site)[:2]
    if len(found) < 2:
        raise RulesInvalidError("there is nothing to go back to")
    return rules_set(site=site, rules=_rules(found[1]), actor=actor, now=now, act="house_rules_undo")


def rules_held(*, site: Site) -> HeldRules:
    """Return the household's rules as they were said last."""
    found = _said(site)[:2]
    if not found:
        return HeldRules(HouseRules(time_zone=site.time_zone), None, can_undo=False)
    return HeldRules(_rules(found[0]), found[0], can_undo=len(found) == 2)


def wishes_of_site(*, site: Site, keys: Mapping[str, object], now: datetime) -> dict[str, Instruction]:
    """Return the newest wish for each of these devices that is not over, with what became of it."""
    subjects = {control_subject(key): key for key in keys}
    found = Instruction.objects.filter(
        hub__site=site, subject__in=subjects, expires_at__gt=now, device__isnull=False
    ).order_by("pk")
    return {subjects[one.subject]: one for one in found}


def wishes_of_sites(*, site_ids: Collection[int], now: datetime) -> dict[tuple[int, str], Instruction]:
    """Return the newest wish that is not over, by home and key of the device."""
    start = control_subject("")
    found = Instruction.objects.filter(
        hub__site_id__in=site_ids, subject__startswith=start, expires_at__gt=now, device__isnull=False
    )
    rows = found.select_related("hub").order_by("pk")
    return {
        (one.hub.site_id, one.subject.removeprefix(start)): one for one in rows if one.hub.site_id is not None
    }


def wish_in(instruction: Instruction) -> Wish:
    """Return the wish that an instruction carries, with its state."""
    assert instruction.device is not None
    wish = orders.wish_of(instruction.device["values"][0])
    wish.state, wish.reason = instruction.state, instruction.state_reason  # type: ignore[assignment]
    return wish


def _said(site: Site) -> list[Instruction]:
    found = Instruction.objects.filter(hub__site=site, subject=RULES_SUBJECT, device__isnull=False)
    return list(found.order_by("-created_at", "-pk")[:2])


def _rules(instruction: Instruction) -> HouseRules:
    assert instruction.device is not None
    return rules_of(instruction.device["values"][0])


def _queue(site: Site, payload: DevicePayload, *, subject: str, reason: str, now: datetime) -> Instruction:
    hub = Hub.objects.select_for_update().filter(site=site, state=Hub.State.ACTIVE).first()
    if hub is None:
        raise SiteHasNoHubError("the home has no hub that could follow")
    order = Order(
        hub_id=hub.pk, subject=subject, schedule=None, device=payload, not_before=now,
        expires_at=now + timedelta(seconds=payload.interval_s), reason=reason or "the owner's wish", priority=OWNER_PRIORITY,
    )  # fmt: skip
    return instructions_queue(orders=[order], now=now)[0]
