"""Who may see what, seen from people and credentials."""

from django.db.models import QuerySet

from apps.accounts.models import Membership, Organization, User


def operated_organizations(*, user: User) -> QuerySet[Organization]:
    """Return the organizations whose console `user` may use."""
    return Organization.objects.filter(memberships__user=user).order_by("pk")


def is_operator(*, user: User, organization: Organization) -> bool:
    """Whether `user` may act (not only look) for `organization`."""
    return Membership.objects.filter(
        user=user, organization=organization, role=Membership.Role.OPERATOR
    ).exists()
