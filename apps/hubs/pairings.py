"""Codes with which devices pair with a home's hub: asked for by the owner, made by the hub, shown while they hold."""

import dataclasses
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.services import audit
from apps.common.encryption import decrypt, encrypt
from apps.common.redis import publish
from apps.hubs.device_inbox import hub_for_devices
from apps.hubs.errors import PairingUnavailableError, TooManyPairingsError
from apps.hubs.models import DevicePairing, Hub
from apps.sites.models import Site
from vpp.protocols.link.messages import DeviceOrder, DeviceResult

# How long a hub is waited for; an owner stands before a device and does not wait longer.
ANSWERED_WITHIN: Final = timedelta(minutes=2)
MOST_AN_HOUR: Final = 12
KEPT_A_HUB: Final = 20
_PURPOSE: Final = b"device pairing code"
_State = DevicePairing.State
_OPEN: Final = [_State.ASKED, _State.SHOWN]


@dataclasses.dataclass(frozen=True, slots=True)
class Pairing:
    """A code as its owner sees it: `code` only while it holds."""

    id: uuid.UUID
    state: str
    code: str
    node: str
    reason: str
    asked_at: datetime
    expires_at: datetime
    changed_at: datetime


@transaction.atomic
def pairing_ask(*, site: Site, actor: str, now: datetime) -> Pairing:
    """Ask the site's hub for a code; one that was shown is void with the next, one that is waited for is waited for."""
    hub = hub_for_pairing(site=site)
    Hub.objects.select_for_update(no_key=True).get(pk=hub.pk)
    held = DevicePairing.objects.filter(hub=hub)
    if held.filter(asked_at__gt=now - timedelta(hours=1)).count() >= MOST_AN_HOUR:
        raise TooManyPairingsError("that was too many pairing codes; wait an hour")
    _expire(hub_id=hub.pk, now=now)
    waiting = held.filter(state=_State.ASKED).first()
    if waiting is None:
        _end(held.filter(state=_State.SHOWN), now=now, reason="a newer code took its place")
        waiting = DevicePairing.objects.create(
            hub=hub, asked_by=actor, asked_at=now, expires_at=now + ANSWERED_WITHIN, changed_at=now
        )
        _forget(hub)
        audit(
            organization=site.organization, actor=actor, action="pairing_ask", subject=f"site {site.pk}", now=now
        )  # fmt: skip
    transaction.on_commit(lambda: publish("instructions", [str(hub.pk)]))
    return _told(waiting, now=now)


def hub_for_pairing(*, site: Site) -> Hub:
    """Return the site's active hub, if devices can pair with it."""
    hub = hub_for_devices(site=site)
    if "pairing" not in hub.features:
        raise PairingUnavailableError(
            "the hub is not set up to pair devices: its configuration has no pairing table"
        )
    return hub


def pairing_of_site(*, site: Site, now: datetime) -> Pairing | None:
    """Return the newest code of the site's active hub."""
    newest = DevicePairing.objects.filter(hub__site=site, hub__state=Hub.State.ACTIVE)
    held = newest.order_by("-pk").first()
    return _told(held, now=now) if held is not None else None


def _told(held: DevicePairing, *, now: datetime) -> Pairing:
    is_over = held.state in _OPEN and held.expires_at <= now
    state = _State.EXPIRED if is_over else _State(held.state)
    return Pairing(
        id=held.order_id,
        state=state.value,
        code=decrypt(held.sealed_code, purpose=_PURPOSE) if state == _State.SHOWN else "",
        node=held.node,
        reason=held.reason,
        asked_at=held.asked_at,
        expires_at=held.expires_at,
        changed_at=held.changed_at,
    )


@transaction.atomic
def pairings_take(
    *, hub_ids: Iterable[str], now: datetime, resend: bool = False
) -> list[tuple[str, DeviceOrder]]:
    """Return the codes to ask these hubs for, marked as sent; `resend` repeats what has no answer yet."""
    sent = {} if resend else {"sent": False}
    waiting = list(
        DevicePairing.objects.select_for_update(of=("self",))
        .filter(hub_id__in=list(hub_ids), state=_State.ASKED, expires_at__gt=now, **sent)
        .filter(hub__features__contains="pairing")
        .order_by("pk")
    )
    DevicePairing.objects.filter(pk__in=[one.pk for one in waiting]).update(sent=True)
    return [(str(one.hub_id), DeviceOrder(str(one.order_id), "pair")) for one in waiting]


def pairing_hub_ids(*, now: datetime) -> list[str]:
    """Return the hubs that are to be asked for a code."""
    waiting = DevicePairing.objects.filter(state=_State.ASKED, sent=False, expires_at__gt=now)
    return [str(hub_id) for hub_id in waiting.values_list("hub_id", flat=True)]


@transaction.atomic
def pairing_answered(*, hub_id: str, result: DeviceResult, now: datetime) -> bool:
    """Take over a code, or what became of it; False for one that nobody asked this hub for."""
    try:
        wanted = uuid.UUID(result.id)
    except ValueError:
        return False
    held = DevicePairing.objects.select_for_update().filter(order_id=wanted, hub_id=hub_id).first()
    if held is None:
        return False
    if result.state == "shown" and held.state == _State.ASKED and held.expires_at > now and result.code:
        held.state, held.sealed_code = _State.SHOWN, encrypt(result.code, purpose=_PURPOSE)
        held.expires_at = now + timedelta(seconds=result.valid_s)
    elif result.state == "paired" and held.state in {*_OPEN, _State.EXPIRED}:
        held.state, held.sealed_code, held.node, held.reason = _State.PAIRED, "", result.key, ""
    elif result.state == "failed" and held.state in _OPEN:
        held.state, held.sealed_code, held.reason = _State.FAILED, "", result.reason[:300]
    else:
        return True
    held.changed_at = now
    held.save()
    return True


def pairings_expire(*, now: datetime) -> int:
    """End what no hub answered in time, and codes that ran out; the codes go."""
    return _expire(now=now)


def _expire(*, now: datetime, hub_id: uuid.UUID | None = None) -> int:
    due = DevicePairing.objects.filter(state__in=_OPEN, expires_at__lte=now)
    if hub_id is not None:
        due = due.filter(hub_id=hub_id)
    return due.update(state=_State.EXPIRED, sealed_code="", changed_at=now)


def _end(found: QuerySet[DevicePairing], *, now: datetime, reason: str) -> None:
    found.update(state=_State.EXPIRED, sealed_code="", reason=reason, changed_at=now)


def _forget(hub: Hub) -> None:
    kept = DevicePairing.objects.filter(hub=hub).order_by("-pk").values_list("pk", flat=True)[:KEPT_A_HUB]
    DevicePairing.objects.filter(hub=hub).exclude(pk__in=list(kept)).delete()
