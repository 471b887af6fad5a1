"""Background work: copies of a home's data, and its end."""

from datetime import UTC, datetime

from celery import shared_task

from apps.common import clock
from apps.privacy.deletions import deletions_due, home_delete
from apps.privacy.exports import export_make, exports_prune


@shared_task(name="privacy.make_export")
def make_export(*, export_id: int) -> None:
    """Make a copy."""
    export_make(export_id=export_id, machine_now=datetime.now(UTC))


@shared_task(name="privacy.delete_home")
def delete_home(*, site_id: int) -> None:
    """Delete a home whose time has come."""
    home_delete(site_id=site_id, now=clock.now())


@shared_task(name="privacy.look")
def look() -> None:
    """Start deletions that are due, and forget copies whose link has ended."""
    deletions_due(now=clock.now())
    exports_prune()
