"""Background work on sites."""

from uuid import UUID

from celery import shared_task

from apps.sites.imports import services
from apps.sites.invitations import invitation_send


@shared_task(name="sites.send_invitation", autoretry_for=(OSError,), retry_backoff=True, max_retries=8)
def send_invitation(*, invitation_id: int) -> None:
    """Send the e-mail of an invitation."""
    invitation_send(invitation_id=invitation_id)


@shared_task(name=services.TASK)
def work_import(*, job_id: str) -> None:
    """Check an import and write it, or take it back."""
    services.import_job_work(job_id=UUID(job_id))
