"""Objections to statements: a household opens one, an operator answers it, an accepted one makes a new version."""

import dataclasses
import math
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.accounts.services import audit
from apps.programs.models import GridSignal
from apps.settlement.errors import (
    DisputeClosedError,
    DisputeInvalidError,
    DisputeOpenError,
    StatementReplacedError,
)
from apps.settlement.models import Dispute, MeterCorrection, SettlementRun, Statement
from apps.settlement.selectors import grid_of, newest_run
from vpp.settlement.inputs import MAX_KW

LONGEST_TEXT = 1000
LONGEST_REASON = 160


@dataclasses.dataclass(frozen=True)
class Corrected:
    """A meter value for the interval that begins at `starts_at`: net energy [kWh], or None to leave it out."""

    starts_at: datetime
    metered_kwh: float | None
    reason: str


@transaction.atomic
def dispute_open(*, statement: Statement, user: User, reason: str, now: datetime) -> Dispute:
    """Object to the newest version of a statement."""
    reason = _text("a reason", reason, longest=LONGEST_TEXT)
    if newest_run(signal_id=statement.run.signal_id) != statement.run:
        raise StatementReplacedError("this statement was corrected since; look at the newest version")
    try:
        with transaction.atomic():
            dispute = Dispute.objects.create(
                statement=statement, opened_by=user, opened_at=now, reason=reason
            )
    except IntegrityError as error:
        raise DisputeOpenError("an objection to this statement is being looked at already") from error
    _audit(dispute, user, action="dispute_open", now=now, reason=reason)
    return dispute


@transaction.atomic
def dispute_reject(
    *, dispute: Dispute, user: User | None, note: str, now: datetime, actor: str = ""
) -> Dispute:
    """Answer that the statement stands."""
    locked = _locked(dispute)
    _close(locked, Dispute.State.REJECTED, user=user, note=note, now=now)
    _audit(locked, user, action="dispute_reject", now=now, actor=actor, note=locked.resolution)
    return locked


@transaction.atomic
def dispute_accept(
    *,
    dispute: Dispute,
    user: User | None,
    note: str,
    corrections: Sequence[Corrected],
    now: datetime,
    actor: str = "",
) -> SettlementRun:
    """Take over what the household says, and settle again."""
    from apps.settlement.services import signal_correct

    locked = _locked(dispute)
    signal = locked.statement.run.signal
    GridSignal.objects.select_for_update().get(pk=signal.pk)
    _close(locked, Dispute.State.ACCEPTED, user=user, note=note, now=now)
    MeterCorrection.objects.bulk_create(
        [_correction(locked, one, signal=signal) for one in _once(corrections)]
    )
    run = signal_correct(signal=signal, now=now)
    if run is None:
        raise DisputeClosedError("this event is being settled at the moment; try again")
    locked.answer = run
    locked.save(update_fields=["answer"])
    _audit(
        locked,
        user,
        action="dispute_accept",
        now=now,
        actor=actor,
        note=locked.resolution,
        version=run.version,
        corrections=[[one.starts_at.isoformat(), one.metered_kwh, one.reason] for one in corrections],
    )
    return run


def _locked(dispute: Dispute) -> Dispute:
    locked = (
        Dispute.objects.select_for_update(of=("self",))
        .select_related("statement__run__signal__program__organization")
        .get(pk=dispute.pk)
    )
    if locked.state != Dispute.State.OPEN:
        raise DisputeClosedError(f"this objection is {locked.state} already")
    return locked


def _close(dispute: Dispute, state: str, *, user: User | None, note: str, now: datetime) -> None:
    dispute.resolution = _text("an answer", note, longest=LONGEST_TEXT)
    dispute.state, dispute.resolved_by, dispute.resolved_at = state, user, now
    dispute.save(update_fields=["state", "resolution", "resolved_by", "resolved_at"])


def _once(corrections: Sequence[Corrected]) -> Sequence[Corrected]:
    if len({one.starts_at for one in corrections}) != len(corrections):
        raise DisputeInvalidError("an interval is corrected twice")
    return corrections


def _correction(dispute: Dispute, one: Corrected, *, signal: GridSignal) -> MeterCorrection:
    grid = grid_of(signal)
    index = grid.index(one.starts_at)
    if index is None or grid.interval(index).starts_at != one.starts_at:
        raise DisputeInvalidError(f"no interval of the event begins at {one.starts_at.isoformat()}")
    limit = MAX_KW * grid.hours
    if one.metered_kwh is not None and not (math.isfinite(one.metered_kwh) and abs(one.metered_kwh) <= limit):
        raise DisputeInvalidError(
            f"{one.metered_kwh} kWh is beyond what a connection can carry, {limit:g} kWh"
        )
    return MeterCorrection(
        dispute=dispute,
        starts_at=one.starts_at,
        metered_kwh=one.metered_kwh,
        reason=_text("a correction's reason", one.reason, longest=LONGEST_REASON),
    )


def _text(name: str, text: str, *, longest: int) -> str:
    text = text.strip()
    if not 0 < len(text) <= longest or "\x00" in text:
        raise DisputeInvalidError(f"{name} needs 1 to {longest} characters")
    return text


def _audit(
    dispute: Dispute, user: User | None, *, action: str, now: datetime, actor: str = "", **detail: object
) -> None:
    audit(
        organization=dispute.statement.run.signal.program.organization,
        actor=user.email if user is not None else actor,
        action=action,
        subject=f"dispute {dispute.pk} of statement {dispute.statement_id}",
        now=now,
        **detail,
    )
