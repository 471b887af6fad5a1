"""What is kept of the past: enough to look up, not for ever."""

from datetime import datetime, timedelta
from typing import Final

from apps.alerts.models import Incident, Notification, WebhookEvent

NOTIFICATIONS: Final = timedelta(days=180)
WEBHOOK_EVENTS: Final = timedelta(days=30)
INCIDENTS: Final = timedelta(days=400)


def old_delete(*, now: datetime) -> None:
    """Delete what is older than it is kept; deliveries and notes go with what they belong to."""
    Notification.objects.filter(created_at__lt=now - NOTIFICATIONS).delete()
    WebhookEvent.objects.filter(at__lt=now - WEBHOOK_EVENTS).delete()
    Incident.objects.filter(cleared_at__lt=now - INCIDENTS).delete()
