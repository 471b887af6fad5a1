"""What hubs say of devices: the twin, what a look found, and what became of an order."""

import math
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.hubs.decisions import decisions_told
from apps.hubs.device_faults import faults_follow
from apps.hubs.faults import faults_tell
from apps.hubs.models import DeviceProposal, DeviceReport, Hub
from apps.hubs.owner_settings import settings_heard
from apps.hubs.pairings import pairing_answered
from apps.sites.services import resources_sync
from vpp.protocols.link.messages import (
    Decisions,
    DeviceMessage,
    DeviceResult,
    Devices,
    DeviceState,
    Discovered,
    FoundDevice,
)

KEPT_A_SITE = 400
GONE_AFTER = timedelta(days=30)
_State = DeviceProposal.State


def device_message_store(*, hub_id: str, message: DeviceMessage, now: datetime) -> bool:
    """Keep what a hub says of devices; False for what cannot be kept."""
    if isinstance(message, Devices):
        return devices_reported(hub_id=hub_id, message=message, now=now)
    if isinstance(message, Decisions):
        return decisions_told(hub_id=hub_id, message=message, now=now)
    if isinstance(message, Discovered):
        return devices_found(hub_id=hub_id, message=message, now=now)
    return device_result(hub_id=hub_id, result=message, now=now) or pairing_answered(
        hub_id=hub_id, result=message, now=now
    )


@transaction.atomic
def devices_reported(*, hub_id: str, message: Devices, now: datetime) -> bool:
    """Keep the twin, and take over what the devices amount to."""
    hub = _locked(hub_id)
    finite = all(math.isfinite(value) for one in message.resources for value in one.parameters.values())
    if hub is None or not finite:
        return False
    assert hub.site_id is not None
    before = DeviceReport.objects.filter(hub=hub).values_list("devices", flat=True).first() or []
    faults_tell(site_id=hub.site_id, before=before, devices=message.devices, now=now)
    DeviceReport.objects.update_or_create(
        hub=hub, defaults={"devices": [_finite(one) for one in message.devices], "reported_at": now}
    )
    assert hub.site is not None
    assert hub.site_id is not None
    faults_follow(site=hub.site, devices=[_finite(one) for one in message.devices], now=now)
    resources = [
        {"key": one.key[:64], "kind": one.kind, "name": one.name, "parameters": one.parameters}
        for one in message.resources
    ]
    resources_sync(site_id=hub.site_id, resources=resources)
    if message.settings and hub.site is not None:
        return settings_heard(site=hub.site, text=message.settings, now=now)
    return True


def _finite(state: DeviceState) -> dict[str, Any]:
    """All fields, defaults too; numbers that are none as null."""
    told = {name: getattr(state, name) for name in state.__struct_fields__}
    return {name: None if _is_odd(value) else value for name, value in told.items()}


def _is_odd(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


@transaction.atomic
def devices_found(*, hub_id: str, message: Discovered, now: datetime) -> bool:
    """Merge what was found into the site's inbox; what the owner decided stays decided."""
    hub = _locked(hub_id)
    if hub is None:
        return False
    DeviceReport.objects.update_or_create(
        hub=hub, defaults={"looked_at": now, "flaws": message.flaws, "look_id": None, "look_sent": False}
    )
    assert hub.site is not None
    inbox = {
        _place(one): one
        for one in DeviceProposal.objects.select_for_update(no_key=True).filter(site=hub.site).order_by("pk")
    }
    for found in message.found:
        held = inbox.get(_place(found))
        if held is None and not found.joined:
            held = inbox[_place(found)] = DeviceProposal(
                site=hub.site, kind=found.kind, address=found.address, serial=found.serial, part=found.part,
                first_seen_at=now, changed_at=now,
            )  # fmt: skip
        if held is not None:
            _merge(held, found, hub=hub, now=now)
    _forget(hub, now=now)
    return True


def _locked(hub_id: str) -> Hub | None:
    """The hub, so that its reports come one after the other; rows that only name it do not wait."""
    return Hub.objects.select_for_update(no_key=True).filter(pk=hub_id, site__isnull=False).first()


def _place(one: DeviceProposal | FoundDevice) -> tuple[str, str, str, str]:
    return one.kind, one.address, one.serial, one.part


def _merge(held: DeviceProposal, found: FoundDevice, *, hub: Hub, now: datetime) -> None:
    if held.state == _State.JOINED and not found.joined:
        # A new hub in the place of the one that had it, or one that lost its data.
        held.state, held.state_reason, held.key = _State.PROPOSED, "the hub does not have it any more", ""
        held.changed_at = now
    if held.hub_id != hub.pk:
        held.hub, held.order_sent = hub, False
    held.ref, held.hint, held.last_seen_at = found.ref, found.hint, now
    held.name, held.maker, held.model = found.name, found.maker, found.model
    held.save()


def _forget(hub: Hub, *, now: datetime) -> None:
    """Proposals that nobody decided on go when they have not been seen for long, or are too many."""
    assert hub.site is not None
    undecided = DeviceProposal.objects.filter(
        site=hub.site, state__in=[_State.PROPOSED, _State.FAILED, _State.DISMISSED]
    )
    undecided.filter(state=_State.PROPOSED, last_seen_at__lt=now - GONE_AFTER).delete()
    too_many = undecided.order_by("-last_seen_at", "-pk").values_list("pk", flat=True)[KEPT_A_SITE:]
    DeviceProposal.objects.filter(pk__in=list(too_many)).delete()


@transaction.atomic
def device_result(*, hub_id: str, result: DeviceResult, now: datetime) -> bool:
    """Take over what became of an order; False for one that this hub was never given.

    An answer to an order that the owner has taken back meanwhile finds none with its id, and changes nothing.
    """
    try:
        wanted = uuid.UUID(result.id)
    except ValueError:
        return False
    held = DeviceProposal.objects.select_for_update().filter(hub_id=hub_id, order_id=wanted).first()
    if held is None:
        return False
    if held.state == _State.ACCEPTED and result.state in {"joined", "failed"}:
        held.state = _State.JOINED if result.state == "joined" else _State.FAILED
        held.key = result.key
    elif held.state == _State.REMOVING and result.state in {"removed", "failed"}:
        held.state = _State.DISMISSED if result.state == "removed" else _State.JOINED
        held.key = "" if result.state == "removed" else held.key
    else:
        return True
    held.state_reason, held.changed_at = result.reason[:300], now
    held.save(update_fields=["state", "state_reason", "key", "changed_at"])
    return True
