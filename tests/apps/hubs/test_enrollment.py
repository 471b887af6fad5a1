"""A hub's way in: register, be claimed, authenticate."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.hubs import guesses, services
from apps.hubs.errors import (
    ClaimCodeWrongError,
    SiteHasHubError,
    TooManyGuessesError,
)
from apps.hubs.models import Hub
from tests import factories
from tests.factories import NOW
from vpp.protocols.link import auth

MACHINE_NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def door() -> Client:
    """An HTTP client of its own address, so that tests do not share a rate limit."""
    one = factories.number()
    return Client(raise_request_exception=False, REMOTE_ADDR=f"10.1.{one // 250}.{one % 250 + 1}")


def post(door: Client, path: str, body: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return door.post(path, text, content_type="application/json")


def register(door: Client, body: Any) -> Any:
    return post(door, "/device/register", body)


def authenticate(door: Client, body: Any) -> Any:
    return post(door, "/device/security/authenticate", body)


@pytest.mark.django_db
class TestRegister:
    def test_new_hub_is_unclaimed(self, door: Client) -> None:
        answer = register(door, factories.make_device().registration())
        assert (answer.status_code, answer.json()["status"]) == (201, "unclaimed")
        hub = Hub.objects.get()
        assert str(hub.pk) == answer.json()["hub_id"]
        assert (hub.site_id, hub.organization_id, hub.model, hub.serial) == (None, None, "ORES edge", "E-1")

    def test_same_key_again_is_the_same_hub_with_the_new_code(self, door: Client) -> None:
        device = factories.make_device()
        first = register(door, device.registration())
        device.code = "22222-33333"
        second = register(door, device.registration())
        assert (second.status_code, second.json()["hub_id"]) == (200, first.json()["hub_id"])
        assert Hub.objects.get().claim_digest == auth.claim_digest("2222233333")

    def test_claimed_hub_keeps_its_owner_when_it_registers_again(self, door: Client) -> None:
        site = factories.make_site(organization=factories.make_organization())
        device = factories.make_hub(site=site)
        answer = register(door, device.registration(agent_version="0.2.0"))
        assert (answer.status_code, answer.json()["status"]) == (200, "active")
        hub = Hub.objects.get()
        assert (hub.site_id, hub.claim_digest, hub.agent_version) == (site.pk, "", "0.2.0")

    def test_revoked_hub_is_refused(self, door: Client) -> None:
        site = factories.make_site(organization=factories.make_organization())
        device = factories.make_hub(site=site)
        services.hub_revoke(organization=site.organization, hub_id=device.hub_id, actor="test", now=NOW)
        answer = register(door, device.registration(model="other"))
        assert (answer.status_code, answer.json()["code"]) == (403, "hub_revoked")
        assert Hub.objects.get().model == "ORES edge"

    def test_signature_of_another_key_is_refused(self, door: Client) -> None:
        device, other = factories.make_device(), factories.make_device()
        signature = other.sign(auth.register_payload(device.public_key, device.claim_digest))
        answer = register(door, device.registration(signature=signature))
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert Hub.objects.count() == 0

    def test_signature_over_another_code_is_refused(self, door: Client) -> None:
        device = factories.make_device()
        answer = register(door, device.registration(claim_digest=auth.claim_digest("22222-33333")))
        assert (answer.status_code, answer.json()["code"]) == (403, "signature_invalid")
        assert Hub.objects.count() == 0

    @pytest.mark.parametrize("name", ["public_key", "signature"])
    @pytest.mark.parametrize("text", ["not base64!", "AAAA", "ÄÖÜ=", "A" * 43])
    def test_what_is_not_base64_of_the_right_length_is_refused(
        self, door: Client, name: str, text: str
    ) -> None:
        answer = register(door, factories.make_device().registration(**{name: text}))
        assert (answer.status_code, answer.json()["code"]) == (400, "encoding_invalid")
        assert Hub.objects.count() == 0

    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            "[]",
            "null",
            "7",
            '{"public_key": 1}',
            '{"public_key": {"a": []}}',
            '{"claim_digest": NaN}',
            '{"claim_digest": 1e999}',
            "[" * 100_000,
        ],
    )
    def test_body_that_is_no_registration_is_refused(self, door: Client, body: str) -> None:
        answer = register(door, body)
        assert answer.status_code == 400
        assert answer.json()["status"] == 400
        assert Hub.objects.count() == 0

    @pytest.mark.parametrize("text", ["\x00", "\ud800", "x" * 81])
    def test_text_that_cannot_be_kept_is_refused(self, door: Client, text: str) -> None:
        assert register(door, factories.make_device().registration(model=text)).status_code == 400
        assert Hub.objects.count() == 0

    def test_code_that_another_hub_shows_is_refused(self, door: Client) -> None:
        first, second = factories.make_device(), factories.make_device()
        second.code = first.code
        register(door, first.registration())
        answer = register(door, second.registration())
        assert (answer.status_code, answer.json()["code"]) == (409, "claim_code_taken")
        assert Hub.objects.count() == 1

    def test_rate_is_limited_by_address(self, door: Client) -> None:
        statuses = [register(door, {}).status_code for _ in range(121)]
        assert (statuses[:120], statuses[120]) == ([400] * 120, 429)


@pytest.mark.django_db(transaction=True)
def test_same_key_registered_at_once_is_one_hub() -> None:
    device = factories.make_device()
    registration = services.Registration(**device.registration())
    barrier = threading.Barrier(4)
    found: list[tuple[str, bool]] = []

    def knock() -> None:
        barrier.wait()
        try:
            hub, created = services.hub_register(registration=registration, now=MACHINE_NOW)
            found.append((str(hub.pk), created))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=knock) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len({hub_id for hub_id, _ in found})) == (4, 1)
    assert sorted(created for _, created in found) == [False, False, False, True]


@pytest.mark.django_db
class TestClaim:
    def claim(self, site: Any, code: str, *, actor: str = "", machine_now: datetime = MACHINE_NOW) -> Hub:
        actor = actor or f"somebody {factories.number()}"
        return services.hub_claim(site=site, code=code, actor=actor, machine_now=machine_now, now=NOW)

    def waiting(self, code: str = "") -> factories.HubDevice:
        device = factories.make_device()
        device.code = code or device.code
        registration = services.Registration(**device.registration())
        services.hub_register(registration=registration, now=MACHINE_NOW)
        return device

    def test_right_code_binds_hub_to_site(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        device = self.waiting()
        hub = self.claim(site, device.code, actor="ada@example.org")
        hub.refresh_from_db()
        assert (hub.site_id, hub.organization_id, hub.state) == (site.pk, site.organization_id, "active")
        assert (hub.claim_digest, hub.claimed_at) == ("", NOW)
        entry = AuditEntry.objects.get()
        assert (entry.actor, entry.action, entry.subject, entry.detail) == (
            "ada@example.org",
            "hub_claim",
            f"hub {hub.pk}",
            {"site": site.pk},
        )

    @pytest.mark.parametrize(
        "typed", ["7KXQM-2RD40", "7kxqm-2rd40", "7KXQM2RD40", " 7kxqm 2rd4o ", "7KXQM–2RD4O"]
    )
    def test_code_is_read_as_people_type_it(self, typed: str) -> None:
        site = factories.make_site(organization=factories.make_organization())
        self.waiting("7KXQM-2RD40")
        assert self.claim(site, typed).site_id == site.pk

    def test_i_and_l_are_read_as_one(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        self.waiting("11111-22222")
        assert self.claim(site, "iLI1l-22222").site_id == site.pk

    @pytest.mark.parametrize("typed", ["", "short", "7KXQM-2RD4U", "7KXQM-2RD4P-9", "\x00" * 10, "é" * 10])
    def test_what_cannot_be_a_code_says_so(self, typed: str) -> None:
        site = factories.make_site(organization=factories.make_organization())
        with pytest.raises(ClaimCodeWrongError) as caught:
            self.claim(site, typed)
        assert caught.value.code == "claim_code_malformed"

    def test_wrong_code_claims_nothing(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        self.waiting("7KXQM-2RD4P")
        with pytest.raises(ClaimCodeWrongError) as caught:
            self.claim(site, "7KXQM-2RD4Q")
        assert caught.value.code == "claim_code_wrong"
        hub = Hub.objects.get()
        assert (hub.state, hub.site_id) == ("unclaimed", None)
        assert AuditEntry.objects.count() == 0

    def test_code_is_good_for_seven_days(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        device = self.waiting()
        with pytest.raises(ClaimCodeWrongError):
            self.claim(site, device.code, machine_now=MACHINE_NOW + timedelta(days=7))
        just = MACHINE_NOW + timedelta(days=7, seconds=-1)
        assert self.claim(site, device.code, machine_now=just).state == "active"

    def test_code_is_good_once(self) -> None:
        organization = factories.make_organization()
        device = self.waiting()
        self.claim(factories.make_site(organization=organization), device.code)
        with pytest.raises(ClaimCodeWrongError):
            self.claim(factories.make_site(organization=organization), device.code)

    def test_home_has_one_hub(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        first, second = self.waiting(), self.waiting()
        hub = self.claim(site, first.code)
        with pytest.raises(SiteHasHubError):
            self.claim(site, second.code)
        assert list(Hub.objects.filter(state="active")) == [hub]
        assert Hub.objects.get(state="unclaimed").claim_digest == second.claim_digest

    def test_revoked_hub_makes_room_for_another(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        first, second = self.waiting(), self.waiting()
        old = self.claim(site, first.code)
        services.hub_revoke(organization=site.organization, hub_id=str(old.pk), actor="test", now=NOW)
        assert self.claim(site, second.code).state == "active"

    def test_after_five_wrong_codes_the_right_one_is_refused_too(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        device = self.waiting()
        actor = f"guesser {factories.number()}"
        for _ in range(guesses.WRONG_CODES):
            with pytest.raises(ClaimCodeWrongError):
                self.claim(site, "22222-22222", actor=actor)
        with pytest.raises(TooManyGuessesError) as caught:
            self.claim(site, device.code, actor=actor)
        assert (caught.value.status, caught.value.permanent) == (429, False)
        assert Hub.objects.get().state == "unclaimed"

    def test_when_the_window_ends_the_right_code_is_taken(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        device = self.waiting()
        actor = f"guesser {factories.number()}"
        for _ in range(guesses.WRONG_CODES):
            guesses.count(actor)
        cache.touch(guesses._key(actor), 0)  # the window's end
        assert self.claim(site, device.code, actor=actor).state == "active"

    def test_guesses_of_one_actor_do_not_lock_out_another(self) -> None:
        site = factories.make_site(organization=factories.make_organization())
        device = self.waiting()
        for _ in range(guesses.WRONG_CODES):
            guesses.count(f"guesser {factories.number()}")
        assert self.claim(site, device.code).state == "active"


@pytest.mark.django_db
class TestClaimByApi:
    def test_aggregator_claims_for_its_site(self) -> None:
        organization = factories.make_organization()
        site, device = factories.make_site(organization=organization), factories.make_hub(site=None)
        api = factories.make_aggregator(organization=organization)
        answer = api.post(f"/sites/{site.pk}/hub", {"code": device.code})
        assert (answer.status_code, answer.json()) == (
            201,
            {"hub_id": device.hub_id, "site_id": site.pk, "status": "active"},
        )

    @pytest.mark.parametrize("site_id", ["foreign", "1", str(10**30)])
    def test_site_of_another_tenant_is_not_found(self, site_id: str) -> None:
        foreign = factories.make_site(organization=factories.make_organization())
        device = factories.make_hub(site=None)
        api = factories.make_aggregator(organization=factories.make_organization())
        path = f"/sites/{foreign.pk if site_id == 'foreign' else site_id}/hub"
        answer = api.post(path, {"code": device.code})
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert factories.hub_of(device).state == "unclaimed"

    def test_wrong_code_is_refused_with_its_code(self) -> None:
        organization = factories.make_organization()
        site = factories.make_site(organization=organization)
        api = factories.make_aggregator(organization=organization)
        answer = api.post(f"/sites/{site.pk}/hub", {"code": "22222-22222"})
        assert (answer.status_code, answer.json()["code"]) == (400, "claim_code_wrong")

    def test_utility_may_not_claim(self) -> None:
        organization = factories.make_organization()
        site, device = factories.make_site(organization=organization), factories.make_hub(site=None)
        utility = factories.make_utility(organization=organization)
        utility.base = "/api/v1"
        assert utility.post(f"/sites/{site.pk}/hub", {"code": device.code}).status_code == 403
        assert factories.hub_of(device).state == "unclaimed"

    def test_guesses_of_a_namesake_in_another_tenant_do_not_count(self) -> None:
        ours, theirs = factories.make_organization(), factories.make_organization()
        guesser = factories.make_aggregator(organization=theirs, name="namesake")
        their_site = factories.make_site(organization=theirs)
        for _ in range(guesses.WRONG_CODES):
            guesser.post(f"/sites/{their_site.pk}/hub", {"code": "22222-22222"})
        site, device = factories.make_site(organization=ours), factories.make_hub(site=None)
        api = factories.make_aggregator(organization=ours, name="namesake")
        assert api.post(f"/sites/{site.pk}/hub", {"code": device.code}).status_code == 201

    def test_client_with_a_long_name_can_claim(self) -> None:
        organization = factories.make_organization()
        site, device = factories.make_site(organization=organization), factories.make_hub(site=None)
        api = factories.make_aggregator(organization=organization, name="n" * 255)
        assert api.post(f"/sites/{site.pk}/hub", {"code": device.code}).status_code == 201
