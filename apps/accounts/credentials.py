"""Credentials that an organization makes for itself."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.accounts.models import Organization
from apps.accounts.services import Credential, api_client_create, audit


@transaction.atomic
def client_add(
    *, organization: Organization, name: str, role: str, actor: str, now: datetime, scopes: Sequence[str] = ()
) -> Credential:
    """Create a partner's credential, for some of its role's scopes or all; its secret is in the answer alone."""
    made = api_client_create(organization=organization, name=name, role=role, allowed_scopes=scopes)
    audit(
        organization=organization, actor=actor, action="api_client_create", subject=f"credential {name}", now=now,
        client_id=made.client_id, role=role, scopes=list(scopes),
    )  # fmt: skip
    return made
