"""What alerts itself looks for by the minute: webhooks it has given up, sites that are new."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final

from apps.alerts.incidents import Found, conditions_hold_everywhere
from apps.alerts.models import EventKind, IncidentKind, Webhook
from apps.alerts.rules import rules_of_kind
from apps.alerts.webhook_events import Told, events_publish
from apps.sites.models import Site

LOOK_BACK: Final = timedelta(hours=1)


def webhooks_watch(*, now: datetime) -> None:
    """Open an incident for each webhook that the platform has disabled; clear those in use again."""
    kind = IncidentKind.WEBHOOK_DISABLED
    found: dict[int, list[Found]] = defaultdict(list)
    off = Webhook.objects.filter(disabled_at__isnull=False).exclude(disabled_reason__startswith="by ")
    for one in off.order_by("pk"):
        shown = Found(f"webhook:{one.pk}", f"Webhook to {one.url[:120]} is disabled", one.disabled_reason)
        found[one.organization_id].append(shown)
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules_of_kind(kind=kind))


def sites_announce(*, now: datetime) -> int:
    """Tell partners of sites that were created within the hour, however they came to be; each is told once."""
    wanting = Webhook.objects.filter(disabled_at=None, kinds__contains=[EventKind.SITE_CREATED])
    told = 0
    for webhook in wanting.order_by("organization_id").distinct("organization_id"):
        since = max(webhook.created_at, now - LOOK_BACK)
        sites = Site.objects.filter(organization_id=webhook.organization_id, created_at__gte=since)
        new = [
            Told(f"site:{site.pk}", {"site_id": site.pk, "name": site.name, "created_at": site.created_at.isoformat()})
            for site in sites.order_by("pk")
        ]  # fmt: skip
        told += events_publish(
            organization_id=webhook.organization_id, kind=EventKind.SITE_CREATED, told=new, now=now
        )
    return told
