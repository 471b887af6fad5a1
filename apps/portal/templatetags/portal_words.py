"""Stored words and amounts as the reader writes them."""

from django import template

from apps.common.language import separated
from apps.portal.phrases import said, say

register = template.Library()
register.filter("say", say)
register.filter("said", said)


@register.filter
def as_read(amount: object) -> str:
    """An amount with the reader's decimal sign."""
    return separated(str(amount))
