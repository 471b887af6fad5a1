"""What households are told of devices in trouble."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apps.alerts.services import Message, NotificationKind, households_tell
from vpp.protocols.link.messages import DeviceState


def faults_tell(
    *, site_id: int, before: Sequence[Mapping[str, Any]], devices: Sequence[DeviceState], now: datetime
) -> int:
    """Tell of devices that have fallen into trouble since the last report; of the same device once a day."""
    ill = {one.get("key") for one in before if one.get("state") == "trouble"}
    messages = [
        Message(site_id, f"device:{site_id}:{one.key[:60]}:{now.date()}", _facts(one))
        for one in devices
        if one.state == "trouble" and one.key not in ill
    ]
    return households_tell(kind=NotificationKind.DEVICE_FAULT, messages=messages, now=now)


def _facts(one: DeviceState) -> dict[str, str]:
    return {"device": one.name or one.model or one.key, "trouble": one.trouble}
