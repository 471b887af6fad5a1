"""Long work for API clients: 202 and a job, whose progress and result are read by its number."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Model, QuerySet

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.models import Job
from apps.common.queue import enqueue_on_commit
from vpp.errors import VppError

KEPT: Final = timedelta(days=7)
Tell = Callable[[str, int], None]


def job_request(
    *, organization: Model, kind: str, task: str, arguments: Mapping[str, Any], actor: str, now: datetime
) -> Job:
    """Have a worker's `task` do something, as soon as the surrounding transaction has committed."""
    job = Job.objects.create(
        organization_id=organization.pk, kind=kind, arguments=dict(arguments), asked_by=actor[:160], created_at=now
    )  # fmt: skip
    enqueue_on_commit(task, job_id=str(job.pk))
    return job


def job_work(
    *, job_id: UUID, work: Callable[[Job, Tell], Any], now: Callable[[], datetime] = clock.now
) -> None:
    """Do a job's work once; what cannot be done says why. A worker that died has it done again."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None or job.finished_at is not None:
        return
    _told(job, "begun", share_pct=0)
    try:
        found = work(job, lambda stage, share_pct: _told(job, stage, share_pct=share_pct))
    except (DomainError, VppError) as error:
        Job.objects.filter(pk=job_id).update(
            state=Job.State.FAILED, code=error.code, error=error.detail[:500], finished_at=now()
        )
    else:
        Job.objects.filter(pk=job_id).update(
            state=Job.State.DONE, result=found, progress_pct=100, stage="", finished_at=now()
        )


def _told(job: Job, stage: str, *, share_pct: int) -> None:
    Job.objects.filter(pk=job.pk).update(
        state=Job.State.RUNNING, stage=stage[:120], progress_pct=max(0, min(100, share_pct))
    )


def jobs_of_organization(*, organization: Model) -> QuerySet[Job]:
    """Return the tenant's jobs, the newest first."""
    return Job.objects.filter(organization_id=organization.pk).order_by("-created_at", "id")


def jobs_forget(*, now: datetime) -> int:
    """Delete jobs that ended long ago."""
    deleted, _ = Job.objects.filter(finished_at__lte=now - KEPT).delete()
    return deleted
