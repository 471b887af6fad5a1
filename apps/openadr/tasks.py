"""Periodic work of the OpenADR server."""

from celery import shared_task

from apps.common import clock
from apps.openadr.services import reports_due


@shared_task(name="openadr.report_due")
def report_due() -> None:
    """Report settled signals to their utilities."""
    reports_due(now=clock.now())
