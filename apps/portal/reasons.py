"""Why a home did what it did, as its household reads it."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.dispatch.models import Plan
from apps.dispatch.why import Why
from apps.portal.phrases import for_household
from apps.portal.signals import power_words
from apps.programs.models import GridSignal

MOST_SENTENCES = 4
LONGEST_AGO = timedelta(days=400)


@dataclasses.dataclass(frozen=True)
class ReasonRow:
    """An order to the home's hub in words, and what it followed from."""

    told: str
    reason: str
    state: str
    state_reason: str
    told_at: datetime
    plan: Plan | None
    sentences: list[str]
    signals: list[GridSignal]
    outranked: bool


def reason_rows(found: Sequence[Why]) -> list[ReasonRow]:
    """Put orders into words; of several schedules the first is followed."""
    followed = next((why for why in found if why.order.schedule is not None), None)
    return [_row(why, outranked=why.order.schedule is not None and why is not followed) for why in found]


def instant(typed: str, *, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Return the end of the last minute that is typed (HH:MM, or a date with it); now for nothing, None for nonsense."""
    if not typed.strip():
        return now
    today = now.astimezone(zone)
    try:
        if "T" in typed:
            at = datetime.fromisoformat(typed).replace(tzinfo=zone)
        else:
            at = datetime.combine(today.date(), time.fromisoformat(typed), tzinfo=zone)
            at = at if at <= today else at - timedelta(days=1)
        at = at.astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        return None
    end = at.replace(second=59, microsecond=0)
    return min(end, now) if now - LONGEST_AGO <= at <= now else None


def _row(why: Why, *, outranked: bool) -> ReasonRow:
    order = why.order
    if why.battery_kw is not None:
        told = _("Your battery %(does)s.") % {"does": power_words(why.battery_kw)}
    elif order.schedule is not None:
        told = _("Your home follows a schedule.")
    elif order.limits is not None:
        told = _("Your home keeps a limit of its connection to the grid.")
    else:
        told = _("A message for your devices holds.")
    return ReasonRow(
        told=told,
        reason=order.reason,
        state=order.state,
        state_reason=order.state_reason,
        told_at=order.created_at,
        plan=why.plan,
        sentences=for_household(why.plan.explanation)[:MOST_SENTENCES] if why.plan else [],
        signals=why.signals,
        outranked=outranked,
    )
