"""What homes and partners are told of events."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from apps.alerts.services import EventKind, Message, NotificationKind, households_tell
from apps.dispatch.selectors import newest_schedules
from apps.programs.models import GridSignal
from apps.programs.telling import signal_tell

TELL_TASK: Final = "dispatch.tell_homes"


def homes_tell(*, signal_id: UUID, now: datetime) -> int:
    """Tell the homes that have a part in an event's plan that it is coming; return how many messages were new."""
    signal = GridSignal.objects.select_related("program").filter(pk=signal_id).first()
    if signal is None or now >= signal.ends_at or signal.state == GridSignal.State.CANCELED:
        return 0
    facts: dict[str, Any] = {
        "signal_id": str(signal.pk), "name": str(signal), "program": signal.program.name,
        "starts_at": signal.starts_at.isoformat(), "ends_at": signal.ends_at.isoformat(),
    }  # fmt: skip
    messages = [
        Message(site_id, f"signal:{signal.pk}", facts, needed_by=signal.starts_at)
        for site_id in sorted(newest_schedules(signal_id=signal_id))
    ]
    return households_tell(kind=NotificationKind.EVENT_COMING, messages=messages, now=now)


def signal_ended_tell(*, signal: GridSignal, now: datetime) -> None:
    """Tell partners that a signal is over."""
    signal.state = GridSignal.State.ENDED
    signal_tell(signal=signal, kind=EventKind.SIGNAL_ENDED, now=now)
