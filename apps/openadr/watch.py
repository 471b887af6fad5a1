"""What operators are told of OpenADR: utilities we do not reach, subscribers who do not answer."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from apps.alerts.services import Found, IncidentKind, conditions_hold_everywhere, rules_of_kind
from apps.openadr.models import SubscriptionObject, VenConnection2b, VenConnection3


def connections_watch(*, now: datetime) -> None:
    """Look at every connection and subscription."""
    kind = IncidentKind.CONNECTION_FAILING
    rules, found = rules_of_kind(kind=kind), defaultdict(list)
    for organization_id, since, one in (*_to_3(), *_to_2b(), *_subscribers()):
        if since is None or now - since >= rules[organization_id].after:
            found[organization_id].append(one)
    conditions_hold_everywhere(kind=kind, found=found, now=now, rules=rules)


_Row = tuple[int, datetime | None, Found]


def _to_3() -> Iterator[_Row]:
    failing = Q(failing_since__isnull=False) | Q(lost_since__isnull=False)
    for one in VenConnection3.objects.filter(failing, enabled=True).order_by("pk"):
        found = Found(f"connection3:{one.pk}", f"No connection to {one.url[:120]}", one.last_error)
        yield one.organization_id, one.lost_since or one.failing_since, found


def _to_2b() -> Iterator[_Row]:
    for one in VenConnection2b.objects.filter(enabled=True).exclude(last_error="").order_by("pk"):
        found = Found(f"connection2b:{one.pk}", f"No connection to {one.url[:120]}", one.last_error)
        yield one.organization_id, one.last_answer_at or one.created_at, found


def _subscribers() -> Iterator[_Row]:
    for one in SubscriptionObject.objects.filter(broken_at__isnull=False).order_by("pk"):
        found = Found(
            f"subscription:{one.pk}", "A subscriber does not answer", "Its notifications are given up."
        )
        yield one.organization_id, None, found
