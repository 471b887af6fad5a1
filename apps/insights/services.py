"""Writes of insights: what a night found, and what a household decided."""

from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.services import audit
from apps.insights.battery_weeks import battery_fade, battery_weeks_refresh
from apps.insights.data import home_data
from apps.insights.detectors import notice
from apps.insights.errors import InsightActError, InsightUnknownError
from apps.insights.models import Insight
from apps.insights.noticed import Noticed
from apps.sites.models import Site

SNOOZE = timedelta(days=30)
_State = Insight.State
ACTS = {"dismiss": _State.DISMISSED, "snooze": _State.SNOOZED, "done": _State.DONE, "undo": _State.OPEN}


def insights_refresh(*, site_id: int, now: datetime) -> int:
    """Look at a home's last weeks anew; the same night twice changes nothing more. Return how many hold."""
    site = Site.objects.get(pk=site_id)
    data = home_data(site=site, now=now)
    found = {one.key: one for one in notice(data)}
    if data.capacity_kwh > 0.0:
        battery_weeks_refresh(site=site, now=now)
        found |= {one.key: one for one in battery_fade(site)}
    with transaction.atomic():
        held = {one.key: one for one in Insight.objects.select_for_update().filter(site=site).order_by("pk")}
        for key, one in found.items():
            kept = held.get(key) or Insight(site=site, key=key, found_at=now)
            _keep(kept, one, currency=data.currency, now=now)
        gone = [one.pk for key, one in held.items() if key not in found and one.gone_at is None]
        Insight.objects.filter(pk__in=gone).update(gone_at=now)
    return len(found)


@transaction.atomic
def insight_decide(*, site: Site, insight_id: int, act: str, actor: str, now: datetime) -> Insight:
    """Put an insight aside, or take that back."""
    if act not in ACTS:
        raise InsightActError("say whether to dismiss, snooze, or that it is done")
    held = Insight.objects.select_for_update().filter(pk=insight_id, site=site).first()
    if held is None:
        raise InsightUnknownError("there is no such insight")
    held.state = ACTS[act]
    held.snoozed_until = now + SNOOZE if act == "snooze" else None
    held.decided_by, held.decided_at = actor, now
    held.save(update_fields=["state", "snoozed_until", "decided_by", "decided_at"])
    audit(
        organization=site.organization, actor=actor, action=f"insight_{act}", subject=f"site {site.pk}", now=now,
        insight=held.key,
    )  # fmt: skip
    return held


def _keep(held: Insight, noticed: Noticed, *, currency: str, now: datetime) -> None:
    if held.gone_at is not None:
        # It came back: what was decided on it then is over, a dismissal apart.
        held.found_at, held.gone_at = now, None
        if held.state != _State.DISMISSED:
            held.state, held.snoozed_until = _State.OPEN, None
    held.kind, held.severity, held.confidence = noticed.kind, noticed.severity, noticed.confidence
    held.evidence, held.series, held.seen_at = noticed.evidence, noticed.series, now
    held.name = noticed.name[:120]
    held.amount_per_week, held.currency = noticed.amount_per_week, currency
    held.save()
