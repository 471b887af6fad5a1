"""Making tenants, people and credentials."""

import dataclasses
from collections.abc import Sequence
from datetime import (
    datetime,
    timedelta,
)
from typing import Any
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import get_access_token_model, get_grant_model, get_refresh_token_model

from apps.accounts.errors import (
    AppInvalidError,
    ClientRevokedError,
    LanguageUnknownError,
    PasswordWeakError,
    ScopeInvalidError,
)
from apps.accounts.models import ApiClient, AuditEntry, Membership, Organization, User
from apps.accounts.scopes import scopes_of_role

NO_TIME = timedelta(0)
LONGEST_OVERLAP = timedelta(days=30)


@dataclasses.dataclass(frozen=True)
class Credential:
    """An API client with its secret, which is shown once and kept only as a hash."""

    client: ApiClient
    client_id: str
    client_secret: str


def organization_create(*, name: str, slug: str) -> Organization:
    """Create a tenant."""
    return Organization.objects.create(name=name, slug=slug)


def user_create(*, email: str, password: str | None, first_name: str = "") -> User:
    """Create a person; without a password they must set one first."""
    return User.objects.create_user(email, password, first_name=first_name)


@transaction.atomic
def invited_user_create(*, email: str, first_name: str, password: str) -> User:
    """Create a person whose e-mail address is proven by the link they came with; weak passwords are refused."""
    try:
        validate_password(password, User(email=email, first_name=first_name))
    except ValidationError as error:
        raise PasswordWeakError(" ".join(error.messages)) from error
    user = User.objects.create_user(email, password, first_name=first_name[:150])
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def profile_set(*, user: User, first_name: str, last_name: str, language: str) -> User:
    """Change what a person is called, and in which language they are spoken to."""
    if language not in {"", *User.Language.values}:
        raise LanguageUnknownError(gettext("there is no such language"))
    user.first_name, user.last_name, user.language = first_name[:150], last_name[:150], language
    user.save(update_fields=["first_name", "last_name", "language"])
    return user


def membership_create(*, organization: Organization, user: User, role: str) -> Membership:
    """Let `user` work for `organization`."""
    return Membership.objects.create(organization=organization, user=user, role=role)


@transaction.atomic
def api_client_create(
    *, organization: Organization, name: str, role: str, allowed_scopes: Sequence[str] = ()
) -> Credential:
    """Create a partner's OAuth2 credential with `role`, for some of its scopes or (none named) all."""
    if not set(allowed_scopes) <= set(scopes_of_role(role)):
        raise ScopeInvalidError("a credential cannot be for more than its role may do")
    client_id, secret = generate_client_id(), generate_client_secret()
    client = ApiClient.objects.create(
        organization=organization,
        role=role,
        name=name,
        allowed_scopes=list(allowed_scopes),
        client_id=client_id,
        client_secret=secret,
        client_type=ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
    )
    return Credential(client=client, client_id=client_id, client_secret=secret)


@transaction.atomic
def app_client_create(
    *, organization: Organization, name: str, redirect_uris: Sequence[str], is_public: bool = False
) -> Credential:
    """Create an app that people can grant access to: authorization code with PKCE, to these addresses exactly.

    A public app (one that runs on people's own machines) has no secret that would hold.
    """
    _check_addresses(redirect_uris)
    client_id, secret = generate_client_id(), "" if is_public else generate_client_secret()
    client = ApiClient.objects.create(
        organization=organization,
        role=ApiClient.Role.APP,
        name=name,
        client_id=client_id,
        client_secret=secret,
        redirect_uris=" ".join(redirect_uris),
        client_type=ApiClient.CLIENT_PUBLIC if is_public else ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_AUTHORIZATION_CODE,
    )
    return Credential(client=client, client_id=client_id, client_secret=secret)


def _check_addresses(redirect_uris: Sequence[str]) -> None:
    if not redirect_uris:
        raise AppInvalidError("an app needs at least one address to go back to")
    for address in redirect_uris:
        parts = urlsplit(address)
        at_home = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "::1", "localhost"}
        if not (parts.scheme == "https" or at_home) or not parts.hostname or parts.fragment or " " in address:
            raise AppInvalidError(f"{address!r} is no https address without a fragment")


@transaction.atomic
def api_client_rotate(
    *,
    client: ApiClient,
    actor: str,
    now: datetime,
    machine_now: datetime | None = None,
    overlap: timedelta = NO_TIME,
) -> Credential:
    """Give a credential another secret.

    The old one and all tokens got with it are out at once, or, with an overlap, the old one opens for so long.
    """
    if not NO_TIME <= overlap <= LONGEST_OVERLAP:
        raise ScopeInvalidError("both secrets can be good for at most 30 days", code="overlap_invalid")
    held = _client_locked(client)
    secret = generate_client_secret()
    held.previous_secret, held.previous_until = "", None
    if overlap and machine_now is not None:
        held.previous_secret, held.previous_until = held.client_secret, machine_now + overlap
    held.client_secret = secret
    held.save(update_fields=["client_secret", "previous_secret", "previous_until"])
    if not held.previous_secret:
        _tokens_delete(held)
    audit(
        organization=held.organization, actor=actor, action="api_client_rotate", subject=f"credential {held.name}",
        now=now, client_id=held.client_id, overlap_h=overlap.total_seconds() / 3600,
    )  # fmt: skip
    return Credential(client=held, client_id=held.client_id, client_secret=secret)


@transaction.atomic
def api_client_revoke(*, client: ApiClient, actor: str, now: datetime) -> ApiClient:
    """Shut a credential out for good; what it has written stays."""
    held = _client_locked(client)
    held.client_secret, held.revoked_at = generate_client_secret(), now
    held.previous_secret, held.previous_until = "", None
    held.save(update_fields=["client_secret", "revoked_at", "previous_secret", "previous_until"])
    _tokens_delete(held)
    audit(
        organization=held.organization, actor=actor, action="api_client_revoke", subject=f"credential {held.name}",
        now=now, client_id=held.client_id,
    )  # fmt: skip
    return held


def _client_locked(client: ApiClient) -> ApiClient:
    found = ApiClient.objects.select_for_update(of=("self",)).select_related("organization")
    held: ApiClient = found.get(pk=client.pk)
    if held.revoked_at is not None:
        raise ClientRevokedError("this credential is revoked already; create another one")
    return held


def _tokens_delete(client: ApiClient) -> None:
    for model in (get_grant_model(), get_access_token_model(), get_refresh_token_model()):
        model.objects.filter(application=client).delete()


def audit(
    *, organization: Organization, actor: str, action: str, subject: str, now: datetime, **detail: Any
) -> None:
    """Note who did what."""
    AuditEntry.objects.create(
        organization=organization, actor=actor[:160], action=action, subject=subject, detail=detail, at=now
    )
