"""The portal's navigation for templates."""

from typing import Any

from django import template

from apps.portal.nav import Nav, nav_of
from apps.sites.rights import OPERATORS

register = template.Library()


@register.simple_tag(takes_context=True)
def portal_nav(context: dict[str, Any]) -> Nav:
    """The links of the home that the page is about."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = str(match.url_name) if match is not None else ""
    home = context.get("home")
    rights = home.standing.rights if home is not None else OPERATORS
    return nav_of(
        site_id=context["site"].pk, rights=rights, here=here, section=str(context.get("section", ""))
    )
