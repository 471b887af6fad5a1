"""Insights in plain words, with money by week and year, and the chart that shows why."""

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.common.charts import Chart, Series, chart
from apps.insights.models import Insight
from apps.insights.selectors import insights_decided, insights_of_site
from apps.insights.services import insight_decide
from apps.portal.insight_words import TEXTS
from apps.portal.rights import check_owner
from apps.sites.models import Site

WEEKS_A_YEAR: Final = 52
_COLORS: Final = {"this": "used", "before": "baseline", "best": "given", "sun": "sun", "soc": "battery",
                  "export": "grid", "value": "used"}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class InsightCard:
    """One insight as a household reads it."""

    insight: Insight
    title: str
    text: str
    action: str
    sureness: str
    per_year: Decimal | None
    chart: Chart
    rows: list[tuple[str, list[float]]]


@dataclasses.dataclass(frozen=True)
class InsightsPage:
    """What waits, and what was put aside."""

    cards: list[InsightCard]
    aside: list[InsightCard]
    currency: str

    @property
    def per_year(self) -> Decimal:
        return sum((one.per_year for one in self.cards if one.per_year), Decimal(0))


def insights_page(*, site: Site, now: datetime) -> InsightsPage:
    """Return the home's insights."""
    cards = [_card(one, site) for one in insights_of_site(site=site, now=now)]
    aside = [_card(one, site) for one in insights_decided(site=site, now=now)]
    return InsightsPage(
        cards, aside, next((one.insight.currency for one in cards if one.insight.currency), "EUR")
    )


def decide(*, user: User, site: Site, insight_id: int, act: str, now: datetime) -> Insight:
    """Put one of the owner's insights aside, or take that back."""
    check_owner(user=user, site=site)
    return insight_decide(site=site, insight_id=insight_id, act=act, actor=user.email, now=now)


def _card(one: Insight, site: Site) -> InsightCard:
    title, text, action = _words(one)
    amount = one.amount_per_week
    return InsightCard(
        insight=one,
        title=title,
        text=text,
        action=action,
        sureness=_("quite sure")
        if one.confidence >= 0.75
        else _("likely")
        if one.confidence >= 0.5
        else _("a hint"),
        per_year=amount * WEEKS_A_YEAR if amount is not None else None,
        chart=_chart(one, title=title, zone=ZoneInfo(site.time_zone)),
        rows=list(one.series.get("values", {}).items()),
    )


def _words(one: Insight) -> tuple[str, str, str]:
    """Title, explanation with the numbers, and what to do."""
    things = {"ev": _("your car"), "heat": _("your heat pump"), "load": _("the household"), "pv": _("your solar system"),
              "grid": _("the meter"), "battery": _("your battery")}  # fmt: skip
    numbers: dict[str, Any] = {name: _number(value) for name, value in one.evidence.items()}
    numbers |= {
        "thing": things.get(one.resource, one.resource),
        "amount": one.amount_per_week,
        "currency": one.currency,
    }
    title, text, action = TEXTS.get(one.kind, (one.kind.replace("_", " "), "", ""))
    return str(title), str(text) % numbers, str(action)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _chart(one: Insight, *, title: str, zone: ZoneInfo) -> Chart:
    labels = {"this": _("now"), "before": _("a year before"), "best": _("in the cheapest hours"), "sun": _("sun"),
              "soc": _("state of charge"), "export": _("fed in"), "value": _("measured")}  # fmt: skip
    values, is_daily = one.series.get("values", {}), one.series.get("step") == "day"
    step = timedelta(days=1) if is_daily else timedelta(minutes=15)
    midnight = one.seen_at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    count = max((len(row) for row in values.values()), default=1)
    starts_at = midnight - (count * step if is_daily else timedelta(days=1))
    return chart(
        title=title,
        period=(starts_at, starts_at + count * step),
        series=[
            Series(
                _COLORS.get(name, "used"), labels.get(name, name), _points(row, starts_at, step=step), "line"
            )
            for name, row in values.items()
        ],
        zone=zone,
        unit=one.series.get("unit", ""),
    )


def _points(row: list[float], starts_at: datetime, *, step: timedelta) -> list[tuple[datetime, float | None]]:
    return [(starts_at + (index + 0.5) * step, value) for index, value in enumerate(row)]
