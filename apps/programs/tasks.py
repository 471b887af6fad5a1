"""Background work of programs."""

from celery import shared_task

from apps.common import clock
from apps.programs.reports import baseline_report_run


@shared_task(name="programs.baseline_report")
def baseline_report(report_id: int) -> None:
    """Work out which baseline method fits."""
    baseline_report_run(report_id=report_id, now=clock.now())
