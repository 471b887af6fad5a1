"""Homes join and leave programs: one by one, or many in the background with progress."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.services import audit
from apps.common.queue import enqueue_on_commit
from apps.common.redis import publish
from apps.programs.errors import (
    EnrollmentJobOpenError,
    NobodyMovesError,
    NotEnrolledError,
    ProgramEndedError,
)
from apps.programs.models import Enrollment, EnrollmentJob, GridSignal, Program
from apps.programs.selectors import enrolled_sites
from apps.programs.services import PLAN_TASK, RUNNING, enrollment_create
from apps.sites.models import Site
from apps.sites.selectors import sites_of_organization

CHUNK = 1000
ENDED = "(ended "


@transaction.atomic
def site_enroll(*, program: Program, site: Site, actor: str, now: datetime) -> Enrollment:
    """Let a home take part from now on, and note who did it; running events are planned anew."""
    made = enrollment_create(program=program, site=site, now=now)
    _note(program, site, action="enrollment_create", actor=actor, now=now)
    plan_running(program=program, reason="a home has joined", now=now)
    return made


@transaction.atomic
def enrollment_end(*, program: Program, site: Site, actor: str, now: datetime) -> None:
    """End a home's part; what it was asked for is taken back, the fleet makes up for it."""
    found = Enrollment.objects.select_for_update().filter(program=program, site=site, ends_at=None).first()
    if found is None:
        raise NotEnrolledError(f"{site.name} does not take part in {program.name}")
    _end(program, [site.pk], now=now)
    _note(program, site, action="enrollment_end", actor=actor, now=now)
    plan_running(program=program, reason="a home has left", now=now)


def plan_running(*, program: Program, reason: str, now: datetime) -> None:
    """Have the program's running events planned again after the commit."""
    for signal in GridSignal.objects.filter(program=program, state__in=RUNNING, ends_at__gt=now):
        arguments = {"signal_id": str(signal.pk), "reason": reason, "only_after": None}
        enqueue_on_commit(PLAN_TASK, **arguments)
        transaction.on_commit(lambda pk=str(signal.pk): publish("signals", [pk]))  # type: ignore[misc]


@transaction.atomic
def homes_move(
    *, program: Program, kind: str, sites: QuerySet[Site], chosen: str, actor: str, now: datetime
) -> EnrollmentJob:
    """Have those of some homes join, or leave, that have not yet, in the background."""
    if ENDED in program.name:
        raise ProgramEndedError("this program has ended")
    held = enrolled_sites(program=program)
    joins = kind == EnrollmentJob.Kind.ENROLL
    wanted = sites.exclude(pk__in=held) if joins else sites.filter(pk__in=held)
    site_ids = list(wanted.order_by("pk").values_list("pk", flat=True))
    if not site_ids:
        raise NobodyMovesError("no home of this choice would change")
    return enrollment_job_create(
        program=program, kind=kind, site_ids=site_ids, chosen=chosen, actor=actor, now=now
    )


@transaction.atomic
def enrollment_job_create(
    *, program: Program, kind: str, site_ids: list[int], chosen: str, actor: str, now: datetime
) -> EnrollmentJob:
    """Have many homes join or leave in the background; one such job at a time for a program."""
    locked = Program.objects.select_for_update().get(pk=program.pk)
    open_states = [EnrollmentJob.State.WAITING, EnrollmentJob.State.RUNNING]
    if locked.enrollment_jobs.filter(state__in=open_states).exists():
        raise EnrollmentJobOpenError(
            "homes are joining or leaving this program already; wait for that to end"
        )
    own = sites_of_organization(organization=locked.organization).filter(pk__in=site_ids)
    job = EnrollmentJob.objects.create(
        program=locked, kind=kind, site_ids=list(own.values_list("pk", flat=True)), chosen=chosen[:500],
        requested_by=actor[:160], requested_at=now,
    )  # fmt: skip
    audit(
        organization=locked.organization, actor=actor, action=f"enrollment_job_{kind}", subject=f"program {locked.pk}",
        now=now, homes=len(job.site_ids), filter=chosen[:500], job=job.pk,
    )  # fmt: skip
    enqueue_on_commit("programs.work_enrollment_job", job_id=job.pk)
    return job


def enrollment_job_work(*, job_id: int, now: datetime) -> None:
    """Do a job chunk by chunk, each for good before the next; doing it again goes on where it stopped."""
    while _work_chunk(job_id, now=now):
        pass


@transaction.atomic
def _work_chunk(job_id: int, *, now: datetime) -> bool:
    """Do the next chunk; return whether there is more to do."""
    job = EnrollmentJob.objects.select_for_update(of=("self",)).select_related("program").get(pk=job_id)
    if job.state == EnrollmentJob.State.DONE:
        return False
    site_ids = job.site_ids[job.done : job.done + CHUNK]
    work = _join if job.kind == EnrollmentJob.Kind.ENROLL else _end
    job.changed += work(job.program, site_ids, now=now)
    job.done += len(site_ids)
    job.state = EnrollmentJob.State.RUNNING
    if job.done >= len(job.site_ids):
        job.state, job.finished_at = EnrollmentJob.State.DONE, now
        plan_running(program=job.program, reason="homes have joined or left", now=now)
    job.save(update_fields=["changed", "done", "state", "finished_at"])
    return job.state != EnrollmentJob.State.DONE


def _join(program: Program, site_ids: list[int], *, now: datetime) -> int:
    held = set(
        Enrollment.objects.filter(program=program, site_id__in=site_ids, ends_at=None).values_list(
            "site_id", flat=True
        )
    )
    # A home may have been deleted, or have joined by itself, since the job was asked for.
    own = Site.objects.filter(pk__in=set(site_ids) - held, organization_id=program.organization_id)
    rows = [Enrollment(program=program, site=site, starts_at=now) for site in own.select_for_update()]
    Enrollment.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _end(program: Program, site_ids: list[int], *, now: datetime) -> int:
    ended = Enrollment.objects.filter(program=program, site_id__in=site_ids, ends_at=None).update(ends_at=now)
    _let_go(program, site_ids)
    return ended


def _let_go(program: Program, site_ids: list[int] | None) -> None:
    """Have hubs drop what they were told, of these homes or of all."""
    enqueue_on_commit("dispatch.let_go", program_id=program.pk, site_ids=site_ids)


@transaction.atomic
def program_pause(*, program: Program, actor: str, now: datetime) -> Program:
    """Ask no home of the program for anything until it goes on; enrollments stay."""
    return _set_paused(program, now, actor=actor, now=now)


@transaction.atomic
def program_resume(*, program: Program, actor: str, now: datetime) -> Program:
    """Ask its homes again."""
    return _set_paused(program, None, actor=actor, now=now)


def _set_paused(program: Program, at: datetime | None, *, actor: str, now: datetime) -> Program:
    locked = Program.objects.select_for_update().get(pk=program.pk)
    if (locked.paused_at is None) == (at is None):
        return locked
    locked.paused_at = at
    locked.save(update_fields=["paused_at"])
    if at is not None:
        _let_go(locked, None)
    word = "pause" if at else "resume"
    audit(
        organization=locked.organization, actor=actor, action=f"program_{word}", subject=f"program {locked.pk}", now=now
    )  # fmt: skip
    plan_running(program=locked, reason="the program is paused" if at else "the program goes on", now=now)
    return locked


def _note(program: Program, site: Site, *, action: str, actor: str, now: datetime) -> None:
    audit(
        organization=program.organization, actor=actor, action=action, subject=f"site {site.pk}", now=now,
        program=program.pk, program_name=program.name,
    )  # fmt: skip
