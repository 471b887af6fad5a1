"""What households are owed for events once a run is approved, and recording what was paid.

A home that an earlier version paid too much owes the difference: it is taken from what the home is paid next.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.settlement.errors import PayoutInvalidError
from apps.settlement.models import Payout, PayoutLine, RunReview, SettlementRun, Statement
from apps.sites.models import Site

NOTHING = Decimal(0)
Lines = list[tuple[Statement, Decimal]]


@dataclasses.dataclass(frozen=True)
class Owed:
    """What one home is owed in one currency, by statement."""

    site: Site
    currency: str
    lines: Lines

    @property
    def amount(self) -> Decimal:
        return _sum(self.lines)


@dataclasses.dataclass(frozen=True)
class RunPayout:
    """What one home is paid by a run: its amount, less what earlier versions paid, with what earlier runs left open."""

    statement: Statement
    paid_before: Decimal
    left: Lines
    payout: Payout | None

    @property
    def due(self) -> Decimal:
        """What the run itself comes to; below zero for a home that was paid too much."""
        return self.statement.amount - self.paid_before

    @property
    def carried(self) -> Decimal:
        return _sum(self.left)

    @property
    def is_paid_elsewhere(self) -> bool:
        """Whether another payment settled it: by hand, or with a later run."""
        return self.payout is not None and self.payout.run_id != self.statement.run_id

    @property
    def amount(self) -> Decimal:
        return NOTHING if self.is_paid_elsewhere else max(self.due + self.carried, NOTHING)


def sites_owed(*, organization: Organization) -> QuerySet[Site]:
    """Return the tenant's homes that are owed something, or owe."""
    lines = PayoutLine.objects.filter(
        statement__site=OuterRef("site"), statement__run__signal=OuterRef("run__signal")
    )
    paid = lines.order_by().values("statement__site").annotate(sum=Sum("amount")).values("sum")
    approved = _unpaid(_approved(Statement.objects.filter(site=OuterRef("pk"))))
    open_ = approved.annotate(paid=Coalesce(Subquery(paid), NOTHING)).exclude(amount=F("paid"))
    return Site.objects.filter(Exists(open_), organization=organization)


def owed_to_sites(*, site_ids: Collection[int]) -> list[Owed]:
    """Return what homes are owed: of each event's newest approved statement, what has not been paid."""
    return _owed(_approved(Statement.objects.filter(site_id__in=site_ids)))


def owed_to_site(*, site: Site) -> list[Owed]:
    """Return what one home is owed, by currency."""
    return _owed(_approved(Statement.objects.filter(site=site)))


def unapproved_of_site(*, site: Site) -> list[Owed]:
    """Return what one home would get once its operator approves the runs, by currency."""
    waiting = Exists(_reviewed())
    return _owed(Statement.objects.filter(~waiting, site=site))


def run_payouts(*, run: SettlementRun, statements: Collection[Statement] | None = None) -> list[RunPayout]:
    """Return what each home was paid by a run, or is to be, by site; of these statements with their sites if named."""
    if statements is None:
        statements = list(run.statements.select_related("site").order_by("site_id"))
    before, paid, left = _paid_before(run), _paid_with(run), _left_open(run)
    return [
        RunPayout(one, before.get(one.site_id, NOTHING), *paid.get(one.pk, (left.get(one.site_id, []), None)))
        for one in statements
    ]


def run_payout_sum(*, run: SettlementRun) -> Decimal:
    """Return what a run paid all homes together, or is to."""
    before, paid, left = _paid_before(run), _paid_with(run), _left_open(run)
    found = run.statements.values_list("pk", "site_id", "amount")
    open_amounts = (
        amount - before.get(site_id, NOTHING) + _sum(left.get(site_id, []))
        for pk, site_id, amount in found
        if pk not in paid
    )
    own = Payout.objects.filter(run=run).aggregate(Sum("amount"))["amount__sum"] or NOTHING
    return sum((max(one, NOTHING) for one in open_amounts), own)


def payouts_of_site(*, site: Site) -> QuerySet[Payout]:
    """Return what was paid to a home, the newest first, with what for."""
    found = Payout.objects.filter(site=site).order_by("-paid_at", "-pk")
    return found.prefetch_related("lines__statement__run__signal")


def payouts_of_organization(*, organization: Organization) -> QuerySet[Payout]:
    """Return what the tenant paid, the newest first."""
    found = Payout.objects.filter(site__organization=organization)
    return found.select_related("site").order_by("-paid_at", "-pk")


@transaction.atomic
def run_payouts_record(*, run: SettlementRun, reference: str, actor: str, now: datetime) -> Decimal:
    """Record that the homes of an approved run were paid what it still owes them; return the sum."""
    homes = Site.objects.select_for_update(of=("self",)).filter(statements__run=run).order_by("pk")
    list(homes.values_list("pk"))
    paying = [one for one in run_payouts(run=run) if one.amount > 0 and one.payout is None]
    made = Payout.objects.bulk_create(
        Payout(
            run=run, site=one.statement.site, paid_at=now, amount=one.amount, currency=run.currency, reference=reference,
            recorded_by=actor, recorded_at=now,
        )
        for one in paying
    )  # fmt: skip
    PayoutLine.objects.bulk_create(
        PayoutLine(payout=payout, statement=statement, amount=amount)
        for payout, one in zip(made, paying, strict=True)
        for statement, amount in [(one.statement, one.due), *one.left]
    )
    return sum((one.amount for one in made), NOTHING)


@transaction.atomic
def payout_record(
    *, site: Site, currency: str, reference: str, actor: str, paid_at: datetime, now: datetime
) -> Payout:
    """Record that a home was paid all that it is owed in a currency."""
    Site.objects.select_for_update().get(pk=site.pk)
    if not reference.strip():
        raise PayoutInvalidError("say what the bank's statement says")
    if paid_at > now:
        raise PayoutInvalidError("a payment lies in the past")
    owed = next((one for one in owed_to_site(site=site) if one.currency == currency), None)
    if owed is None or owed.amount <= 0:
        raise PayoutInvalidError("nothing is owed to this home")
    payout = Payout.objects.create(
        site=site, paid_at=paid_at, amount=owed.amount, currency=currency, reference=reference.strip()[:140],
        recorded_by=actor, recorded_at=now,
    )  # fmt: skip
    PayoutLine.objects.bulk_create(
        PayoutLine(payout=payout, statement=statement, amount=amount) for statement, amount in owed.lines
    )
    audit(
        organization=site.organization, actor=actor, action="payout_record", subject=f"site {site.pk}", now=now,
        amount=str(owed.amount), currency=currency, reference=payout.reference,
    )  # fmt: skip
    return payout


def _sum(lines: Lines) -> Decimal:
    return sum((amount for _, amount in lines), NOTHING)


def _paid_with(run: SettlementRun) -> dict[int, tuple[Lines, Payout | None]]:
    """The run's statements that were paid: what else was settled in the run's own payment, and the payment."""
    lines = PayoutLine.objects.filter(statement__run=run).select_related("payout")
    others = PayoutLine.objects.filter(payout__run=run).exclude(statement__run=run)
    settled: dict[int, Lines] = defaultdict(list)
    for one in others.select_related("statement").order_by("pk"):
        settled[one.payout_id].append((one.statement, one.amount))
    return {one.statement_id: (settled[one.payout_id], one.payout) for one in lines}


def _paid_before(run: SettlementRun) -> dict[int, Decimal]:
    """What earlier versions paid, by site."""
    earlier = PayoutLine.objects.filter(
        statement__run__signal_id=run.signal_id, statement__run__version__lt=run.version
    )
    return dict(earlier.values_list("statement__site_id").annotate(Sum("amount")))


def _left_open(run: SettlementRun) -> dict[int, Lines]:
    """What runs that were paid left open, by site: a home paid too much owes, and an amount may have been held back."""
    paid = RunReview.objects.filter(run=OuterRef("run"), state=RunReview.State.PAID)
    homes = run.statements.values("site")
    others = Statement.objects.filter(Exists(paid), site__in=homes, run__currency=run.currency)
    found: dict[int, Lines] = defaultdict(list)
    for one in _owed(others.exclude(run__signal_id=run.signal_id)):
        found[one.site.pk] += one.lines
    return found


def _approved(found: QuerySet[Statement]) -> QuerySet[Statement]:
    return found.filter(Exists(_reviewed()))


def _reviewed() -> QuerySet[RunReview]:
    """Reviews of a statement's run by which it may be paid; those of paid runs whose home owes are among them."""
    states = [RunReview.State.APPROVED, RunReview.State.PAID]
    return RunReview.objects.filter(run=OuterRef("run"), state__in=states)


def _unpaid(found: QuerySet[Statement]) -> QuerySet[Statement]:
    """Those of the newest runs of their events that no payout has settled."""
    later = SettlementRun.objects.filter(signal=OuterRef("run__signal"), version__gt=OuterRef("run__version"))
    return found.filter(~Exists(later), ~Exists(PayoutLine.objects.filter(statement=OuterRef("pk"))))


def _owed(found: QuerySet[Statement]) -> list[Owed]:
    newest = _unpaid(found).select_related("run__signal", "site__organization").order_by("site_id", "pk")
    statements = list(newest)
    paid = _paid(statements)
    homes: dict[tuple[int, str], list[tuple[Statement, Decimal]]] = defaultdict(list)
    for one in statements:
        open_amount = one.amount - paid.get((one.site_id, one.run.signal_id), NOTHING)
        if open_amount:
            homes[one.site_id, one.run.currency].append((one, open_amount))
    return [Owed(lines[0][0].site, currency, lines) for (_, currency), lines in sorted(homes.items())]


def _paid(statements: list[Statement]) -> dict[tuple[int, Any], Decimal]:
    """What was paid already for these homes' events, by earlier versions."""
    lines = PayoutLine.objects.filter(
        statement__site__in={one.site_id for one in statements},
        statement__run__signal__in={one.run.signal_id for one in statements},
    )
    rows = lines.values_list("statement__site_id", "statement__run__signal_id").annotate(Sum("amount"))
    return {(site_id, signal_id): amount for site_id, signal_id, amount in rows}
