"""Making tenants, people and credentials."""

import dataclasses
from datetime import datetime
from typing import Any

from django.db import transaction
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import get_access_token_model

from apps.accounts.errors import ClientRevokedError
from apps.accounts.models import ApiClient, AuditEntry, Membership, Organization, User


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


def membership_create(*, organization: Organization, user: User, role: str) -> Membership:
    """Let `user` work for `organization`."""
    return Membership.objects.create(organization=organization, user=user, role=role)


@transaction.atomic
def api_client_create(*, organization: Organization, name: str, role: str) -> Credential:
    """Create a partner's OAuth2 credential with `role`."""
    client_id, secret = generate_client_id(), generate_client_secret()
    client = ApiClient.objects.create(
        organization=organization,
        role=role,
        name=name,
        client_id=client_id,
        client_secret=secret,
        client_type=ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
    )
    return Credential(client=client, client_id=client_id, client_secret=secret)


@transaction.atomic
def api_client_rotate(*, client: ApiClient, actor: str, now: datetime) -> Credential:
    """Give a credential another secret; the old one and all tokens got with it are out at once."""
    held = _client_locked(client)
    secret = generate_client_secret()
    held.client_secret = secret
    held.save(update_fields=["client_secret"])
    _tokens_delete(held)
    audit(
        organization=held.organization, actor=actor, action="api_client_rotate", subject=f"credential {held.name}",
        now=now, client_id=held.client_id,
    )  # fmt: skip
    return Credential(client=held, client_id=held.client_id, client_secret=secret)


@transaction.atomic
def api_client_revoke(*, client: ApiClient, actor: str, now: datetime) -> ApiClient:
    """Shut a credential out for good; what it has written stays."""
    held = _client_locked(client)
    held.client_secret, held.revoked_at = generate_client_secret(), now
    held.save(update_fields=["client_secret", "revoked_at"])
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
    get_access_token_model().objects.filter(application=client).delete()


def audit(
    *, organization: Organization, actor: str, action: str, subject: str, now: datetime, **detail: Any
) -> None:
    """Note who did what."""
    AuditEntry.objects.create(
        organization=organization, actor=actor[:160], action=action, subject=subject, detail=detail, at=now
    )
