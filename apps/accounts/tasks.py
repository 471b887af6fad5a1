"""Background work of accounts."""

from celery import shared_task

from apps.accounts.members import invitation_send


@shared_task(name="accounts.send_invitation", autoretry_for=(OSError,), retry_backoff=True, max_retries=8)
def send_invitation(*, membership_id: int, invited_by: str) -> None:
    """Send the e-mail to somebody who was invited to work for a tenant."""
    invitation_send(membership_id=membership_id, invited_by=invited_by)
