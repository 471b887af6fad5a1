"""Insights in plain words, with money by week and year, and the chart that shows why."""

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.common.charts import Chart, Series, chart
from apps.common.language import separated
from apps.common.templatetags.ores import NARROW, money, number
from apps.insights.models import Insight
from apps.insights.selectors import insights_decided, insights_of_site
from apps.insights.services import insight_decide
from apps.portal.insight_words import NUMBERS, PROBABLE, TEXTS
from apps.portal.rights import check_owner
from apps.sites.models import Site

WEEKS_A_YEAR: Final = 52
_COLORS: Final = {"this": "used", "before": "baseline", "best": "given", "sun": "sun", "soc": "battery",
                  "export": "grid", "value": "used", "cost": "used", "capacity": "battery"}  # fmt: skip
_STEPS: Final = {"day": timedelta(days=1), "week": timedelta(days=7), "quarter": timedelta(minutes=15)}
_UNITS: Final = {"pct": "%", "kwh": "kWh", "kw": "kW"}


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
    numbers: list[tuple[str, str]]


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
        numbers=_numbers(one),
    )


def _words(one: Insight) -> tuple[str, str, str]:
    """Title, explanation with the numbers, and what to do."""
    things = {"ev": _("your car"), "heat": _("your heat pump"), "load": _("the household"), "pv": _("your solar system"),
              "grid": _("the meter"), "battery": _("your battery")}  # fmt: skip
    numbers: dict[str, Any] = {name: _number(name, value) for name, value in one.evidence.items()}
    numbers |= {
        "thing": one.name or things.get(one.resource, one.resource),
        "amount": separated(f"{one.amount_per_week or 0:,.2f}"),
        "currency": one.currency,
    }
    title, text, action = TEXTS.get(one.kind, (one.kind.replace("_", " "), "", ""))
    said = str(text) % numbers
    for unit in ("%", "kWh", "kW"):
        said = said.replace(f" {unit}", f"{NARROW}{unit}")  # a number and its unit stay on one line
    return str(title), said, str(action)


def _numbers(one: Insight) -> list[tuple[str, str]]:
    """The numbers behind an insight, by what they are called."""
    told = dict(one.evidence)
    if one.kind in PROBABLE:
        told["confidence_pct"] = min(99.0, 100.0 * one.confidence)  # nothing that was measured is certain
    names = [name for name in NUMBERS if name in told] + sorted(told.keys() - NUMBERS.keys())
    return [
        (str(NUMBERS.get(name, name.replace("_", " "))), _measured(name, told[name], currency=one.currency))
        for name in names
    ]


def _measured(name: str, value: float, *, currency: str) -> str:
    """A number with its unit, which its name tells."""
    if "cost" in name or name.startswith("saving"):
        return money(Decimal(str(value)), currency)
    unit = next((unit for part, unit in _UNITS.items() if part in name.split("_")), "")
    return f"{_number(name, value)}{NARROW}{unit}" if unit else _number(name, value)


def _number(name: str, value: float) -> str:
    if name.endswith("_hour"):
        return f"{int(value):02d}:{round(value % 1 * 60):02d}"
    if name.endswith("_pct") or float(value).is_integer():
        return separated(f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:.1f}")
    return number(value)


def _chart(one: Insight, *, title: str, zone: ZoneInfo) -> Chart:
    labels = {"this": _("now"), "before": _("a year before"), "best": _("in the cheapest hours"), "sun": _("sun"),
              "soc": _("state of charge"), "export": _("fed in"), "value": _("measured"),
              "cost": _("cost of a run, by when it begins"), "capacity": _("usable capacity")}  # fmt: skip
    values, step = one.series.get("values", {}), _STEPS[one.series.get("step", "quarter")]
    midnight = one.seen_at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    count = max((len(row) for row in values.values()), default=1)
    starts_at = midnight - max(count * step, timedelta(days=1))
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


def _points(
    row: list[float | None], starts_at: datetime, *, step: timedelta
) -> list[tuple[datetime, float | None]]:
    return [(starts_at + (index + 0.5) * step, value) for index, value in enumerate(row)]
