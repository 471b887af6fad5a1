"""The console's menu."""

from typing import Any

from django import template

from apps.console.navigation import GROUPS, label_of

register = template.Library()


@register.inclusion_tag("console/_menu.html", takes_context=True)
def console_menu(context: Any, section: str) -> dict[str, Any]:
    """Show where an operator can go; the present page's entry is marked."""
    held = ("tenant", "organization", "user", "alerts_open")
    return {"groups": GROUPS, "section": section, **{name: context.get(name) for name in held}}


@register.filter
def menu_label(section: str) -> str:
    return label_of(section)
