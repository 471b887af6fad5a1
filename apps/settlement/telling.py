"""What homes are told of their statements."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from apps.alerts.services import EventKind, Message, NotificationKind, event_publish, households_tell
from apps.settlement.models import SettlementRun, Statement

TELL_TASK: Final = "settlement.tell_homes"
TELL_PAID_TASK: Final = "settlement.tell_paid"


def homes_tell(*, run_id: int, now: datetime) -> int:
    """Tell homes what they earned, what a correction changed, or that nothing changes any more."""
    run = SettlementRun.objects.select_related("signal", "previous").filter(pk=run_id).first()
    if run is None:
        return 0
    is_first = run.previous_id is None
    kind = NotificationKind.EVENT_ENDED if is_first else NotificationKind.STATEMENT_READY
    messages = [
        Message(one.site_id, f"signal:{run.signal_id}:{run.version}", _facts(run, one))
        for one in run.statements.order_by("site_id")
        if is_first or run.kind == SettlementRun.Kind.FINAL or one.adjustment != Decimal(0)
    ]
    return households_tell(kind=kind, messages=messages, now=now)


def _facts(run: SettlementRun, one: Statement) -> dict[str, Any]:
    is_final = run.kind == SettlementRun.Kind.FINAL
    return {
        "signal_id": str(run.signal_id), "statement_id": one.pk, "name": str(run.signal),
        "delivered_kwh": str(one.delivered_kwh), "amount": str(one.amount), "currency": run.currency,
        "why": "final" if is_final else "corrected",
    }  # fmt: skip


def run_approved_tell(*, run: SettlementRun, now: datetime) -> None:
    """Tell partners that a run counts."""
    data = {
        "signal_id": str(run.signal_id), "run_id": run.pk, "version": run.version, "kind": str(run.kind),
        "amount": str(run.amount), "currency": run.currency, "delivered_kwh": str(run.delivered_kwh),
    }  # fmt: skip
    event_publish(
        organization_id=run.signal.organization_id, kind=EventKind.SETTLEMENT_APPROVED, key=str(run.pk), data=data,
        now=now,
    )  # fmt: skip
