"""Reads of settlements."""

import dataclasses
import math
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, QuerySet, When

from apps.accounts.models import Organization
from apps.programs.models import GridSignal
from apps.settlement.models import Dispute, SettlementRun, Statement, StatementLine
from apps.sites.models import Site
from vpp.intervals import Grid


@dataclasses.dataclass(frozen=True)
class SettledSignal:
    """A settled signal's energies per interval [kWh], summed over all homes; NaN where nothing is known."""

    signal_id: UUID
    version: int
    starts_at: datetime
    interval_s: int
    count: int
    baseline_kwh: list[float]
    metered_kwh: list[float]
    delivered_kwh: list[float]


def grid_of(signal: GridSignal) -> Grid:
    """Return a signal's intervals."""
    return Grid(signal.starts_at, signal.interval_s, len(signal.target_kw))


def settled_signals(*, signal_ids: Iterable[UUID]) -> list[SettledSignal]:
    """Return every settlement run of these signals, in order."""
    runs = SettlementRun.objects.filter(signal_id__in=list(signal_ids)).select_related("signal")
    return [_settled(run) for run in runs.order_by("pk")]


def statements_of_site(*, site: Site) -> QuerySet[Statement]:
    """Return a home's statements of each signal's newest run, newest first: a correction takes the place of a run."""
    later = SettlementRun.objects.filter(signal=OuterRef("run__signal"), version__gt=OuterRef("run__version"))
    return (
        Statement.objects.filter(~Exists(later), site=site)
        .select_related("run__signal__program")
        .order_by("-run__signal__starts_at", "-run__version")
    )


def statement_of_site(*, site: Site, statement_id: int) -> Statement | None:
    """Return one of a home's statements, also one that a correction has replaced."""
    return Statement.objects.filter(site=site, pk=statement_id).select_related("run__signal__program").first()


def runs_of_organization(*, organization: Organization) -> QuerySet[SettlementRun]:
    """Return the tenant's settlement runs, newest first."""
    return (
        SettlementRun.objects.filter(signal__organization=organization)
        .select_related("signal")
        .order_by("-pk")
    )


def run_of_organization(*, organization: Organization, run_id: int) -> SettlementRun | None:
    """Return the tenant's run."""
    return runs_of_organization(organization=organization).filter(pk=run_id).first()


def runs_of_everyone(*, slug: str = "", run_id: int | None = None) -> QuerySet[SettlementRun]:
    """Return runs of all tenants, or one tenant's, or one, for the command that checks them."""
    chosen = {"signal__organization__slug": slug} if slug else {}
    numbers = {"pk": run_id} if run_id is not None else {}
    return (
        SettlementRun.objects.filter(**chosen, **numbers).select_related("signal", "previous").order_by("pk")
    )


def newest_run(*, signal_id: UUID) -> SettlementRun | None:
    """Return the version of a signal's settlement that counts."""
    return SettlementRun.objects.filter(signal_id=signal_id).order_by("-version").first()


def runs_open() -> list[SettlementRun]:
    """Return all tenants' newest runs that late data can still change, for the periodic work."""
    later = SettlementRun.objects.filter(signal=OuterRef("signal"), version__gt=OuterRef("version"))
    kinds = [SettlementRun.Kind.INITIAL, SettlementRun.Kind.TRUE_UP]
    found = SettlementRun.objects.filter(~Exists(later), kind__in=kinds)
    return list(found.select_related("signal__program").order_by("pk"))


def statements_of_run(*, run: SettlementRun) -> QuerySet[Statement]:
    """Return the statements of a run, by home."""
    return run.statements.select_related("site", "run").prefetch_related("lines").order_by("pk")


def disputes_of_organization(*, organization: Organization) -> QuerySet[Dispute]:
    """Return the tenant's disputes, open ones first, then the newest."""
    return (
        Dispute.objects.filter(statement__run__signal__organization=organization)
        .select_related("statement__run__signal__program", "statement__site", "answer", "opened_by")
        .order_by(Case(When(state=Dispute.State.OPEN, then=0), default=1), "-opened_at")
    )


def disputes_of_statement(*, statement: Statement) -> QuerySet[Dispute]:
    """Return what was said about one statement, in order."""
    return Dispute.objects.filter(statement=statement).select_related("answer").order_by("opened_at")


def _settled(run: SettlementRun) -> SettledSignal:
    signal = run.signal
    count = len(signal.target_kw)
    baseline, metered, delivered = ([0.0] * count for _ in range(3))
    statements = list(run.statements.prefetch_related("lines"))
    unknown = set(range(count)) if statements else set()
    for line in (line for statement in statements for line in statement.lines.all()):
        if line.status == StatementLine.MeterStatus.MISSING or line.metered_kwh is None:
            continue
        index = int((line.starts_at - signal.starts_at).total_seconds() // signal.interval_s)
        unknown.discard(index)
        baseline[index] += line.baseline_kwh
        metered[index] += line.metered_kwh
        delivered[index] += line.delivered_kwh
    for index in unknown:
        baseline[index] = metered[index] = delivered[index] = math.nan
    return SettledSignal(
        signal_id=signal.pk, version=run.version, starts_at=signal.starts_at, interval_s=signal.interval_s,
        count=count, baseline_kwh=baseline, metered_kwh=metered, delivered_kwh=delivered,
    )  # fmt: skip
