"""Periodic work of the OpenADR server, and what follows a change."""

from celery import shared_task

from apps.common import clock
from apps.openadr.market_prices import market_prices_publish
from apps.openadr.notify import mqtt, outbox
from apps.openadr.retention import old_messages_delete
from apps.openadr.services.reports import reports_due
from apps.openadr.signals import events_extend
from apps.openadr.watch import connections_watch


@shared_task(name="openadr.report_due")
def report_due() -> None:
    """Report settled signals to their utilities."""
    reports_due(now=clock.now())


@shared_task(name="openadr.produce_reports")
def produce_reports() -> None:
    """Make the reports that events ask for and that are due."""
    from apps.openadr.reporting.production import reports_due_prepare

    for event_id in reports_due_prepare(now=clock.now()):
        produce_event_reports.delay(event_id=event_id)


@shared_task(name="openadr.produce_event_reports")
def produce_event_reports(*, event_id: str) -> None:
    """Make one event's reports that are due."""
    from apps.openadr.reporting.production import event_reports_produce

    event_reports_produce(event_id=event_id, now=clock.now())


@shared_task(name="openadr.extend_events")
def extend_events() -> None:
    """Move on the signals of events without end."""
    events_extend(now=clock.now())


@shared_task(name="openadr.publish_market_prices")
def publish_market_prices() -> None:
    """Tell the prices that local markets have cleared."""
    market_prices_publish(now=clock.now())


@shared_task(name="openadr.delete_old")
def delete_old() -> None:
    """Delete what is older than the retention."""
    old_messages_delete(now=clock.now())


@shared_task(name=outbox.DELIVER_TASK)
def deliver_subscription(*, subscription_id: str) -> None:
    """Send a subscription what waits for it."""
    outbox.subscription_deliver(subscription_id=subscription_id, now=clock.now())


@shared_task(name="openadr.deliver_due")
def deliver_due() -> None:
    """Try again what failed, and what a lost worker left behind."""
    for subscription_id in outbox.subscriptions_due(now=clock.now()):
        deliver_subscription.delay(subscription_id=subscription_id)
    mqtt.topics_publish()


@shared_task(name=outbox.PUBLISH_TASK, autoretry_for=(mqtt.BrokerError,), retry_backoff=True, max_retries=3)
def publish_topics() -> None:
    """Hand the broker what waits."""
    mqtt.topics_publish()


@shared_task(name="openadr.watch")
def watch() -> None:
    """Find what operators are to be told of connections."""
    connections_watch(now=clock.now())
