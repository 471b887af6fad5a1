"""What waits to be sent to hubs, of every kind."""

from collections.abc import Sequence
from datetime import datetime

from apps.hubs.device_inbox import device_ordered_hub_ids, device_orders_take
from apps.hubs.diagnoses import diagnosed_hub_ids, diagnoses_take
from apps.hubs.instructions import instructions_take, waiting_hub_ids
from apps.hubs.pairings import pairing_hub_ids, pairings_take
from vpp.protocols.link.messages import CloudMessage


def outgoing_take(
    *, hub_ids: Sequence[str], now: datetime, resend: bool = False
) -> list[tuple[str, CloudMessage]]:
    """Return what is to be sent to these hubs, marked as sent; `resend` repeats what has no answer yet."""
    orders = instructions_take(hub_ids=hub_ids, now=now, resend=resend)
    checks = diagnoses_take(hub_ids=hub_ids, now=now, resend=resend)
    pairings = pairings_take(hub_ids=hub_ids, now=now, resend=resend)
    return [*orders, *checks, *device_orders_take(hub_ids=hub_ids, resend=resend), *pairings]


def outgoing_hub_ids(*, now: datetime) -> list[str]:
    """Return the hubs for which something waits."""
    asked = {*diagnosed_hub_ids(now=now), *pairing_hub_ids(now=now)}
    return sorted({*waiting_hub_ids(now=now), *device_ordered_hub_ids(), *asked})
