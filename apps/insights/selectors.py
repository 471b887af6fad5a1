"""Reads of insights."""

from datetime import datetime

from django.db.models import Q

from apps.insights.models import Insight
from apps.sites.models import Site

_RANK = {"critical": 0, "warning": 1}


def insights_of_site(*, site: Site, now: datetime) -> list[Insight]:
    """Return what holds of a home and waits for its household, the worst and dearest first."""
    awake = Q(state=Insight.State.OPEN) | Q(state=Insight.State.SNOOZED, snoozed_until__lte=now)
    found = Insight.objects.filter(awake, site=site, gone_at=None)
    return sorted(found, key=lambda one: (_RANK.get(one.severity, 2), -(one.amount_per_week or 0), one.pk))


def insights_decided(*, site: Site, now: datetime, limit: int = 20) -> list[Insight]:
    """Return what the household put aside, the last first."""
    asleep = Q(state__in=[Insight.State.DISMISSED, Insight.State.DONE]) | Q(
        state=Insight.State.SNOOZED, snoozed_until__gt=now
    )
    return list(Insight.objects.filter(asleep, site=site).order_by("-decided_at", "-pk")[:limit])
