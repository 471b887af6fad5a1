"""What hubs decided by themselves and why: kept for a while, so that a household can ask."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction

from apps.hubs.models import Hub, HubDecision
from apps.sites.models import Site
from vpp.protocols.link.messages import Decision, Decisions

KEPT: Final = timedelta(days=60)
# A hub's clock may be so far ahead.
_AHEAD: Final = timedelta(minutes=5)


@transaction.atomic
def decisions_told(*, hub_id: str, message: Decisions, now: datetime) -> bool:
    """Keep what a hub decided; False for a hub without a home. What is told again changes nothing."""
    hub = Hub.objects.filter(pk=hub_id, site__isnull=False).first()
    if hub is None or hub.site is None:
        return False
    rows = [_row(hub.site, one) for one in message.items]
    kept = [row for row in rows if now - KEPT <= row.at <= now + _AHEAD]
    HubDecision.objects.bulk_create(kept, ignore_conflicts=True)
    HubDecision.objects.filter(site=hub.site, at__lt=now - KEPT).delete()
    return True


def _row(site: Site, told: Decision) -> HubDecision:
    return HubDecision(
        site=site,
        at=datetime.fromtimestamp(told.at / 1000, UTC),
        resource=told.resource,
        controller=told.controller,
        reason=told.reason,
        low_kw=_finite(told.low_kw),
        high_kw=_finite(told.high_kw),
    )


def _finite(kw: float | None) -> float | None:
    return kw if kw is not None and math.isfinite(kw) else None


def decisions_at(*, site: Site, at: datetime) -> list[HubDecision]:
    """Return what held at an instant: of each resource the newest decision until then."""
    found = HubDecision.objects.filter(site=site, at__lte=at, at__gt=at - KEPT)
    return list(found.order_by("resource", "-at").distinct("resource"))


def decisions_between(*, site: Site, starts_at: datetime, ends_at: datetime, limit: int) -> list[HubDecision]:
    """Return what was decided in [starts_at, ends_at], the newest first."""
    found = HubDecision.objects.filter(site=site, at__gte=starts_at, at__lte=ends_at)
    return list(found.order_by("-at", "resource")[:limit])
