"""Who may ask the cloud about which home, and who may only look."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.accounts.services import api_client_revoke
from apps.hubs.models import Diagnosis, Hub, Instruction
from apps.sites.models import Site, SiteMember
from apps.sites.services import site_member_add
from tests import factories
from tests.apps.ores_api.doors import personal_token
from tests.factories import NOW
from vpp.protocols.ores.routes import ROUTES

pytestmark = pytest.mark.django_db
ORDER = {"device_id": "battery", "action": "hold"}
WRITES: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/energystorage/control", ORDER),
    ("POST", "/microinverter/control", {"device_id": "pv", "action": "limit", "power_kw": 1.0}),
    ("PATCH", "/app/settings", {"reserve_soc": 0.5}),
    ("PATCH", "/hub/configure", {"export_limit_kw": 1.0}),
]


@pytest.fixture
def site(settings: Any) -> Site:
    factories.forget_counts()
    settings.ORES_CLOCK = factories.clock_at(NOW)
    site = factories.make_site(organization=factories.make_organization())
    factories.resource(site=site, kind="pv", peak_kw=5.0)
    factories.make_hub(site=site)
    return site


def api(token: str) -> factories.Api:
    return factories.Api(token)


def partner(site: Site, *, role: str = "aggregator", scope: str = "ores_read ores_control") -> factories.Api:
    made = factories.make_credential(organization=site.organization, role=role)
    answer = Client().post(
        "/openadr3/3.1.0/auth/token",
        {
            "grant_type": "client_credentials", "client_id": made.client_id, "client_secret": made.client_secret,
            **({"scope": scope} if scope else {}),
        },
    )  # fmt: skip
    assert answer.status_code == 200, answer.content
    return api(answer.json()["access_token"])


def reads(asker: factories.Api, site: Site | None = None) -> set[int]:
    query = {"site_id": site.pk} if site else {}
    asked = [path for path, methods in ROUTES.items() if "GET" in methods and methods["GET"].right == "read"]
    return {asker.get(path, **query).status_code for path in asked}


def writes(asker: factories.Api, site: Site | None = None) -> list[int]:
    suffix = f"?site_id={site.pk}" if site else ""
    return [asker.send(method, path + suffix, body).status_code for method, path, body in WRITES]


def test_owner_reads_and_controls_the_only_home_without_naming_it(site: Site) -> None:
    asker = api(personal_token(factories.make_owner(site=site)))
    assert (reads(asker), writes(asker)) == ({200}, [202, 202, 202, 202])
    assert asker.get("/app/monitor").json()["site_id"] == site.pk
    assert Instruction.objects.count() == 4
    assert AuditEntry.objects.filter(action__startswith="ores_").count() == 4


def test_member_without_the_right_only_looks(site: Site) -> None:
    user = factories.make_user()
    site_member_add(site=site, user=user, role=SiteMember.Role.MEMBER)
    asker = api(personal_token(user))
    assert (reads(asker), writes(asker)) == ({200}, [403] * 4)
    assert (Instruction.objects.count(), AuditEntry.objects.filter(action__startswith="ores_").count()) == (
        0,
        0,
    )


def test_checks_of_the_hub_are_for_those_who_decide(site: Site) -> None:
    """Reading them too: an answer may tell a lot of the house."""
    path, sent = "/device/diagnostics/remote", {"name": "disk"}
    owner = api(personal_token(factories.make_owner(site=site)))
    assert owner.post(path, sent).json()["code"] == "hub_too_old"
    Hub.objects.update(features=["diagnostics"])
    assert owner.post(path, sent).json()["state"] == "queued"
    assert [one["name"] for one in owner.get(path).json()["results"]] == ["disk"]
    user = factories.make_user()
    site_member_add(site=site, user=user, role=SiteMember.Role.MEMBER)
    elsewhere = factories.make_site(organization=factories.make_organization())
    for asker, status in (
        (api(personal_token(user)), 403),
        (api(personal_token(factories.make_operator(organization=site.organization))), 403),
        (api(personal_token(factories.make_owner(site=elsewhere))), 404),
        (api("invented"), 401),
    ):
        query = {"site_id": site.pk}
        said = (
            asker.get(path, **query).status_code,
            asker.send("POST", f"{path}?site_id={site.pk}", sent).status_code,
        )
        assert said == (status, status)
    assert (Diagnosis.objects.count(), AuditEntry.objects.filter(action="diagnosis_ask").count()) == (1, 1)


def test_app_that_was_granted_less_does_less(site: Site) -> None:
    owner = factories.make_owner(site=site)
    looking = api(personal_token(owner, scope="ores_read"))
    assert (reads(looking), writes(looking)) == ({200}, [403] * 4)
    other = api(personal_token(owner, scope="api"))
    assert (reads(other), writes(other)) == ({403}, [403] * 4)
    assert other.get("/app/monitor").json()["code"] == "scope_required"
    assert Instruction.objects.count() == 0


@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_operators_look_and_never_take_the_owners_place(site: Site, role: str) -> None:
    asker = api(personal_token(factories.make_operator(organization=site.organization, role=role)))
    assert (reads(asker, site), writes(asker, site)) == ({200}, [403] * 4)
    assert Instruction.objects.count() == 0


def test_strangers_find_nothing(site: Site) -> None:
    elsewhere = factories.make_site(organization=factories.make_organization())
    person = api(personal_token(factories.make_owner(site=elsewhere)))
    program = partner(elsewhere)
    for asker in (person, program):
        assert (reads(asker, site), writes(asker, site)) == ({404}, [404] * 4)
    assert Instruction.objects.count() == 0


def test_nobody_is_let_in(site: Site) -> None:
    asker = api("invented")
    assert (reads(asker, site), writes(asker, site)) == ({401}, [401] * 4)


def test_partner_reads_and_controls_by_its_scopes(site: Site) -> None:
    assert (reads(partner(site), site), writes(partner(site), site)) == ({200}, [202] * 4)
    usual = partner(site, scope="")
    assert (reads(usual, site), writes(usual, site)) == ({200}, [403] * 4)
    assert reads(partner(site, scope="api"), site) == {403}


@pytest.mark.parametrize("role", ["utility", "ven"])
def test_credentials_for_other_doors_are_not_for_homes(site: Site, role: str) -> None:
    asker = partner(site, role=role, scope="")
    assert (reads(asker, site), writes(asker, site)) == ({403}, [403] * 4)
    assert asker.get("/app/monitor", site_id=site.pk).json()["code"] == "role_required"


def test_revoked_credential_opens_nothing(site: Site) -> None:
    made = factories.make_credential(organization=site.organization, role="aggregator")
    asker = api(factories.token_of(made))
    assert reads(asker, site) == {200}
    api_client_revoke(client=made.client, actor="operator", now=NOW)
    assert (reads(asker, site), writes(asker, site)) == ({401}, [401] * 4)


def test_several_homes_have_to_be_told_apart(site: Site) -> None:
    owner = factories.make_owner(site=site)
    second = factories.make_site(organization=site.organization)
    site_member_add(site=second, user=owner)
    asker = api(personal_token(owner))
    refused = asker.get("/app/monitor")
    assert (refused.status_code, refused.json()["code"]) == (400, "site_required")
    assert asker.get("/app/monitor", site_id=second.pk).json()["site_id"] == second.pk
    for wrong in ("x", "-1", "0", "99999999999999999999", "²"):
        assert asker.get("/app/monitor", site_id=wrong).status_code == 400


def test_session_needs_the_csrf_token_for_changes(site: Site) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.make_owner(site=site))
    assert client.get("/app/settings").status_code == 200
    refused = client.post("/energystorage/control", ORDER, content_type="application/json")
    assert (refused.status_code, Instruction.objects.count()) == (403, 0)
    lax = Client()
    lax.force_login(factories.make_owner(site=site))
    assert lax.post("/energystorage/control", ORDER, content_type="application/json").status_code == 202


def test_person_who_left_is_shut_out_at_once(site: Site) -> None:
    owner = factories.make_owner(site=site)
    asker = api(personal_token(owner))
    assert asker.get("/app/monitor").status_code == 200
    owner.is_active = False
    owner.save()
    assert asker.get("/app/monitor").status_code == 401


def test_what_a_person_granted_does_not_open_the_tenant(site: Site) -> None:
    made = factories.make_credential(organization=site.organization, role="aggregator")
    token = personal_token(factories.make_owner(site=site), scope="api ores_read", client=made.client)
    assert api(token).get("/api/v1/grid-areas").status_code == 401
    assert api(token).get("/app/monitor").status_code == 200


def test_people_have_a_budget_of_requests(site: Site, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(settings.THROTTLE_RATES, "person", "3/min")
    asker = api(personal_token(factories.make_owner(site=site)))
    replies = [asker.get("/app/settings") for _ in range(4)]
    assert [one.status_code for one in replies] == [200, 200, 200, 429]
    assert int(replies[3]["Retry-After"]) >= 1


def test_home_without_a_hub_is_read_but_not_controlled() -> None:
    factories.forget_counts()
    site = factories.make_site(organization=factories.make_organization())
    factories.resource(site=site, kind="pv", peak_kw=5.0)
    asker = api(personal_token(factories.make_owner(site=site)))
    assert reads(asker) == {200}
    refused = asker.post("/energystorage/control", ORDER)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_hub")
    codes = [fault["code"] for fault in asker.get("/device/safety/fault-detection").json()["faults"]]
    assert codes == ["no_hub"]


def test_hub_too_old_for_the_owners_word_says_so(site: Site) -> None:
    from apps.hubs.instructions import instructions_take

    asker = api(personal_token(factories.make_owner(site=site)))
    assert asker.post("/energystorage/control", ORDER).json()["state"] == "queued"
    hub = site.hubs.get()
    assert instructions_take(hub_ids=[str(hub.pk)], now=NOW) == []
    control = asker.get("/energystorage/control").json()["controls"][0]
    assert (control["state"], control["reason"]) == (
        "rejected",
        "the hub's agent is too old for device payloads",
    )
    faults = asker.get("/device/safety/fault-detection").json()["faults"]
    assert "control_rejected" in [fault["code"] for fault in faults]
