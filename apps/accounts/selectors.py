"""Who may see what, seen from people and credentials."""

from django.db.models import F, Max, QuerySet

from apps.accounts.models import ApiClient, AuditEntry, Membership, Organization, User


def operated_organizations(*, user: User) -> QuerySet[Organization]:
    """Return the organizations whose console `user` may use."""
    return Organization.objects.filter(memberships__user=user).order_by("pk")


def is_operator(*, user: User, organization: Organization) -> bool:
    """Whether `user` may act (not only look) for `organization`."""
    return Membership.objects.filter(
        user=user, organization=organization, role=Membership.Role.OPERATOR
    ).exists()


def api_clients_of_organization(*, organization: Organization) -> QuerySet[ApiClient]:
    """Return the tenant's credentials, those in use first, with when each got its newest token (machine time)."""
    held: QuerySet[ApiClient] = ApiClient.objects.filter(organization=organization)
    in_use_first = F("revoked_at").desc(nulls_first=True)
    found: QuerySet[ApiClient] = held.annotate(token_at=Max("accesstoken__created"))
    return found.order_by(in_use_first, "name", "pk")


def audit_about(*, organization: Organization, subject: str) -> QuerySet[AuditEntry]:
    """Return what was done to one thing of the tenant's, newest first."""
    return AuditEntry.objects.filter(organization=organization, subject=subject).order_by("-at", "-pk")


def organization_by_slug(*, slug: str) -> Organization | None:
    """Return the organization of a slug, for commands."""
    return Organization.objects.filter(slug=slug).first()
