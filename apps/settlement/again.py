"""A settlement computed again by an organization's wish, as a job: what is stored now counts, the earlier run stays."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from apps.accounts.services import audit
from apps.common import clock
from apps.common.jobs import Tell, job_request, job_work
from apps.common.models import Job
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_of_organization
from apps.settlement.errors import RunNotAllowedError
from apps.settlement.models import SettlementRun
from apps.settlement.selectors import newest_run

TASK: Final = "settlement.settle_again"
KIND: Final = "settlement run"
LONGEST_REASON: Final = 300


@transaction.atomic
def settle_again_ask(*, signal: GridSignal, reason: str, actor: str, now: datetime) -> Job:
    """Have an ended signal settled anew; the reason is kept in the audit log."""
    if not signal.is_shed or signal.state not in {GridSignal.State.ENDED, GridSignal.State.SETTLED}:
        raise RunNotAllowedError(f"a signal that is {signal.state} has nothing to settle")
    audit(
        organization=signal.organization, actor=actor, action="settlement_run", subject=f"signal {signal.pk}", now=now,
        reason=reason,
    )  # fmt: skip
    return job_request(
        organization=signal.organization, kind=KIND, task=TASK, actor=actor, now=now,
        arguments={"signal_id": str(signal.pk), "reason": reason},
    )  # fmt: skip


def settle_again_work(*, job_id: UUID) -> None:
    """Settle, and say which version came of it."""
    job_work(job_id=job_id, work=_work)


def _work(job: Job, tell: Tell) -> Any:
    # Imported here: the web door, which asks for the job, starts without numpy.
    from apps.settlement.reviews import run_again
    from apps.settlement.services import signal_settle

    signals = signals_of_organization(organization=job.organization)
    signal = signals.get(pk=job.arguments["signal_id"])
    before = newest_run(signal_id=signal.pk)
    tell("baselines, energies and payments", 10)
    run: SettlementRun | None
    if before is not None:
        run = run_again(run=before, reason=job.arguments["reason"], actor=job.asked_by, now=clock.now())
    else:
        run = signal_settle(signal=signal, now=clock.now())
    if run is None:
        raise RunNotAllowedError("this event is being settled at the moment; try again")
    return {
        "signal_id": str(signal.pk), "settlement_id": run.pk, "version": run.version, "amount": str(run.amount),
        "adjustment": str(run.adjustment), "changed": before is None or before.input_hash != run.input_hash,
    }  # fmt: skip
