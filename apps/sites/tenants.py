"""A tenant as one of its people works for it: what every operators' page begins with."""

import dataclasses

from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator, operated_organizations
from apps.sites.selectors import sites_of_household, sites_of_organization


@dataclasses.dataclass(frozen=True)
class Tenant:
    """An organization as one person may work for it."""

    organization: Organization
    may_act: bool
    others: list[Organization]
    has_home: bool
    time_zone: str


def tenant(*, user: User, organization_id: int) -> Tenant | None:
    """Return the organization if `user` works for it."""
    organizations = list(operated_organizations(user=user))
    chosen = next((one for one in organizations if one.pk == organization_id), None)
    if chosen is None:
        return None
    return Tenant(
        organization=chosen,
        may_act=is_operator(user=user, organization=chosen),
        has_home=sites_of_household(user=user).exists(),
        others=[one for one in organizations if one != chosen],
        time_zone=sites_of_organization(organization=chosen).values_list("time_zone", flat=True).first()
        or "UTC",
    )
