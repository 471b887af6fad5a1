"""Inviting people into a home: an e-mail with a signed link that is good for one person, once, for a week.

Links and what they give end by the machine's clock (`machine_now`), as sessions do.
"""

import dataclasses
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.selectors import user_by_email
from apps.accounts.services import audit, invited_user_create
from apps.common.errors import ConflictError, ForbiddenError, NotFoundError
from apps.common.queue import enqueue_on_commit
from apps.sites.households import RoleInvalidError, check_access, check_owner
from apps.sites.models import Invitation, Site, SiteMember

GOOD_FOR: Final = timedelta(days=7)
MOST_PENDING: Final = 20
_SALT: Final = "ores.invitation"


class InvitationGoneError(NotFoundError):
    code = "invitation_gone"


class InvitationOfAnotherError(ForbiddenError):
    code = "invitation_of_another"


class AlreadyThereError(ConflictError):
    code = "already_there"


@dataclasses.dataclass(frozen=True)
class Shown:
    """What somebody with the link sees; `has_account`: they sign in rather than up."""

    invitation: Invitation
    has_account: bool


def invitations_pending(*, site: Site) -> list[Invitation]:
    """Return what was sent and not answered yet, the newest first; what has expired is told apart by its date."""
    found = Invitation.objects.filter(site=site, accepted_at=None, revoked_at=None)
    return list(found.order_by("-pk"))


def invitation_shown(*, token: str) -> Shown:
    """Return the invitation of a link that can still be accepted."""
    invitation = _of_token(token)
    return Shown(invitation, has_account=user_by_email(email=invitation.email) is not None)


@transaction.atomic
def invitation_create(
    *, site: Site, by: User, email: str, role: str, access_until: datetime | None, machine_now: datetime,
    now: datetime,
) -> Invitation:  # fmt: skip
    """Invite somebody; a new invitation takes an older one's place, whose link is dead then."""
    check_owner(site=site, user=by)
    check_access(role=role, expires_at=access_until, machine_now=machine_now)
    address = _address(email)
    Site.objects.select_for_update().get(pk=site.pk)
    if SiteMember.objects.filter(site=site, user__email__iexact=address).exists():
        raise AlreadyThereError(f"{address} belongs to this home already")
    held = Invitation.objects.filter(site=site, accepted_at=None, revoked_at=None)
    held.filter(email=address).update(revoked_at=now)
    if held.filter(expires_at__gt=machine_now).count() >= MOST_PENDING:
        raise ConflictError(f"{MOST_PENDING} invitations wait for an answer already; take one back first")
    made = Invitation.objects.create(
        site=site, email=address, role=role, access_until=access_until, invited_by=by.email, created_at=now,
        expires_at=machine_now + GOOD_FOR,
    )  # fmt: skip
    _audit(made, actor=by.email, action="member_invite", now=now)
    enqueue_on_commit("sites.send_invitation", invitation_id=made.pk)
    return made


def invitation_send(*, invitation_id: int) -> bool:
    """Send the e-mail of an invitation that can still be accepted."""
    invitation = _waiting().filter(pk=invitation_id).first()
    if invitation is None:
        return False
    link = settings.SITE_URL.rstrip("/") + reverse("portal:invitation", args=[_token(invitation)])
    context = {"invitation": invitation, "link": link, "site": invitation.site}
    body = render_to_string("sites/invitation.txt", context)
    send_mail(f"Your invitation to {invitation.site.name}", body, None, [invitation.email])
    return True


@transaction.atomic
def invitation_revoke(*, site: Site, by: User, invitation_id: int, now: datetime) -> Invitation:
    """Make a link dead."""
    check_owner(site=site, user=by)
    found = Invitation.objects.select_for_update().filter(site=site, pk=invitation_id)
    invitation = found.filter(accepted_at=None, revoked_at=None).first()
    if invitation is None:
        raise InvitationGoneError("this invitation does not wait any more")
    invitation.revoked_at = now
    invitation.save(update_fields=["revoked_at"])
    _audit(invitation, actor=by.email, action="member_uninvite", now=now)
    return invitation


@transaction.atomic
def invitation_accept(*, token: str, user: User, now: datetime) -> SiteMember:
    """Come in: the link counts once, and for whom it was sent to."""
    invitation = _of_token(token, lock=True)
    if user.email.casefold() != invitation.email.casefold():
        raise InvitationOfAnotherError(f"this invitation is for {invitation.email}")
    if SiteMember.objects.filter(site=invitation.site, user=user).exists():
        raise AlreadyThereError("you belong to this home already")
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    _audit(invitation, actor=user.email, action="member_join", now=now)
    return SiteMember.objects.create(
        site=invitation.site, user=user, role=invitation.role, expires_at=invitation.access_until
    )


@transaction.atomic
def invitation_sign_up(*, token: str, first_name: str, password: str, now: datetime) -> User:
    """Make an account for whoever the link was sent to, and let them in."""
    invitation = _of_token(token, lock=True)
    if user_by_email(email=invitation.email) is not None:
        raise AlreadyThereError("there is an account of this address; sign in")
    user = invited_user_create(email=invitation.email, first_name=first_name, password=password)
    invitation_accept(token=token, user=user, now=now)
    return user


def _address(email: str) -> str:
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise RoleInvalidError("this is not an e-mail address", code="email_invalid") from error
    return address


def _token(invitation: Invitation) -> str:
    return signing.dumps(invitation.pk, salt=_SALT, compress=False)


def _of_token(token: str, *, lock: bool = False) -> Invitation:
    gone = "this link is not good any more; ask for a new invitation"
    try:
        number = signing.loads(token, salt=_SALT, max_age=GOOD_FOR)
    except signing.BadSignature as error:
        raise InvitationGoneError(gone) from error
    waiting = _waiting().select_for_update(of=("self",)) if lock else _waiting()
    found = waiting.filter(pk=number).first()
    if found is None:
        raise InvitationGoneError(gone)
    return found


def _waiting() -> QuerySet[Invitation]:
    found = Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=Now())
    return found.select_related("site__organization")


def _audit(invitation: Invitation, *, actor: str, action: str, now: datetime) -> None:
    site = invitation.site
    audit(
        organization=site.organization, actor=actor, action=action, subject=f"site {site.pk}", now=now,
        person=invitation.email, role=invitation.role,
    )  # fmt: skip
