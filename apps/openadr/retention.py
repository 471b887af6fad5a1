"""What the OpenADR server does not keep for ever: notifications that are done with, and the log of raw messages."""

from datetime import datetime, timedelta

from django.conf import settings

from apps.openadr.models import MessageEntry, Notification, TopicMessage

DONE = (Notification.State.SENT, Notification.State.FAILED)


def old_messages_delete(*, now: datetime) -> int:
    """Delete what is older than the retention; return how many rows. What still waits for a callback stays."""
    oldest = now - timedelta(days=settings.OPENADR_RETENTION_DAYS)
    found = (
        Notification.objects.filter(state__in=DONE, created_at__lt=oldest),
        TopicMessage.objects.filter(created_at__lt=oldest),  # no broker has taken it for all that time
        MessageEntry.objects.filter(at__lt=oldest),
    )
    return sum(rows.delete()[0] for rows in found)
