"""A credential's secret can be changed, and the credential shut out; both at once."""

import pytest
from django.test import Client

from apps.accounts.errors import ClientRevokedError
from apps.accounts.models import ApiClient, AuditEntry
from apps.accounts.services import Credential, api_client_revoke, api_client_rotate
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def status_with(token: str) -> int:
    return factories.Api(token, base="/openadr3/3.1.0").get("/events").status_code  # type: ignore[no-any-return]


def token_status(credential: Credential, secret: str) -> int:
    sent = {
        "grant_type": "client_credentials",
        "client_id": credential.client_id,
        "client_secret": secret,
    }
    return Client().post("/openadr3/3.1.0/auth/token", sent).status_code


@pytest.mark.parametrize("role", ["utility", "ven"])
def test_rotated_secret_replaces_the_old_one_and_its_tokens_at_once(role: str) -> None:
    old = factories.make_credential(organization=factories.make_organization(), role=role)
    token = factories.token_of(old)
    assert status_with(token) == 200
    new = api_client_rotate(client=old.client, actor="op@example.org", now=NOW)
    assert new.client_id == old.client_id
    assert [token_status(old, secret) for secret in (old.client_secret, new.client_secret)] == [401, 200]
    assert status_with(token) in {401, 403}
    entry = AuditEntry.objects.get(action="api_client_rotate")
    assert (entry.actor, entry.detail) == ("op@example.org", {"client_id": old.client_id, "overlap_h": 0.0})
    assert new.client_secret not in str(ApiClient.objects.values())


@pytest.mark.parametrize("role", ["utility", "ven"])
def test_revoked_credential_opens_nothing_and_cannot_come_back(role: str) -> None:
    credential = factories.make_credential(organization=factories.make_organization(), role=role)
    token = factories.token_of(credential)
    api_client_revoke(client=credential.client, actor="op@example.org", now=NOW)
    assert status_with(token) in {401, 403}
    assert token_status(credential, credential.client_secret) == 401
    for again in (api_client_rotate, api_client_revoke):
        with pytest.raises(ClientRevokedError):
            again(client=credential.client, actor="op@example.org", now=NOW)
    assert ApiClient.objects.get().revoked_at == NOW
    assert AuditEntry.objects.filter(action="api_client_revoke").count() == 1
