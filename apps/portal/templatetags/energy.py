"""Names of periods and of their parts, as people read them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.portal.energy_chart import part_label
from apps.portal.periods import Period

register = template.Library()
SPANS = {
    "day": gettext_lazy("Day"),
    "week": gettext_lazy("Week"),
    "month": gettext_lazy("Month"),
    "year": gettext_lazy("Year"),
}
CHANGES = {
    "used": (gettext_lazy("Used"), "kWh"),
    "sun": (gettext_lazy("From the sun"), "kWh"),
    "import": (gettext_lazy("Imported"), "kWh"),
    "export": (gettext_lazy("Exported"), "kWh"),
    "cost": (gettext_lazy("Cost"), ""),
    "carbon": (gettext_lazy("Greenhouse gas"), "kg"),
}
PARTS = {
    "day": gettext_lazy("Hour"),
    "week": gettext_lazy("Day"),
    "month": gettext_lazy("Day"),
    "year": gettext_lazy("Month"),
}


@register.filter
def span_name(span: str) -> str:
    return str(SPANS[span])


@register.filter
def part_name(span: str) -> str:
    return str(PARTS[span])


@register.filter
def change_name(name: str) -> str:
    return str(CHANGES[name][0])


@register.filter
def change_unit(name: str, currency: str) -> str:
    return CHANGES[name][1] or currency


@register.filter
def period_name(period: Period) -> str:
    """Name a period: a date, two dates, a month, a year."""
    first = period.first_date
    if period.span == "year":
        return str(first.year)
    if period.span == "month":
        return date_format(first, "YEAR_MONTH_FORMAT")
    if period.span == "week":
        return _("%(first)s to %(last)s") % {
            "first": date_format(first, "MONTH_DAY_FORMAT"), "last": date_format(period.last_date, "DATE_FORMAT"),
        }  # fmt: skip
    return f"{date_format(first, 'l')}, {date_format(first, 'DATE_FORMAT')}"


@register.simple_tag
def part(period: Period, at: datetime, *, zone: str) -> str:
    """Name a part of a period."""
    return part_label(period, at, zone=ZoneInfo(zone))


@register.filter
def percent_change(share: float | None) -> str:
    """A change against another period: always with its sign."""
    if share is None:
        return "–"
    return f"{share * 100:+.0f}\u202f%".replace("-", "−")
