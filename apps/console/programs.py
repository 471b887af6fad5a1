"""Programs as operators see and change them."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.console.site_filter import FilterForm, SiteFilter, filter_form, sites_filtered
from apps.programs.enrollments import ENDED, homes_move, program_pause, program_resume
from apps.programs.models import Enrollment, EnrollmentJob, GridSignal, Program
from apps.programs.selectors import counted, enrolled_sites, programs_of_organization, signals_of_organization
from apps.programs.services import (
    program_create,
    program_end,
    program_rename,
    program_set_dispatch,
    program_set_signals,
)
from apps.sites.models import Site

SHOWN_SIGNALS = 8
SHOWN_JOBS = 5
SAMPLE = 5
LONGEST_NAME = 128


@dataclasses.dataclass(frozen=True)
class ProgramRow:
    program: Program
    homes: int
    running: int

    @property
    def state(self) -> str:
        if ENDED in self.program.name:
            return "ended"
        return "paused" if self.program.paused_at else "active"


@dataclasses.dataclass(frozen=True)
class ProgramPage:
    row: ProgramRow
    signals: list[GridSignal]
    jobs: list[EnrollmentJob]

    @property
    def program(self) -> Program:
        return self.row.program

    @property
    def is_working(self) -> bool:
        return any(job.is_open for job in self.jobs)


@dataclasses.dataclass(frozen=True)
class EnrollmentPage:
    """What a filter would do: how many would join, and how many would leave."""

    program: Program
    form: FilterForm
    found: int
    joining: int
    leaving: int
    sample: list[Site]


def program_rows(*, organization: Organization) -> list[ProgramRow]:
    """Return the tenant's programs, ended ones last."""
    rows = [_row(program) for program in _counted(organization)]
    return sorted(rows, key=lambda row: (row.state == "ended", row.program.pk))


def _counted(organization: Organization) -> QuerySet[Program]:
    open_states = [GridSignal.State.ACCEPTED, GridSignal.State.PLANNED, GridSignal.State.ACTIVE]
    return programs_of_organization(organization=organization).annotate(
        homes=counted(Enrollment, Q(ends_at=None)), running=counted(GridSignal, Q(state__in=open_states))
    )


def _row(program: Program) -> ProgramRow:
    return ProgramRow(program, getattr(program, "homes", 0), getattr(program, "running", 0))


def program_of_organization(*, organization: Organization, program_id: int) -> Program | None:
    """Return the tenant's program with its counts."""
    return _counted(organization).select_related("organization").filter(pk=program_id).first()


def program_page(*, program: Program) -> ProgramPage:
    """Return the page of a program."""
    signals = signals_of_organization(organization=program.organization).filter(program=program)
    return ProgramPage(
        _row(program), list(signals[:SHOWN_SIGNALS]), list(program.enrollment_jobs.all()[:SHOWN_JOBS])
    )


def create(*, organization: Organization, user: User, sent: Mapping[str, str], now: datetime) -> Program:
    """Create a program; viewers may not."""
    _must_operate(user, organization)
    made = program_create(organization=organization, name=_name(sent), now=now)
    audit(
        organization=organization, actor=user.email, action="program_create", subject=f"program {made.pk}", now=now,
        name=made.name,
    )  # fmt: skip
    return made


def change(*, program: Program, user: User, sent: Mapping[str, str], now: datetime) -> str:
    """Change a program as one of the page's forms asks; return what was done. Viewers may not."""
    _must_operate(user, program.organization)
    do, actor = sent.get("do"), user.email
    if ENDED in program.name:
        raise DomainError("This program has ended.", code="program_ended", status=409)
    if do == "pause":
        program_pause(program=program, actor=actor, now=now)
        return f"{program.name} is paused: its homes are not asked for anything."
    if do == "resume":
        program_resume(program=program, actor=actor, now=now)
        return f"{program.name} goes on."
    if do == "end":
        return _end(program, actor=actor, now=now)
    if do == "rules":
        _set_rules(program, sent, actor=actor, now=now)
        return "Saved, for plans made from now on."
    raise DomainError("That is no change.", code="form_invalid")


def _end(program: Program, *, actor: str, now: datetime) -> str:
    if getattr(program, "running", 0):
        raise DomainError(
            "Events of it are coming or running; cancel them first.", code="program_busy", status=409
        )
    name = program.name
    program_end(program=program, now=now)
    audit(
        organization=program.organization, actor=actor, action="program_end", subject=f"program {program.pk}", now=now,
        name=name,
    )  # fmt: skip
    return f"{name} has ended; its homes are free, its record stays."


@transaction.atomic
def _set_rules(program: Program, sent: Mapping[str, str], *, actor: str, now: datetime) -> None:
    name = _name(sent)
    try:
        reserve_kw = float(sent.get("reserve_kw") or 0)
        most_events = int(sent["most_events"]) if sent.get("most_events") else None
        days = int(sent.get("most_events_days") or 30)
        shares = [float(sent[f"level_{level}"]) / 100 for level in (1, 2, 3)]
        carbon_price = Decimal(sent.get("carbon_price") or "0")
    except (ValueError, KeyError, InvalidOperation) as error:
        raise DomainError("A field is not a number.", code="form_invalid") from error
    if not carbon_price.is_finite():
        raise DomainError("A field is not a number.", code="form_invalid")
    if name != program.name:
        was, named = program.name, program_rename(program=program, name=name)
        audit(
            organization=program.organization, actor=actor, action="program_rename", subject=f"program {program.pk}",
            now=now, name=named.name, was={"name": was},
        )  # fmt: skip
    program_set_dispatch(
        program=program,
        reserve_kw=reserve_kw,
        most_events=most_events,
        most_events_days=days,
        actor=actor,
        now=now,
    )
    program_set_signals(
        program=program, level_shares=shares, capacity_scope=sent.get("capacity_scope", ""),
        carbon_price=carbon_price, actor=actor, now=now,
    )  # fmt: skip


def enrollment_page(*, program: Program, chosen: SiteFilter) -> EnrollmentPage:
    """Return how many homes a filter would let join and leave."""
    sites = sites_filtered(organization=program.organization, chosen=chosen)
    held = enrolled_sites(program=program)
    joining = sites.exclude(pk__in=held)
    return EnrollmentPage(
        program=program,
        form=filter_form(organization=program.organization, chosen=chosen),
        found=sites.count(),
        joining=joining.count(),
        leaving=sites.filter(pk__in=held).count(),
        sample=list(joining.order_by("name")[:SAMPLE]),
    )


def enroll_many(
    *, program: Program, user: User, chosen: SiteFilter, kind: str, now: datetime
) -> EnrollmentJob:
    """Have all homes of a filter join or leave; viewers may not."""
    _must_operate(user, program.organization)
    if kind not in EnrollmentJob.Kind.values:
        raise DomainError("Join or leave?", code="form_invalid")
    sites = sites_filtered(organization=program.organization, chosen=chosen)
    return homes_move(program=program, kind=kind, sites=sites, chosen=chosen.query, actor=user.email, now=now)


def _name(sent: Mapping[str, str]) -> str:
    name = sent.get("name", "").strip()
    if not 0 < len(name) <= LONGEST_NAME or "\x00" in name or ENDED in name:
        raise DomainError(
            f"A program needs a name of at most {LONGEST_NAME} characters.", code="name_invalid"
        )
    return name


def _must_operate(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator can change programs")
