"""The console's menu, and what a resource is rated at."""

from collections.abc import Mapping
from typing import Any, Final

from django import template

from apps.console.navigation import GROUPS, label_of

register = template.Library()
UNITS: Final = {
    "kw": ("kW", 1),
    "kwh": ("kWh", 1),
    "soc": ("%", 100),
    "c": ("°C", 1),
    "percent": ("%", 1),
    "s": ("s", 1),
}


@register.inclusion_tag("console/_menu.html", takes_context=True)
def console_menu(context: Any, section: str) -> dict[str, Any]:
    """Show where an operator can go; the present page's entry is marked."""
    held = ("tenant", "organization", "user", "alerts_open")
    return {"groups": GROUPS, "section": section, **{name: context.get(name) for name in held}}


@register.filter
def menu_label(section: str) -> str:
    return label_of(section)


@register.filter
def rated(parameters: Mapping[str, Any]) -> str:
    """A resource's parameters in words; a number's unit is the last word of its name."""
    return ", ".join(_rated(name, value) for name, value in parameters.items() if _is_plain(value))


def _rated(name: str, value: Any) -> str:
    words, _, last = name.rpartition("_")
    if last not in UNITS or isinstance(value, (str, bool)):
        return f"{name.replace('_', ' ')} {value}"
    unit, times = UNITS[last]
    return f"{words.replace('_', ' ')} {round(value * times, 3):g} {unit}".strip()


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float))
