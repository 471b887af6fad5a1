"""Hubs that prove who they are: challenge, signature, token, and the end of it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.hubs import services, tokens
from apps.hubs.errors import (
    HubUnknownError,
    TokenError,
)
from tests import factories
from tests.apps.hubs.test_enrollment import authenticate
from tests.factories import NOW

MACHINE_NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def door() -> Client:
    """An HTTP client of its own address, so that tests do not share a rate limit."""
    one = factories.number()
    return Client(raise_request_exception=False, REMOTE_ADDR=f"10.1.{one // 250}.{one % 250 + 1}")


@pytest.mark.django_db
class TestAuthenticate:
    def active(self) -> factories.HubDevice:
        return factories.make_hub(site=factories.make_site(organization=factories.make_organization()))

    def challenge(self, door: Client, device: factories.HubDevice) -> str:
        answer = authenticate(door, {"hub_id": device.hub_id})
        assert (answer.status_code, answer.json()["expires_in"]) == (200, 60)
        return str(answer.json()["challenge"])

    def test_signed_challenge_gives_a_token(self, door: Client) -> None:
        device = self.active()
        answer = authenticate(door, device.answer(self.challenge(door, device)))
        hub = factories.hub_of(device)
        assert answer.status_code == 200
        assert (answer.json()["expires_in"], answer.json()["site_id"]) == (3600, hub.site_id)
        token = tokens.token_read(answer.json()["token"])
        assert (token.hub_id, token.site_id, token.generation) == (device.hub_id, hub.site_id, 1)

    def test_challenge_is_good_once(self, door: Client) -> None:
        device = self.active()
        sent = device.answer(self.challenge(door, device))
        assert authenticate(door, sent).status_code == 200
        again = authenticate(door, sent)
        assert (again.status_code, again.json()["code"]) == (403, "challenge_invalid")

    def test_challenge_is_spent_by_a_wrong_signature(self, door: Client) -> None:
        device, other = self.active(), self.active()
        challenge = self.challenge(door, device)
        other.hub_id, hub_id = device.hub_id, other.hub_id
        wrong = authenticate(door, other.answer(challenge))
        assert (wrong.status_code, wrong.json()["code"]) == (403, "signature_invalid")
        assert authenticate(door, device.answer(challenge)).json()["code"] == "challenge_invalid"
        assert hub_id != device.hub_id

    def test_challenge_of_another_hub_is_refused(self, door: Client) -> None:
        device, other = self.active(), self.active()
        answer = authenticate(door, device.answer(self.challenge(door, other)))
        assert (answer.status_code, answer.json()["code"]) == (403, "challenge_invalid")

    def test_challenge_expires(self, door: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        device = self.active()
        sent = device.answer(self.challenge(door, device))
        monkeypatch.setattr(tokens, "CHALLENGE_S", -1)
        answer = authenticate(door, sent)
        assert (answer.status_code, answer.json()["code"]) == (403, "challenge_invalid")

    @pytest.mark.parametrize("challenge", ["x", "a:b:c", "\x01", "é:é:é", "." * 400])
    def test_invented_challenge_is_refused(self, door: Client, challenge: str) -> None:
        answer = authenticate(door, self.active().answer(challenge))
        assert (answer.status_code, answer.json()["code"]) == (403, "challenge_invalid")

    def test_token_is_no_challenge(self, door: Client) -> None:
        device = self.active()
        answer = authenticate(door, device.answer(device.token()))
        assert (answer.status_code, answer.json()["code"]) == (403, "challenge_invalid")

    def test_unclaimed_hub_is_told_so(self, door: Client) -> None:
        device = factories.make_hub(site=None)
        answer = authenticate(door, device.answer(self.challenge(door, device)))
        assert (answer.status_code, answer.json()["code"]) == (403, "hub_unclaimed")

    def test_revoked_hub_is_told_so(self, door: Client) -> None:
        device = self.active()
        organization = factories.hub_of(device).organization
        assert organization is not None
        services.hub_revoke(organization=organization, hub_id=device.hub_id, actor="test", now=NOW)
        answer = authenticate(door, device.answer(self.challenge(door, device)))
        assert (answer.status_code, answer.json()["code"]) == (403, "hub_revoked")

    def test_unknown_hub_is_not_found(self, door: Client) -> None:
        answer = authenticate(door, {"hub_id": "00000000-0000-4000-8000-000000000000"})
        assert (answer.status_code, answer.json()["code"]) == (404, "hub_unknown")

    @pytest.mark.parametrize("body", [{}, {"hub_id": "x"}, {"hub_id": None}, [], "{", {"hub_id": []}])
    def test_body_without_hub_is_refused(self, door: Client, body: Any) -> None:
        assert authenticate(door, body).status_code == 400

    def test_signature_that_is_no_base64_is_refused(self, door: Client) -> None:
        device = self.active()
        sent = {**device.answer(self.challenge(door, device)), "signature": "not base64!"}
        answer = authenticate(door, sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "encoding_invalid")


@pytest.mark.django_db
class TestRevoke:
    def test_other_tenant_cannot_revoke(self) -> None:
        device = factories.make_hub(site=factories.make_site(organization=factories.make_organization()))
        stranger = factories.make_organization()
        with pytest.raises(HubUnknownError):
            services.hub_revoke(organization=stranger, hub_id=device.hub_id, actor="test", now=NOW)
        hub = factories.hub_of(device)
        assert (hub.state, hub.generation) == ("active", 1)

    def test_revoking_ends_the_generation_and_is_noted(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        device = factories.make_hub(site=site)
        services.hub_revoke(organization=site.organization, hub_id=device.hub_id, actor="op", now=NOW)
        hub = factories.hub_of(device)
        assert (hub.state, hub.generation) == ("revoked", 2)
        assert AuditEntry.objects.filter(action="hub_revoke", actor="op").count() == 1


class TestToken:
    def test_expired_token_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = tokens.token_issue(tokens.HubToken("hub", 1, 1))
        monkeypatch.setattr(tokens, "TOKEN_S", -1)
        with pytest.raises(TokenError) as caught:
            tokens.token_read(text)
        assert (caught.value.code, caught.value.status) == ("token_expired", 401)

    @pytest.mark.parametrize("content", [["a"], 5, ["a", 1, 2, 3], None])
    def test_signed_text_of_another_shape_is_refused(self, content: Any) -> None:
        with pytest.raises(TokenError):
            tokens.token_read(signing.dumps(content, salt="hubs.token"))
