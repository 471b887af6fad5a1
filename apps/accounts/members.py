"""People who work for an organization: invited by e-mail, with a role, never without an operator left."""

import dataclasses
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email, validate_slug
from django.db import IntegrityError, transaction
from django.db.models import Count, Max, QuerySet
from django.urls import reverse

from apps.accounts.errors import LastOperatorError, MemberInvalidError, StaffOnlyError
from apps.accounts.models import ApiClient, Membership, Organization, User
from apps.accounts.services import audit, membership_create, organization_create, user_create
from apps.common.queue import enqueue_on_commit


@dataclasses.dataclass(frozen=True)
class TenantRow:
    """A tenant as the platform's staff sees it."""

    organization: Organization
    members: int
    credentials: int
    seen_at: datetime | None


def members_of_organization(*, organization: Organization) -> QuerySet[Membership]:
    """Return who works for the tenant, operators first."""
    found = Membership.objects.filter(organization=organization).select_related("user")
    return found.order_by("role", "user__email")


def tenants(*, user: User) -> list[TenantRow]:
    """Return every tenant, to the platform's staff."""
    _check_staff(user)
    found = Organization.objects.annotate(
        members=Count("memberships", distinct=True), seen_at=Max("memberships__user__last_login")
    )
    held = dict(
        ApiClient.objects.filter(revoked_at=None).values_list("organization").annotate(Count("pk")).order_by()
    )
    return [
        TenantRow(one, one.members, held.get(one.pk, 0), one.seen_at) for one in found.order_by("name", "pk")
    ]


@transaction.atomic
def tenant_create(*, user: User, name: str, slug: str, email: str, now: datetime) -> Organization:
    """Create a tenant with its first operator, who is invited by e-mail; only the platform's staff may."""
    _check_staff(user)
    name, slug = name.strip(), slug.strip().lower()
    try:
        validate_slug(slug)
    except ValidationError as error:
        raise MemberInvalidError("a short name has letters, digits and hyphens") from error
    if not 0 < len(name) <= 120 or "\x00" in name or len(slug) > 50:
        raise MemberInvalidError(
            "a tenant needs a name of at most 120 characters and a short name of at most 50"
        )
    try:
        with transaction.atomic():
            organization = organization_create(name=name, slug=slug)
    except IntegrityError as error:
        raise MemberInvalidError(
            f"there is a tenant with the short name {slug} already", status=409
        ) from error
    audit(
        organization=organization, actor=user.email, action="tenant_create", subject=f"organization {organization.pk}",
        now=now, name=name, slug=slug,
    )  # fmt: skip
    member_invite(
        organization=organization, email=email, role=Membership.Role.OPERATOR, actor=user.email, now=now
    )
    return organization


@transaction.atomic
def member_invite(
    *, organization: Organization, email: str, role: str, actor: str, now: datetime
) -> Membership:
    """Let a person work for the tenant; who has no account yet gets one, and sets a password by the e-mail's link."""
    address = email.strip().lower()
    _check_role(role)
    try:
        validate_email(address)
    except ValidationError as error:
        raise MemberInvalidError(f"{email[:80]!r} is no e-mail address") from error
    user = User.objects.filter(email__iexact=address).first() or user_create(email=address, password=None)
    if Membership.objects.filter(organization=organization, user=user).exists():
        raise MemberInvalidError(f"{address} works for {organization.name} already", status=409)
    made = membership_create(organization=organization, user=user, role=role)
    audit(
        organization=organization, actor=actor, action="member_invite", subject=f"member {address}", now=now, role=role
    )  # fmt: skip
    enqueue_on_commit("accounts.send_invitation", membership_id=made.pk, invited_by=actor)
    return made


@transaction.atomic
def member_set_role(*, membership: Membership, role: str, actor: str, now: datetime) -> Membership:
    """Give a member another role; the last operator stays one."""
    _check_role(role)
    held = _locked(membership)
    if held.role == role:
        return held
    was, held.role = held.role, role
    _check_operator_left(held, leaves=was == Membership.Role.OPERATOR)
    held.save(update_fields=["role"])
    audit(
        organization=held.organization, actor=actor, action="member_set_role", subject=f"member {held.user.email}",
        now=now, role=role, was={"role": was},
    )  # fmt: skip
    return held


@transaction.atomic
def member_remove(*, membership: Membership, actor: str, now: datetime) -> None:
    """End a person's work for the tenant; the last operator stays."""
    held = _locked(membership)
    _check_operator_left(held, leaves=held.role == Membership.Role.OPERATOR)
    audit(
        organization=held.organization, actor=actor, action="member_remove", subject=f"member {held.user.email}",
        now=now, was={"role": held.role},
    )  # fmt: skip
    held.delete()


def invitation_send(*, membership_id: int, invited_by: str) -> None:
    """Send the e-mail of an invitation; who has no password yet finds the way to set one in it."""
    held = Membership.objects.select_related("user", "organization").filter(pk=membership_id).first()
    if held is None:
        return
    start = settings.SITE_URL.rstrip("/")
    lines = [
        f"{invited_by} has invited you to work for {held.organization.name} as {held.get_role_display().lower()}.",
        "",
        f"Sign in: {start}{reverse('console:fleet', args=[held.organization_id])}",
    ]
    if not held.user.has_usable_password():
        lines += ["", f"Set your password first: {start}{_password_path(held.user)}"]
    send_mail(f"Your invitation to {held.organization.name}", "\n".join(lines), None, [held.user.email])


def _password_path(user: User) -> str:
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str

    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    uid, _, token = key.partition("-")
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})


def _locked(membership: Membership) -> Membership:
    """Lock all of the tenant's memberships, so that two operators cannot remove each other at once."""
    held = Membership.objects.select_for_update().filter(organization_id=membership.organization_id)
    found = {one.pk: one for one in held.select_related("user", "organization").order_by("pk")}
    if membership.pk not in found:
        raise MemberInvalidError("this person does not work here any more", status=404)
    return found[membership.pk]


def _check_operator_left(membership: Membership, *, leaves: bool) -> None:
    others = Membership.objects.filter(
        organization_id=membership.organization_id, role=Membership.Role.OPERATOR
    ).exclude(pk=membership.pk)
    if leaves and not others.exists():
        raise LastOperatorError("this is the last operator; make somebody else one first")


def _check_role(role: str) -> None:
    if role not in Membership.Role.values:
        raise MemberInvalidError("choose a role")


def _check_staff(user: User) -> None:
    if not user.is_staff:
        raise StaffOnlyError("only the platform's staff sees all tenants")
