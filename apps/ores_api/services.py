"""The owner's word, passed on to the hub."""

import uuid
from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from apps.accounts.services import audit
from apps.hubs.instructions import Order, instructions_queue, milliseconds
from apps.hubs.models import Hub, Instruction
from apps.hubs.selectors import active_hubs_by_site
from apps.ores_api.errors import NoHubError
from apps.ores_api.selectors import SETTINGS, control_subject, last_change, wish_of
from apps.sites.models import Site
from vpp.protocols.link.messages import DevicePayload
from vpp.protocols.ores import orders
from vpp.protocols.ores.facts import Preferences, Wish
from vpp.protocols.ores.problems import OresError

# Before whatever a utility may ask for (apps.dispatch.orders): the home is its owner's.
OWNER_PRIORITY = 0


@transaction.atomic
def wish_pass_on(*, site: Site, wish: Wish, actor: str, now: datetime) -> Wish:
    """Queue the owner's wish for a resource in place of an earlier one; return it with its state."""
    hub = _hub(site)
    made = msgspec.structs.replace(wish, control_id=f"cloud:{uuid.uuid4()}")
    payload = orders.control_payload(made)
    instruction = _queue(hub, payload, subject=control_subject(wish.device_id), reason=wish.note, now=now)
    audit(
        organization=site.organization, actor=actor, action="ores_control", subject=f"site {site.pk}", now=now,
        device=wish.device_id, asked=wish.action, kw=wish.kw, seconds=(wish.ends_at - wish.starts_at) // 1000,
    )  # fmt: skip
    return wish_of(instruction)


@transaction.atomic
def preferences_change(*, site: Site, wanted: Preferences, actor: str, now: datetime) -> None:
    """Queue what the owner prefers, with what was changed here before."""
    _check(site, wanted)
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None}
    if not given:
        return
    hub = _hub(site, lock=True)
    held, _ = last_change(site=site, now=now)
    at = max(milliseconds(now), (held.at or 0) + 1)
    payload = orders.settings_payload(orders.changed(held, wanted, at=at), now=milliseconds(now))
    _queue(hub, payload, subject=SETTINGS, reason="the owner's settings", now=now)
    audit(
        organization=site.organization, actor=actor, action="ores_settings", subject=f"site {site.pk}", now=now,
        **given,
    )  # fmt: skip


def _queue(hub: Hub, payload: DevicePayload, *, subject: str, reason: str, now: datetime) -> Instruction:
    order = Order(
        hub_id=hub.pk,
        subject=subject,
        schedule=None,
        device=payload,
        not_before=now,
        expires_at=now + timedelta(seconds=payload.interval_s),
        reason=reason or "the owner's wish",
        priority=OWNER_PRIORITY,
    )
    return instructions_queue(orders=[order], now=now)[0]


def _hub(site: Site, *, lock: bool = False) -> Hub:
    hub = active_hubs_by_site(site_ids=[site.pk]).get(site.pk)
    if hub is None:
        raise NoHubError("the home has no hub that could follow")
    return Hub.objects.select_for_update().get(pk=hub.pk) if lock else hub


def _check(site: Site, wanted: Preferences) -> None:
    for what, kw, most_kw in (
        ("import", wanted.import_limit_kw, site.import_limit_kw),
        ("export", wanted.export_limit_kw, site.export_limit_kw),
    ):
        if kw is not None and kw > most_kw:
            raise OresError(
                400, "setting_refused", f"the {what} limit is at most {most_kw:g} kW, as installed"
            )
