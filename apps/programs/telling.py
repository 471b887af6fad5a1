"""What partners are told of signals, and homes of their opt-outs."""

from datetime import datetime
from typing import Any

from apps.alerts.services import EventKind, NotificationKind, event_publish, household_tell
from apps.programs.models import GridSignal


def signal_tell(*, signal: GridSignal, kind: EventKind, now: datetime) -> None:
    """Tell partners that a signal came, changed or is over."""
    key = f"{signal.pk}:{signal.revision}" if kind == EventKind.SIGNAL_CHANGED else str(signal.pk)
    event_publish(
        organization_id=signal.organization_id, kind=kind, key=key, data=signal_data(signal), now=now
    )


def signal_data(signal: GridSignal) -> dict[str, Any]:
    """Return what partners are told of a signal."""
    return {
        "signal_id": str(signal.pk), "program_id": signal.program_id, "name": str(signal), "kind": str(signal.kind),
        "state": str(signal.state), "revision": signal.revision, "starts_at": signal.starts_at.isoformat(),
        "ends_at": signal.ends_at.isoformat(),
    }  # fmt: skip


def opt_out_tell(*, signal: GridSignal, site_id: int, by: str, now: datetime) -> None:
    """Confirm to a household that it is out of an event."""
    household_tell(
        site_id=site_id, kind=NotificationKind.OPTED_OUT, key=f"signal:{signal.pk}:{now.isoformat()}",
        facts={"signal_id": str(signal.pk), "name": str(signal), "by": by}, now=now,
    )  # fmt: skip
