"""Background work of programs."""

from celery import shared_task
from django.db import OperationalError

from apps.common import clock
from apps.programs.enrollments import enrollment_job_work
from apps.programs.opt_out_periods import opt_out_periods_expire
from apps.programs.reports import baseline_report_run


@shared_task(name="programs.baseline_report")
def baseline_report(report_id: int) -> None:
    """Work out which baseline method fits."""
    baseline_report_run(report_id=report_id, now=clock.now())


@shared_task(
    name="programs.work_enrollment_job", autoretry_for=(OperationalError,), retry_backoff=True, max_retries=5
)
def work_enrollment_job(*, job_id: int) -> None:
    """Have many homes join or leave."""
    enrollment_job_work(job_id=job_id, now=clock.now())


@shared_task(name="programs.end_opt_out_periods")
def end_opt_out_periods() -> None:
    """Let homes take part again whose time out is over."""
    opt_out_periods_expire(now=clock.now())
