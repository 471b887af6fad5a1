"""What people decide about runs: draft, approved, paid. A run asked for again is a new version, never an edit.

draft ──approve──▶ approved ──pay──▶ paid. A newer version replaces a draft or an approved run; what was paid stays
paid, and the newer version pays the difference. What was paid to whom stands in payouts.py.
"""

import dataclasses
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.alerts.services import Message, NotificationKind, households_tell
from apps.common.papers import csv_lines
from apps.common.queue import enqueue_on_commit
from apps.programs.models import GridSignal
from apps.settlement.errors import ReviewInvalidError, ReviewNotAllowedError
from apps.settlement.models import ReviewRule, RunReview, SettlementRun
from apps.settlement.payouts import run_payouts, run_payouts_record
from apps.settlement.selectors import newest_run
from apps.settlement.telling import TELL_PAID_TASK, run_approved_tell

LONGEST_REASON = 300
LONGEST_REFERENCE = 120
REPLACED = "replaced"


@dataclasses.dataclass(frozen=True)
class RunRow:
    """A run with what was decided about it; `state` is `replaced` where a newer version took an unpaid one's place."""

    run: SettlementRun
    review: RunReview | None
    state: str
    is_newest: bool


def runs_reviewed(*, organization: Organization, program_id: int | None = None) -> Any:
    """Return the tenant's runs with their reviews, and whether a newer version followed; newest first."""
    later = SettlementRun.objects.filter(signal=OuterRef("signal"), version__gt=OuterRef("version"))
    found = SettlementRun.objects.filter(signal__organization=organization).annotate(
        is_replaced=Exists(later)
    )
    if program_id is not None:
        found = found.filter(signal__program_id=program_id)
    return found.select_related("signal__program", "signal__organization", "review", "previous").order_by(
        "-pk"
    )


def run_row(run: SettlementRun) -> RunRow:
    """Return a run of `runs_reviewed` with its state in a word."""
    review: RunReview | None = getattr(run, "review", None)
    state = str(review.state) if review else RunReview.State.DRAFT.value
    is_newest = not getattr(run, "is_replaced", False)
    if not is_newest and state != RunReview.State.PAID:
        state = REPLACED
    return RunRow(run, review, state=state, is_newest=is_newest)


def drafts_count(*, organization: Organization) -> int:
    """Return how many of the tenant's newest runs wait for approval."""
    found = runs_reviewed(organization=organization).filter(is_replaced=False)
    waiting = found.exclude(review__state__in=[RunReview.State.APPROVED, RunReview.State.PAID])
    return int(waiting.count())


def four_eyes(*, organization: Organization) -> bool:
    """Whether who asked for a run may not approve it."""
    return ReviewRule.objects.filter(organization=organization, four_eyes=True).exists()


@transaction.atomic
def four_eyes_set(*, organization: Organization, wanted: bool, actor: str, now: datetime) -> None:
    """Set whether who asked for a run may approve it."""
    was = four_eyes(organization=organization)
    ReviewRule.objects.update_or_create(organization=organization, defaults={"four_eyes": wanted})
    audit(
        organization=organization, actor=actor, action="review_rule_set", subject=f"organization {organization.pk}",
        now=now, four_eyes=wanted, was={"four_eyes": was},
    )  # fmt: skip


@transaction.atomic
def run_approve(*, run: SettlementRun, actor: str, now: datetime) -> RunReview:
    """Say that a run may be paid."""
    review = _locked(run)
    _check_newest(run)
    if review.state != RunReview.State.DRAFT:
        raise ReviewNotAllowedError(f"this run is {review.state} already")
    if four_eyes(organization=run.signal.organization) and review.started_by == actor:
        raise ReviewNotAllowedError("you asked for this run, so somebody else approves it")
    review.state, review.approved_by, review.approved_at = RunReview.State.APPROVED, actor, now
    review.save()
    _note(run, action="run_approve", actor=actor, now=now, amount=str(run.amount))
    run_approved_tell(run=run, now=now)
    return review


@transaction.atomic
def run_pay(*, run: SettlementRun, reference: str, actor: str, now: datetime) -> RunReview:
    """Note that an approved run was handed to the bank: its homes were paid what it still owed them."""
    review = _locked(run)
    _check_newest(run)
    if review.state != RunReview.State.APPROVED:
        raise ReviewNotAllowedError(
            "only an approved run is paid" if review.state == "draft" else "it is paid already"
        )
    reference = reference.strip()
    if len(reference) > LONGEST_REFERENCE or "\x00" in reference:
        raise ReviewInvalidError(f"a reference has at most {LONGEST_REFERENCE} characters")
    review.state, review.paid_by, review.paid_at = RunReview.State.PAID, actor, now
    review.reference = reference
    review.save()
    total = run_payouts_record(run=run, reference=reference, actor=actor, now=now)
    _note(run, action="run_pay", actor=actor, now=now, reference=reference, paid=str(total))
    enqueue_on_commit(TELL_PAID_TASK, run_id=run.pk)
    return review


@transaction.atomic
def run_again(*, run: SettlementRun, reason: str, actor: str, now: datetime) -> SettlementRun:
    """Settle an event again from what is stored now; the reason stays with the new version."""
    reason = reason.strip()
    if not 0 < len(reason) <= LONGEST_REASON or "\x00" in reason:
        raise ReviewInvalidError(f"say why, in at most {LONGEST_REASON} characters")
    _check_newest(run)
    from apps.settlement.services import signal_settle  # numpy comes with it: not at every start

    made = signal_settle(signal=run.signal, now=now)
    if made is None:
        raise ReviewNotAllowedError("this event is being settled at the moment; try again")
    RunReview.objects.create(run=made, started_by=actor, reason=reason)
    _note(made, action="run_again", actor=actor, now=now, reason=reason, was={"version": run.version, "amount": str(run.amount)}, amount=str(made.amount))  # noqa: E501  # fmt: skip
    return made


def paid_tell(*, run_id: int, now: datetime) -> int:
    """Tell homes what was paid out to them for an event."""
    run = SettlementRun.objects.select_related("signal").get(pk=run_id)
    messages = [
        Message(
            one.statement.site_id, f"run:{run.pk}",
            {"name": str(run.signal), "amount": str(one.amount), "currency": run.currency},
        )
        for one in run_payouts(run=run)
        if one.payout is not None and one.amount > 0
    ]  # fmt: skip
    return households_tell(kind=NotificationKind.PAYOUT, messages=messages, now=now)


def payouts_csv(*, run: SettlementRun) -> Iterator[str]:
    """Yield an approved run's payouts, a home a line; `carried` is what earlier runs left open."""
    yield csv_lines(
        [("site_id", "site", "event", "version", "amount", "paid_before", "carried", "payout", "currency")]
    )
    yield csv_lines(
        (
            one.statement.site_id, one.statement.site.name, run.signal.name, run.version, one.statement.amount,
            one.paid_before, one.carried, one.amount, run.currency,
        )
        for one in run_payouts(run=run)
    )  # fmt: skip


def _locked(run: SettlementRun) -> RunReview:
    """Return a run's review, nobody else deciding about the event meanwhile."""
    GridSignal.objects.select_for_update().get(pk=run.signal_id)
    review, _ = RunReview.objects.get_or_create(run=run)
    return review


def _check_newest(run: SettlementRun) -> None:
    if newest_run(signal_id=run.signal_id) != run:
        raise ReviewNotAllowedError("a newer version has taken this run's place; decide about that one")


def _note(run: SettlementRun, *, action: str, actor: str, now: datetime, **detail: object) -> None:
    audit(
        organization=run.signal.organization, actor=actor, action=action, subject=f"settlement run {run.pk}", now=now,
        event=run.signal.name, signal=str(run.signal_id), version=run.version, **detail,
    )  # fmt: skip
