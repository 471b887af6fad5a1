"""Apps that people connect: the question, the homes chosen, tokens, and the way back."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from oauth2_provider.models import get_access_token_model, get_grant_model, get_refresh_token_model

from apps.accounts.errors import AppInvalidError
from apps.accounts.models import AuditEntry, User
from apps.accounts.services import Credential, api_client_revoke, app_client_create
from apps.sites.models import AppGrant, Site, SiteMember
from tests import factories
from tests.factories import NOW
from tests.oauth_apps import APP_ADDRESS, make_app

pytestmark = pytest.mark.django_db
VERIFIER = "a-verifier-of-more-than-forty-three-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class Household:
    """A person with two homes, signed in, and an app that asks."""

    def __init__(self, *, is_public: bool = False) -> None:
        self.organization = factories.make_organization()
        self.homes = [factories.make_site(organization=self.organization) for _ in range(2)]
        self.owner: User = factories.make_owner(site=self.homes[0])
        SiteMember.objects.create(site=self.homes[1], user=self.owner)
        self.app: Credential = make_app(organization=self.organization, is_public=is_public)
        self.browser = Client()
        self.browser.force_login(self.owner)

    def asked(self, **changes: str) -> dict[str, str]:
        return {
            "response_type": "code", "client_id": self.app.client_id, "redirect_uri": APP_ADDRESS, "state": "s-1",
            "scope": "ores_read ores_control", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        } | changes  # fmt: skip

    def answer(self, *homes: Site, control: bool = True, allow: bool = True, **changes: str) -> Any:
        sent: dict[str, Any] = {**self.asked(**changes), "home": [one.pk for one in homes]}
        sent |= {"control": "on"} if control else {}
        return self.browser.post("/oauth/authorize", sent | ({"allow": "Allow"} if allow else {}))

    def code(self, *homes: Site, control: bool = True) -> str:
        back = self.answer(*homes, control=control)
        assert back.status_code == 302, back.content
        code: str = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
        return code

    def tokens(self, code: str, *, verifier: str = VERIFIER) -> Any:
        return self._token(
            grant_type="authorization_code", code=code, redirect_uri=APP_ADDRESS, code_verifier=verifier
        )

    def refresh(self, token: str) -> Any:
        return self._token(grant_type="refresh_token", refresh_token=token)

    def _token(self, **sent: str) -> Any:
        who = {"client_id": self.app.client_id, "client_secret": self.app.client_secret}
        return Client().post("/oauth/token", {**who, **sent})


@pytest.fixture
def household(settings: Any) -> Household:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    return Household()


def monitor(token: str, site: Site) -> int:
    return int(factories.Api(token).get("/app/monitor", site_id=site.pk).status_code)


def test_the_question_names_the_app_the_homes_and_what_it_may_do(household: Household) -> None:
    page = household.browser.get("/oauth/authorize", household.asked())
    text = page.content.decode()
    assert page.status_code == 200
    for said in (household.app.client.name, household.homes[0].name, household.homes[1].name, "Control:"):
        assert said in text
    policy = page.headers["Content-Security-Policy"]
    assert "form-action 'self' https://app.example.org" in policy


def test_an_app_sees_the_chosen_home_and_no_other(household: Household) -> None:
    chosen, other = household.homes
    token = household.tokens(household.code(chosen)).json()["access_token"]
    assert (monitor(token, chosen), monitor(token, other)) == (200, 404)
    assert factories.Api(token).get("/app/monitor").json()["site_id"] == chosen.pk


def test_control_is_granted_only_where_it_is_ticked(household: Household) -> None:
    home = household.homes[0]
    with_it = household.tokens(household.code(home)).json()
    assert sorted(with_it["scope"].split()) == ["ores_control", "ores_read"]
    without = household.tokens(household.code(home, control=False)).json()
    assert without["scope"] == "ores_read"


def test_a_new_answer_replaces_the_one_before(household: Household) -> None:
    first, second = household.homes
    old = household.tokens(household.code(first)).json()["access_token"]
    new = household.tokens(household.code(second)).json()["access_token"]
    assert (monitor(old, first), monitor(new, first), monitor(new, second)) == (401, 404, 200)


def test_without_a_home_nothing_is_granted(household: Household) -> None:
    page = household.answer()
    assert (page.status_code, b"Choose at least one home" in page.content) == (200, True)
    assert (AppGrant.objects.count(), get_grant_model().objects.count()) == (0, 0)


def test_another_ones_home_cannot_be_granted(household: Household) -> None:
    stranger = factories.make_site(organization=household.organization)
    household.answer(stranger)
    assert (AppGrant.objects.count(), get_grant_model().objects.count()) == (0, 0)


def test_refusing_tells_the_app_and_grants_nothing(household: Household) -> None:
    back = household.answer(household.homes[0], allow=False)
    assert parse_qs(urlsplit(back.headers["Location"]).query)["error"] == ["access_denied"]
    assert (AppGrant.objects.count(), get_grant_model().objects.count()) == (0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://app.example.org/back/other"},
        {"redirect_uri": "https://evil.example.org/back"},
        {"client_id": "nobody"},
    ],
)
def test_a_strange_address_or_app_leads_nowhere(household: Household, changes: dict[str, str]) -> None:
    page = household.browser.get("/oauth/authorize", household.asked(**changes))
    assert (page.status_code, b"cannot be connected" in page.content) == (400, True)


def without_challenge(household: Household) -> dict[str, str]:
    asked = household.asked()
    del asked["code_challenge"], asked["code_challenge_method"]
    return asked


def test_no_challenge_no_code_for_an_app_without_a_secret(settings: Any) -> None:
    household = Household(is_public=True)
    back = household.browser.get("/oauth/authorize", without_challenge(household))
    assert parse_qs(urlsplit(back.headers["Location"]).query)["error"] == ["invalid_request"]


def test_an_app_with_a_secret_needs_no_challenge_but_its_secret(household: Household) -> None:
    """As Google's account linking comes."""
    asked, home = without_challenge(household), household.homes[0]
    assert household.browser.get("/oauth/authorize", asked).status_code == 200

    def code() -> str:
        sent: dict[str, Any] = {**asked, "home": [home.pk], "allow": "Allow"}
        back = household.browser.post("/oauth/authorize", sent)
        return parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]

    sent = {
        "grant_type": "authorization_code",
        "redirect_uri": APP_ADDRESS,
        "client_id": household.app.client_id,
    }
    for secret in ({}, {"client_secret": "guessed"}):
        assert Client().post("/oauth/token", {**sent, **secret, "code": code()}).status_code == 401
    good = {**sent, "client_secret": household.app.client_secret, "code": code()}
    answer = Client().post("/oauth/token", good)
    assert answer.status_code == 200
    assert monitor(answer.json()["access_token"], home) == 200


def test_a_code_is_worth_nothing_without_its_verifier_or_twice(household: Household) -> None:
    home = household.homes[0]
    assert household.tokens(household.code(home), verifier="x" * 50).status_code == 400
    code = household.code(home)
    assert household.tokens(code).status_code == 200
    assert household.tokens(code).status_code == 400


def test_a_stolen_refresh_token_shuts_everything(household: Household) -> None:
    home = household.homes[0]
    first = household.tokens(household.code(home)).json()
    second = household.refresh(first["refresh_token"]).json()
    assert monitor(second["access_token"], home) == 200
    assert household.refresh(first["refresh_token"]).status_code == 400
    assert household.refresh(second["refresh_token"]).status_code == 400


def test_who_leaves_the_home_takes_the_app_along(household: Household) -> None:
    home = household.homes[0]
    token = household.tokens(household.code(home)).json()["access_token"]
    SiteMember.objects.filter(site=home, user=household.owner).delete()
    assert monitor(token, home) == 404


def test_disconnecting_shuts_the_app_out_and_is_noted(household: Household) -> None:
    home = household.homes[0]
    got = household.tokens(household.code(home)).json()
    page = household.browser.get("/apps/").content.decode()
    assert (household.app.client.name in page, "sees and controls" in page) == (True, True)
    household.browser.post(f"/apps/{household.app.client.pk}/disconnect")
    assert (monitor(got["access_token"], home), household.refresh(got["refresh_token"]).status_code) == (
        401,
        400,
    )
    actions = AuditEntry.objects.filter(actor=household.owner.email).order_by("pk")
    assert [one.action for one in actions] == ["app_grant", "app_revoke"]


def test_a_stranger_disconnects_nothing(household: Household) -> None:
    household.code(household.homes[0])
    stranger = Client()
    stranger.force_login(factories.make_user())
    stranger.post(f"/apps/{household.app.client.pk}/disconnect")
    assert AppGrant.objects.count() == 1
    assert Client().get("/apps/").status_code == 302
    assert (
        Client().get("/oauth/authorize", household.asked()).headers["Location"].startswith("/account/login/")
    )


def test_a_revoked_app_opens_nothing(household: Household) -> None:
    home = household.homes[0]
    got = household.tokens(household.code(home)).json()
    api_client_revoke(client=household.app.client, actor="operator", now=NOW)
    assert monitor(got["access_token"], home) == 401
    assert (get_access_token_model().objects.count(), get_refresh_token_model().objects.count()) == (0, 0)


def test_an_app_without_a_secret_has_its_verifier(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    household = Household(is_public=True)
    assert household.tokens(household.code(household.homes[0])).status_code == 200


@pytest.mark.parametrize(
    "address",
    ["http://app.example.org/back", "ftp://app.example.org/", "https://app.example.org/#x", "app:/back"],
)
def test_addresses_that_would_leak_a_code_are_refused(address: str) -> None:
    organization = factories.make_organization()
    with pytest.raises(AppInvalidError):
        app_client_create(organization=organization, name="App", redirect_uris=[address])
