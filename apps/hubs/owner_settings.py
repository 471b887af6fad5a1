"""The owner's preferences on their way between the cloud and the hub; the later word counts on both sides."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import transaction

from apps.hubs.instructions import Order, instructions_queue, milliseconds, orders_held
from apps.hubs.models import Hub, Instruction
from apps.hubs.selectors import active_hubs_by_site
from apps.sites.models import PreferenceRevision, Site
from apps.sites.preferences import (
    NAMES,
    PreferenceInvalidError,
    Said,
    Source,
    before_last,
    newest_revision,
    preferences_set,
    set_at_ms,
)
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Preferences

SUBJECT: Final = "ores:settings"
# Before whatever a utility may ask for (apps.dispatch.orders): the home is its owner's.
OWNER_PRIORITY: Final = 0


@dataclasses.dataclass(frozen=True)
class Delivery:
    """How far the last change got: no_hub, virtual (the cloud follows it itself), or an instruction's state."""

    state: str
    reason: str = ""
    at: datetime | None = None


def last_change(*, site: Site, now: datetime) -> tuple[orders.Change, Instruction | None]:
    """Return what was sent to the home's hub last, and the instruction that carries it."""
    held = orders_held(site_id=site.pk, subjects=[SUBJECT], at=now)
    if not held:
        return orders.Change(), None
    instruction = max((one for one, _ in held), key=lambda one: one.pk)
    assert instruction.device is not None
    return orders.change_of(instruction.device["values"][0]), instruction


def delivery_of(*, site: Site, now: datetime) -> Delivery:
    """Return how far the last change got."""
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    if hub is None or hub.kind == Hub.Kind.VIRTUAL:
        return Delivery("no_hub" if hub is None else "virtual")
    _, instruction = last_change(site=site, now=now)
    if instruction is None:
        return Delivery("none")
    at = instruction.ended_at or instruction.acknowledged_at or instruction.sent_at or instruction.created_at
    return Delivery(instruction.state, instruction.state_reason, at)


@transaction.atomic
def preferences_change(
    *,
    site: Site,
    changes: Mapping[str, Any],
    by: str,
    source: str,
    now: datetime,
    action: str = "preferences_set",
) -> PreferenceRevision | None:
    """Set what the household prefers, and tell the hub where there is one."""
    Site.objects.select_for_update().get(pk=site.pk)
    at = moment(site=site, now=now)
    said = Said(by, source, dict.fromkeys(changes, at))
    made = preferences_set(site=site, changes=changes, said=said, now=now, action=action)
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    if made is not None and hub is not None and hub.kind == Hub.Kind.MACHINE:
        settings_queue(hub=hub, site=site, limits=Preferences(), at=at, now=now)
    return made


def preferences_undo(*, site: Site, by: str, now: datetime) -> PreferenceRevision | None:
    """Set what the newest revision changed back to what it was."""
    return preferences_change(site=site, changes=before_last(site=site), by=by, source=Source.PORTAL, now=now)


def moment(*, site: Site, now: datetime) -> int:
    """Return the instant of a change that is made now [ms]: after whatever was said before."""
    held, _ = last_change(site=site, now=now)
    return max([milliseconds(now), (held.at or 0) + 1, *(at + 1 for at in set_at_ms(site=site).values())])


def settings_queue(*, hub: Hub, site: Site, limits: Preferences, at: int, now: datetime) -> Instruction:
    """Queue all that was ever set, with limits of the grid connection where they change."""
    held, instruction = last_change(site=site, now=now)
    if instruction is not None and instruction.state == Instruction.State.REJECTED:
        held = orders.Change()
    kept = orders.Change(
        held.preferences, {name: at for name, at in held.set_at.items() if name not in NAMES}
    )
    change = orders.changed(orders.joined(kept, _set(site)), limits, at=at)
    payload = orders.settings_payload(change, now=milliseconds(now))
    order = Order(
        hub_id=hub.pk, subject=SUBJECT, schedule=None, device=payload, not_before=now,
        expires_at=now + timedelta(seconds=payload.interval_s), reason="the owner's settings", priority=OWNER_PRIORITY,
    )  # fmt: skip
    return instructions_queue(orders=[order], now=now)[0]


def settings_heard(*, site: Site, text: str, now: datetime) -> bool:
    """Take over what the hub says its owner prefers, where it was said there later; False for what cannot be read."""
    try:
        change = msgspec.json.decode(text, type=orders.Change)
    except msgspec.MsgspecError:
        return False
    changes = {
        name: value for name in change.set_at if name in NAMES and (value := getattr(change.preferences, name)) is not None
    }  # fmt: skip
    said = Said("somebody at home", Source.HUB, change.set_at)
    try:
        preferences_set(site=site, changes=changes, said=said, now=now)
    except PreferenceInvalidError:
        return False
    return True


def _set(site: Site) -> orders.Change:
    newest = newest_revision(site=site)
    if newest is None:
        return orders.Change()
    values = {name: newest.values[name] for name in newest.set_at_ms}
    return orders.Change(Preferences(**values), dict(newest.set_at_ms))
