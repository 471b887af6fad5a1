"""Numbers and times as people read them; every value with its unit."""

from datetime import datetime, timedelta
from decimal import Decimal

from django import template
from django.utils.translation import gettext, ngettext

from apps.common.language import separated

register = template.Library()
NARROW = "\u202f"
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}


@register.filter
def number(value: float | None) -> str:
    """Three digits that matter: 0.42, 4.20, 42.0, 420."""
    if value is None:
        return "–"
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    text = f"{value:,.{digits}f}"
    return separated(text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−"))


@register.filter
def fixed(value: float | None, digits: int) -> str:
    """A number with as many digits as its neighbors in the table."""
    return "–" if value is None else separated(f"{value:.{digits}f}".replace("-", "−"))


@register.filter
def unlocalized(value: float) -> str:
    """A number as machines write it, for the fields of a form."""
    return f"{value:g}"


@register.filter
def minutes_of(hours: float) -> int:
    """Hours as minutes."""
    return round(hours * 60)


@register.filter
def plain(name: str) -> str:
    """A name of a method as words."""
    return name.replace("_", " ")


@register.filter
def signed(value: float | Decimal | None, digits: int) -> str:
    """A difference: always with its sign."""
    return "–" if value is None else separated(f"{float(value) + 0.0:+.{digits}f}".replace("-", "−"))


@register.filter
def kw(value: float | None) -> str:
    return "–" if value is None else f"{number(value)}{NARROW}kW"


@register.filter
def kwh(value: float | None) -> str:
    return "–" if value is None else f"{number(value)}{NARROW}kWh"


@register.filter
def soc(value: float | None) -> str:
    """A state of charge 0-1 as per cent."""
    return "–" if value is None else f"{value * 100:.0f}{NARROW}%"


@register.filter
def share(value: float | None) -> str:
    """A share as per cent with one decimal."""
    return "–" if value is None else separated(f"{value * 100:.1f}{NARROW}%".replace("-", "−"))


@register.filter
def money(value: Decimal, currency: str = "EUR") -> str:
    return separated(f"{value:,.2f}") + NARROW + SYMBOLS.get(currency, currency)


@register.filter
def micro(value: int | None) -> str:
    """A price in millionths, without the zeros that say nothing beyond the second decimal."""
    if value is None:
        return "–"
    whole, rest = f"{Decimal(value) / 1_000_000:.6f}".split(".")
    return separated(f"{whole}.{rest[:2]}{rest[2:].rstrip('0')}".replace("-", "−"))


@register.filter
def nano(value: int, currency: str = "EUR") -> str:
    """Money in billionths."""
    return money(Decimal(value) / 1_000_000_000, currency).replace("-", "−")


@register.filter
def wh(value: int) -> str:
    """Whole Wh as kWh."""
    return separated(f"{Decimal(value) / 1000:.3f}".replace("-", "−"))


@register.filter
def since(at: datetime, now: datetime) -> str:
    """How long ago, roughly: `a minute ago`."""
    passed = now - at
    if passed < timedelta(seconds=45):
        return gettext("just now")
    minutes = round(passed.total_seconds() / 60)
    if passed < timedelta(minutes=90):
        return ngettext("a minute ago", "%(count)d minutes ago", max(minutes, 1)) % {"count": minutes}
    if passed < timedelta(hours=36):
        hours = round(minutes / 60)
        return ngettext("an hour ago", "%(count)d hours ago", hours) % {"count": hours}
    days = round(minutes / 1440)
    return ngettext("a day ago", "%(count)d days ago", days) % {"count": days}


@register.filter
def importing(grid_kw: float | None) -> float:
    """What is drawn from the grid of a signed power [kW]."""
    return max(grid_kw or 0.0, 0.0)


@register.filter
def exporting(grid_kw: float | None) -> float:
    """What is fed in of a signed power [kW]."""
    return max(-(grid_kw or 0.0), 0.0)
