"""What operators see and decide about settlement runs."""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal

from django.core.paginator import Page, Paginator
from django.db.models import Q
from django.db.models.functions import Abs

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.accounts.services import audit
from apps.common.keyset import KeysetPage, keyset_page
from apps.programs.models import Program
from apps.programs.selectors import programs_of_organization
from apps.settlement import reviews
from apps.settlement.errors import ReviewInvalidError
from apps.settlement.models import RunReview, SettlementRun, Statement
from apps.settlement.payouts import RunPayout, run_payout_sum, run_payouts
from apps.settlement.reviews import RunRow

PAGE_SIZE = 40
HOMES_SHOWN = 100
STATES = {"draft": "to be approved", "approved": "approved, not paid", "paid": "paid", "replaced": "replaced"}


@dataclasses.dataclass(frozen=True)
class RunList:
    rows: list[RunRow]
    page: KeysetPage[SettlementRun]
    programs: list[Program]
    program: str
    state: str
    states: dict[str, str]
    four_eyes: bool


@dataclasses.dataclass(frozen=True)
class RunPage:
    """A run with its homes, and how it differs from the version before."""

    row: RunRow
    page: "Page[Statement]"
    homes: list[RunPayout]
    payout: Decimal
    changed: list[Statement]
    versions: list[RunRow]
    four_eyes: bool
    again_possible: bool

    @property
    def run(self) -> SettlementRun:
        return self.row.run


@dataclasses.dataclass(frozen=True)
class Decided:
    said: str
    run_id: int


def run_list(*, organization: Organization, program: str, state: str, cursor: str) -> RunList:
    """Return a page of the tenant's runs, of one program or in one state if named."""
    number = int(program) if program.isdecimal() and len(program) < 18 else None
    found = reviews.runs_reviewed(organization=organization, program_id=number)
    if state in STATES:
        found = found.filter(_in_state(state))
    page = keyset_page(found, order="pk", cursor=cursor, size=PAGE_SIZE, descending=True)
    return RunList(
        rows=[reviews.run_row(run) for run in page.rows],
        page=page,
        programs=list(programs_of_organization(organization=organization)),
        program=program if number is not None else "",
        state=state if state in STATES else "",
        states=STATES,
        four_eyes=reviews.four_eyes(organization=organization),
    )


def _in_state(state: str) -> Q:
    if state == "paid":
        return Q(review__state=RunReview.State.PAID)
    if state == "replaced":
        return Q(is_replaced=True) & (Q(review=None) | ~Q(review__state=RunReview.State.PAID))
    if state == "draft":
        return Q(is_replaced=False) & (Q(review=None) | Q(review__state=RunReview.State.DRAFT))
    return Q(is_replaced=False, review__state=RunReview.State.APPROVED)


def run_of_organization(*, organization: Organization, run_id: int) -> SettlementRun | None:
    """Return the tenant's run with its review."""
    found: SettlementRun | None = reviews.runs_reviewed(organization=organization).filter(pk=run_id).first()
    return found


def run_page(*, run: SettlementRun, page_number: str) -> RunPage:
    """Return the page of a run."""
    homes = run.statements.select_related("site").order_by("site_id")
    page = Paginator(homes, HOMES_SHOWN).get_page(page_number)
    versions = reviews.runs_reviewed(organization=run.signal.organization).filter(signal_id=run.signal_id)
    changed = homes.exclude(adjustment=0).order_by(-Abs("adjustment"), "site_id")
    row = reviews.run_row(run)
    return RunPage(
        row=row,
        page=page,
        homes=run_payouts(run=run, statements=list(page.object_list)),
        payout=run_payout_sum(run=run),
        changed=list(changed[:HOMES_SHOWN]) if run.previous_id else [],
        versions=[reviews.run_row(one) for one in versions.order_by("-version")],
        four_eyes=reviews.four_eyes(organization=run.signal.organization),
        again_possible=row.is_newest and run.kind in (SettlementRun.Kind.INITIAL, SettlementRun.Kind.TRUE_UP),
    )


def decide(*, run: SettlementRun, user: User, sent: Mapping[str, str], now: datetime) -> Decided:
    """Approve, pay or run again, as a form asks; viewers may not."""
    _must_operate(user, run.signal.organization)
    do = sent.get("do")
    if do == "approve":
        reviews.run_approve(run=run, actor=user.email, now=now)
        return Decided("Approved. It can be paid now.", run.pk)
    if do == "pay":
        reviews.run_pay(run=run, reference=sent.get("reference", ""), actor=user.email, now=now)
        return Decided("Noted as paid.", run.pk)
    if do == "again":
        made = reviews.run_again(run=run, reason=sent.get("reason", ""), actor=user.email, now=now)
        return Decided(f"Version {made.version} is made. It waits for approval.", made.pk)
    raise ReviewInvalidError("approve, pay or run again?")


def set_rule(*, organization: Organization, user: User, sent: Mapping[str, str], now: datetime) -> str:
    """Set whether who asked for a run may approve it; viewers may not."""
    _must_operate(user, organization)
    wanted = sent.get("four_eyes") == "1"
    reviews.four_eyes_set(organization=organization, wanted=wanted, actor=user.email, now=now)
    return "Two people are needed for runs that somebody asked for." if wanted else "One person is enough."


def payout_lines(*, run: SettlementRun, user: User, now: datetime) -> Iterator[str] | None:
    """Return an approved or paid run's payouts as CSV, noting who took them; None for another."""
    if reviews.run_row(run).state not in ("approved", "paid"):
        return None
    audit(
        organization=run.signal.organization, actor=user.email, action="payouts_download",
        subject=f"settlement run {run.pk}", now=now, version=run.version,
    )  # fmt: skip
    return reviews.payouts_csv(run=run)


def _must_operate(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator can decide about payments")
