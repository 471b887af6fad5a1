"""Credentials of resource managers: made by who may, shown once, revoked for good; and what becomes of the hub."""

import hashlib
import re
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.hubs.credentials import (
    MOST_A_HOME,
    s2_credential_create,
    s2_credential_revoke,
    s2_credentials_of_site,
    s2_identity,
)
from apps.hubs.errors import (
    HubUnknownError,
    S2CredentialInvalidError,
    S2CredentialUnknownError,
    SiteHasHubError,
    TooManyS2CredentialsError,
)
from apps.hubs.models import Hub, S2Credential
from apps.hubs.services import hub_authenticate, hub_claim
from apps.hubs.tokens import challenge_issue
from apps.sites.models import Site
from apps.sites.services import site_member_add
from tests import factories
from tests.apps.hubs.s2_devices import credential
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Site:
    return factories.make_site(organization=factories.make_organization(), battery=None)


def states(site: Site) -> list[tuple[str, str]]:
    return list(Hub.objects.filter(site=site).order_by("created_at", "pk").values_list("kind", "state"))


def test_the_first_credential_makes_the_cloud_the_hub_and_the_last_one_takes_it_back(site: Site) -> None:
    one, two = credential(site), credential(site, name="meter", role="grid")
    assert states(site) == [("virtual", "active")]
    for made in (one, two):
        s2_credential_revoke(site=site, credential_id=made.credential.pk, actor="test", now=NOW)
    assert states(site) == [("virtual", "revoked")]
    assert [s2_identity(token=made.token) for made in (one, two)] == [None, None]
    again = credential(site)
    assert states(site) == [("virtual", "revoked"), ("virtual", "active")]
    identity = s2_identity(token=again.token)
    assert identity is not None
    assert (identity.site_id, identity.role) == (site.pk, "")
    actions = AuditEntry.objects.filter(organization=site.organization).order_by("pk")
    assert list(actions.values_list("action", flat=True)) == [
        "s2_credential_create",
        "s2_credential_create",
        "s2_credential_revoke",
        "s2_credential_revoke",
        "hub_revoke",
        "s2_credential_create",
    ]


def test_only_a_digest_is_kept(site: Site) -> None:
    made = credential(site)
    assert re.fullmatch(r"s2_[\w-]{43}", made.token)
    held = S2Credential.objects.get(pk=made.credential.pk)
    assert held.digest == hashlib.sha256(made.token.encode()).hexdigest()


@pytest.mark.parametrize(
    ("name", "role"), [("", ""), (" ", ""), ("x" * 81, ""), ("a\x00b", ""), ("a", "sun")]
)
def test_what_makes_no_sense_is_refused(site: Site, name: str, role: str) -> None:
    with pytest.raises(S2CredentialInvalidError):
        s2_credential_create(site=site, name=name, role=role, actor="test", now=NOW)
    assert states(site) == []


def test_a_home_has_so_many_at_most(site: Site) -> None:
    made = [credential(site) for _ in range(MOST_A_HOME)]
    with pytest.raises(TooManyS2CredentialsError):
        credential(site)
    s2_credential_revoke(site=site, credential_id=made[0].credential.pk, actor="test", now=NOW)
    credential(site)
    assert len(s2_credentials_of_site(site=site)) == MOST_A_HOME


def test_a_home_with_a_hub_needs_none(site: Site) -> None:
    factories.make_hub(site=site)
    with pytest.raises(SiteHasHubError):
        credential(site)
    assert S2Credential.objects.count() == 0


def test_a_hub_takes_the_clouds_place(site: Site) -> None:
    made = credential(site)
    device = factories.make_hub(site=None)
    given: dict[str, Any] = {
        "site": site,
        "code": device.code,
        "actor": "t",
        "machine_now": factories.hub_of(device).created_at,
    }
    with pytest.raises(SiteHasHubError):
        hub_claim(**given, now=NOW)
    hub_claim(**given, now=NOW, replaces=True)
    assert sorted(states(site)) == [("machine", "active"), ("virtual", "revoked")]
    assert s2_identity(token=made.token) is None
    assert s2_credentials_of_site(site=site) == []


def test_nobody_authenticates_as_a_hub_that_is_no_machine(site: Site) -> None:
    credential(site)
    hub = Hub.objects.get(site=site)
    with pytest.raises(HubUnknownError):
        hub_authenticate(
            hub_id=str(hub.pk), challenge=challenge_issue(hub_id=str(hub.pk)), signature="A" * 86 + "=="
        )


def test_a_credential_of_another_home_is_not_there(site: Site) -> None:
    other = factories.make_site(organization=site.organization, battery=None)
    made = credential(site)
    with pytest.raises(S2CredentialUnknownError):
        s2_credential_revoke(site=other, credential_id=made.credential.pk, actor="test", now=NOW)
    assert s2_identity(token=made.token) is not None


def test_an_aggregator_makes_lists_and_revokes(site: Site) -> None:
    api = factories.make_aggregator(organization=site.organization)
    path = f"/sites/{site.pk}/s2-credentials"
    answer = api.post(path, {"name": "cellar", "role": "battery"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["role"], made["seen_at"]) == ("cellar", "battery", None)
    assert s2_identity(token=made.pop("token")) is not None
    assert api.get(path).json() == [made]
    assert api.post(path, {"name": "cellar", "role": "sun"}).status_code == 400
    assert api.post(path, {}).status_code == 400
    assert api.delete(f"{path}/{made['id']}").status_code == 204
    assert api.delete(f"{path}/{made['id']}").status_code == 404
    assert api.get(path).json() == []


def test_a_strangers_aggregator_finds_nothing(site: Site) -> None:
    made = credential(site)
    api = factories.make_aggregator(organization=factories.make_organization())
    path = f"/sites/{site.pk}/s2-credentials"
    answers = [api.get(path), api.post(path, {"name": "x"}), api.delete(f"{path}/{made.credential.pk}")]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert s2_identity(token=made.token) is not None


def page(site: Site) -> str:
    return f"/sites/{site.pk}/s2/"


def test_an_owner_adds_a_device_and_sees_its_token_once(site: Site) -> None:
    client = Client()
    client.force_login(factories.make_owner(site=site))
    shown = client.post(page(site), {"name": "Cellar", "role": "battery"})
    assert shown.status_code == 200
    assert "no-store" in shown["Cache-Control"]
    found = re.search(r'id="token">(s2_[\w-]{43})<', shown.content.decode())
    assert found is not None
    identity = s2_identity(token=found[1])
    assert identity is not None
    again = client.get(page(site)).content.decode()
    assert "Cellar" in again
    assert found[1] not in again
    gone = client.post(f"{page(site)}{identity.credential_id}/remove", follow=True)
    assert "Cellar is shut out now." in gone.content.decode()
    assert s2_identity(token=found[1]) is None


def test_an_owner_is_told_what_did_not_work(site: Site) -> None:
    factories.make_hub(site=site)
    client = Client()
    client.force_login(factories.make_owner(site=site))
    shown = client.post(page(site), {"name": "Cellar", "role": ""})
    assert shown.status_code == 409
    assert "This home has a hub. Connect the device to the hub" in shown.content.decode()


def test_who_lives_there_but_decides_nothing_adds_and_removes_nothing(site: Site) -> None:
    made = credential(site)
    user = factories.make_user()
    site_member_add(site=site, user=user, role="member")
    client = Client()
    client.force_login(user)
    assert client.get(page(site)).status_code == 200
    assert client.post(page(site), {"name": "Cellar"}).status_code == 403
    client.post(f"{page(site)}{made.credential.pk}/remove")
    assert [one.pk for one in s2_credentials_of_site(site=site)] == [made.credential.pk]


def test_page_of_a_home_with_a_hub_says_so_instead_of_asking(site: Site, client: Client) -> None:
    factories.make_hub(site=site)
    client.force_login(factories.make_owner(site=site))
    page = client.get(f"/sites/{site.pk}/s2/").content.decode()
    assert "This home has a hub. Connect the device to the hub" in page
    assert f'href="/sites/{site.pk}/devices/"' in page
    assert 'name="role"' not in page


def test_page_of_a_home_for_which_the_cloud_stands_in_takes_more_devices(site: Site, client: Client) -> None:
    credential(site)
    client.force_login(factories.make_owner(site=site))
    page = client.get(f"/sites/{site.pk}/s2/").content.decode()
    assert "This home has a hub" not in page
    assert 'name="role"' in page
