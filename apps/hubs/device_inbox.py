"""What owners and partners decide on found devices, and the orders that follow from it."""

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from apps.accounts.services import audit
from apps.common.redis import publish
from apps.hubs.errors import DeviceStateError, DeviceUnknownError, HubTooOldError, SiteHasNoHubError
from apps.hubs.models import DeviceProposal, DeviceReport, Hub
from apps.sites.models import Site
from vpp.protocols.link.messages import DeviceOrder

_State = DeviceProposal.State
_ORDERED = [_State.ACCEPTED, _State.REMOVING]
# What may be done in which state.
_ALLOWED = {
    "add": {_State.PROPOSED, _State.FAILED, _State.DISMISSED},
    "dismiss": {_State.PROPOSED, _State.FAILED},
    "undo": {_State.DISMISSED, _State.ACCEPTED},
    "remove": {_State.JOINED},
}
ACTS = tuple(_ALLOWED)


@transaction.atomic
def device_decide(*, site: Site, proposal_id: int, act: str, actor: str, now: datetime) -> DeviceProposal:
    """Add, dismiss, undo or remove a device of the site's inbox."""
    held = DeviceProposal.objects.select_for_update().filter(pk=proposal_id, site=site).first()
    if held is None or act not in _ALLOWED:
        raise DeviceUnknownError("there is no such device in this home's inbox")
    if held.state not in _ALLOWED[act]:
        raise DeviceStateError(f"this device is {held.state}, so it cannot be changed by {act!r} now")
    if act == "add" and held.hint:
        raise DeviceStateError(f"this device cannot be added from here: {held.hint}")
    if act in {"add", "remove"}:
        _order(held, site, act=act)
    else:
        _take_back(held, act=act)
    held.state_reason, held.changed_at = "", now
    held.save()
    audit(
        organization=site.organization,
        actor=actor,
        action=f"device_{act}",
        subject=f"site {site.pk}",
        now=now,
        device=f"{held.kind} {held.address} {held.part}".strip(),
    )
    hub_id = str(held.hub_id)
    transaction.on_commit(lambda: publish("instructions", [hub_id]))
    return held


def _order(held: DeviceProposal, site: Site, *, act: str) -> None:
    hub = hub_for_devices(site=site)
    if hub.pk != held.hub_id:
        raise DeviceStateError("another hub found this device; look again first")
    held.state = _State.ACCEPTED if act == "add" else _State.REMOVING
    held.order_id, held.order_sent = uuid.uuid4(), False


def _take_back(held: DeviceProposal, *, act: str) -> None:
    """Decide against a device; what the hub may have been told already is told back."""
    if act == "dismiss":
        held.state = _State.DISMISSED
    elif held.state == _State.DISMISSED or not held.order_sent:
        held.state = _State.PROPOSED
    else:
        held.state, held.order_id, held.order_sent = _State.REMOVING, uuid.uuid4(), False


@transaction.atomic
def devices_look(*, site: Site, actor: str, now: datetime) -> DeviceReport:
    """Ask the site's hub to look for devices, and to say how those that it has are."""
    hub = hub_for_devices(site=site)
    report, _ = DeviceReport.objects.select_for_update().get_or_create(hub=hub)
    if report.look_id is None:
        report.look_id, report.look_sent = uuid.uuid4(), False
        report.save(update_fields=["look_id", "look_sent"])
        audit(
            organization=site.organization, actor=actor, action="devices_look", subject=f"site {site.pk}", now=now
        )  # fmt: skip
    transaction.on_commit(lambda: publish("instructions", [str(hub.pk)]))
    return report


def devices_hand_over(*, from_hub: Hub, to_hub: Hub, now: datetime) -> None:
    """Give the site's inbox to the hub that takes another's place; what had joined is to join there again."""
    for held in DeviceProposal.objects.select_for_update().filter(hub=from_hub).order_by("pk"):
        if held.state in {_State.JOINED, _State.ACCEPTED}:
            held.state, held.order_id = _State.ACCEPTED, uuid.uuid4()
        elif held.state == _State.REMOVING:
            held.state = _State.DISMISSED
        held.hub, held.order_sent, held.key, held.changed_at = to_hub, False, "", now
        held.save()


def hub_for_devices(*, site: Site) -> Hub:
    """Return the site's active hub, if its agent knows device orders."""
    hub = Hub.objects.filter(site=site, state=Hub.State.ACTIVE).first()
    if hub is None:
        raise SiteHasNoHubError("this home has no hub")
    if "devices" not in hub.features:
        raise HubTooOldError("the hub's agent is too old for this; update it first")
    return hub


@transaction.atomic
def device_orders_take(*, hub_ids: Iterable[str], resend: bool = False) -> list[tuple[str, DeviceOrder]]:
    """Return the device orders for these hubs, marked as sent; `resend` repeats what has no answer yet."""
    ids, sent = list(hub_ids), {} if resend else {"order_sent": False}
    waiting = list(
        DeviceProposal.objects.select_for_update(of=("self",))
        .filter(hub_id__in=ids, state__in=_ORDERED, hub__features__contains="devices", **sent)
        .order_by("pk")
    )
    DeviceProposal.objects.filter(pk__in=[one.pk for one in waiting]).update(order_sent=True)
    looks = DeviceReport.objects.filter(
        hub_id__in=ids, look_id__isnull=False, hub__features__contains="devices"
    )
    asked = list((looks if resend else looks.filter(look_sent=False)).order_by("pk"))
    DeviceReport.objects.filter(pk__in=[one.pk for one in asked]).update(look_sent=True)
    orders = [(str(one.hub_id), _message(one)) for one in waiting]
    return [*orders, *((str(one.hub_id), DeviceOrder(str(one.look_id), "look")) for one in asked)]


def _message(held: DeviceProposal) -> DeviceOrder:
    return DeviceOrder(str(held.order_id), "join" if held.state == _State.ACCEPTED else "remove", held.ref)


def device_ordered_hub_ids() -> list[str]:
    """Return the hubs for which a device order waits."""
    waiting = DeviceProposal.objects.filter(state__in=_ORDERED, order_sent=False)
    looks = DeviceReport.objects.filter(look_id__isnull=False, look_sent=False)
    found = {*waiting.values_list("hub_id", flat=True), *looks.values_list("hub_id", flat=True)}
    return [str(hub_id) for hub_id in found]
