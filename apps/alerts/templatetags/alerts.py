"""What every page shows at its top: how much somebody has not read, and how much is wrong."""

from django import template

from apps.accounts.models import Organization, User
from apps.alerts.incident_selectors import incident_counts
from apps.alerts.selectors import unread_count
from apps.common import clock

register = template.Library()


@register.simple_tag
def unread_of(user: object) -> int:
    """How many messages somebody has not read."""
    return unread_count(user=user) if isinstance(user, User) else 0


@register.simple_tag
def open_incidents(organization: object) -> int:
    """How many incidents nobody cares for yet."""
    if not isinstance(organization, Organization):
        return 0
    return incident_counts(organization=organization, now=clock.now()).open
