"""Background work of alerts."""

from uuid import UUID

from celery import shared_task

from apps.alerts import outbox, retention, watch, webhook_outbox
from apps.alerts.notifications import DELIVER_TASK
from apps.alerts.webhook_events import DELIVER_TASK as WEBHOOK_TASK
from apps.common import clock


@shared_task(name=DELIVER_TASK)
def deliver_due() -> None:
    """Send what is due to people."""
    outbox.deliveries_send(now=clock.now())


@shared_task(name=WEBHOOK_TASK)
def deliver_webhook(*, webhook_id: str) -> None:
    """Call one webhook for what waits."""
    webhook_outbox.webhook_deliver(webhook_id=UUID(webhook_id), now=clock.now())


@shared_task(name="alerts.watch")
def watch_all() -> None:
    """Look at webhooks that were given up and sites that are new; call webhooks that are due again."""
    now = clock.now()
    watch.webhooks_watch(now=now)
    watch.sites_announce(now=now)
    for webhook_id in webhook_outbox.webhooks_due(now=now):
        deliver_webhook.delay(webhook_id=webhook_id)


@shared_task(name="alerts.delete_old")
def delete_old() -> None:
    """Delete what is older than it is kept."""
    retention.old_delete(now=clock.now())
