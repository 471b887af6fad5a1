"""Who may see what, seen from people and credentials."""

from collections.abc import (
    Sequence,
)
from datetime import (
    datetime,
)

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


def members_of_organization(*, organization: Organization) -> QuerySet[Membership]:
    """Return who works for the tenant."""
    return Membership.objects.filter(organization=organization).select_related("user").order_by("pk")


def audit_found(
    *,
    organization: Organization,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> QuerySet[AuditEntry]:
    """Return what was done in the tenant's name that is as asked, newest first."""
    wanted = {
        "actor__icontains": actor, "action": action, "subject": subject, "at__gte": since, "at__lt": before,
    }  # fmt: skip
    said = {name: value for name, value in wanted.items() if value is not None}
    return AuditEntry.objects.filter(organization=organization, **said).order_by("-at", "-pk")


def audit_about(*, organization: Organization, subject: str) -> QuerySet[AuditEntry]:
    """Return what was done to one thing of the tenant's, newest first."""
    return AuditEntry.objects.filter(organization=organization, subject=subject).order_by("-at", "-pk")


def audit_of_subjects(*, organization: Organization, subjects: Sequence[str]) -> QuerySet[AuditEntry]:
    """Return what was done to some things of the tenant's, newest first."""
    return AuditEntry.objects.filter(organization=organization, subject__in=subjects).order_by("-at", "-pk")


def organization_by_slug(*, slug: str) -> Organization | None:
    """Return the organization of a slug, for commands."""
    return Organization.objects.filter(slug=slug).first()


def user_by_email(*, email: str) -> User | None:
    """Return the person of an address, in whatever case it is written."""
    return User.objects.filter(email__iexact=email).first()
