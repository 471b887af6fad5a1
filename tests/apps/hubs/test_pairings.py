"""Pairing codes: asked for by the owner, made by the hub, read while they hold and by nobody else."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.hubs.device_reports import device_message_store
from apps.hubs.errors import HubTooOldError, PairingUnavailableError, SiteHasNoHubError, TooManyPairingsError
from apps.hubs.models import DevicePairing, Hub
from apps.hubs.outgoing import outgoing_hub_ids, outgoing_take
from apps.hubs.pairings import KEPT_A_HUB, Pairing, pairing_ask, pairing_of_site, pairings_expire
from apps.sites.models import Site
from tests import factories
from tests.factories import NOW
from vpp.protocols.link.messages import DeviceOrder, DeviceResult

pytestmark = pytest.mark.django_db
CODE = "8vXJ0m2hQ4bT"
SOON = NOW + timedelta(minutes=1)


@pytest.fixture
def hub() -> Hub:
    return hub_with("devices", "pairing")


def hub_with(*features: str) -> Hub:
    site = factories.make_site(organization=factories.make_organization(), battery=None)
    held = factories.hub_of(factories.make_hub(site=site))
    held.features = list(features)
    held.save()
    return held


def site_of(hub: Hub) -> Site:
    assert hub.site is not None
    return hub.site


def ask(hub: Hub, *, now: Any = NOW) -> Pairing:
    return pairing_ask(site=site_of(hub), actor="olga", now=now)


def take(hub: Hub, *, now: Any = NOW, resend: bool = False) -> list[DeviceOrder]:
    taken = outgoing_take(hub_ids=[str(hub.pk)], now=now, resend=resend)
    return [message for _, message in taken if isinstance(message, DeviceOrder)]


def answer(hub: Hub, order: str, state: Any, *, now: Any = SOON, **more: Any) -> bool:
    return device_message_store(hub_id=str(hub.pk), message=DeviceResult(0, order, 0, state, **more), now=now)


def show(hub: Hub, *, now: Any = NOW) -> str:
    order = str(ask(hub, now=now).id)
    assert answer(hub, order, "shown", now=now, code=CODE, valid_s=300)
    return order


def seen(hub: Hub, *, now: Any = SOON) -> tuple[str, str]:
    held = pairing_of_site(site=site_of(hub), now=now)
    assert held is not None
    return held.state, held.code


def test_asked_sent_once_shown_and_paired(hub: Hub) -> None:
    asked = ask(hub)
    assert (asked.state, asked.code, asked.expires_at) == ("asked", "", NOW + timedelta(minutes=2))
    assert outgoing_hub_ids(now=NOW) == [str(hub.pk)]
    (order,) = take(hub)
    assert order == DeviceOrder(str(asked.id), "pair")
    assert take(hub) == [] == outgoing_hub_ids(now=NOW)
    assert take(hub, resend=True) == [order]
    assert answer(hub, order.id, "shown", code=CODE, valid_s=300)
    assert seen(hub) == ("shown", CODE)
    assert CODE not in str(DevicePairing.objects.values_list())
    assert take(hub, resend=True) == []
    assert answer(hub, order.id, "paired", key="wallbox-7")
    held = DevicePairing.objects.get()
    assert (held.state, held.node, held.sealed_code) == ("paired", "wallbox-7", "")
    assert AuditEntry.objects.get(action="pairing_ask").subject == f"site {hub.site_id}"


def test_code_holds_as_long_as_the_hub_says_and_is_gone_then(hub: Hub) -> None:
    show(hub)
    ends = NOW + timedelta(seconds=300)
    assert seen(hub, now=ends - timedelta(seconds=1)) == ("shown", CODE)
    assert seen(hub, now=ends) == ("expired", "")
    assert pairings_expire(now=ends) == 1
    assert DevicePairing.objects.get().sealed_code == ""


def test_hub_that_does_not_answer_is_not_waited_for(hub: Hub) -> None:
    order = str(ask(hub).id)
    late = NOW + timedelta(minutes=2)
    assert (seen(hub, now=late), take(hub, now=late, resend=True)) == (("expired", ""), [])
    assert answer(hub, order, "shown", now=late, code=CODE, valid_s=300)
    assert seen(hub, now=late) == ("expired", "")


def test_asking_twice_waits_on_and_a_newer_code_ends_the_shown_one(hub: Hub) -> None:
    first = show(hub)
    second, third = ask(hub, now=SOON), ask(hub, now=SOON)
    assert (second.id == third.id, str(second.id) == first) == (True, False)
    old = DevicePairing.objects.get(order_id=first)
    assert (old.state, old.sealed_code, old.reason) == ("expired", "", "a newer code took its place")
    # Used before the newer one was known to the hub.
    assert answer(hub, first, "paired", key="wallbox-7")
    assert DevicePairing.objects.get(order_id=first).state == "paired"
    assert seen(hub) == ("asked", "")


def test_failure_is_kept_with_its_reason(hub: Hub) -> None:
    assert answer(hub, show(hub), "failed", reason="too many wrong codes were tried")
    held = DevicePairing.objects.get()
    assert (held.state, held.reason, held.sealed_code) == ("failed", "too many wrong codes were tried", "")


@pytest.mark.parametrize("order", ["", "no id", str(uuid.UUID(int=7))])
def test_answer_that_nobody_asked_for_is_not_kept(hub: Hub, order: str) -> None:
    assert not answer(hub, order, "shown", code=CODE, valid_s=300)


def test_answer_of_another_hub_changes_nothing(hub: Hub) -> None:
    order = str(ask(hub).id)
    assert not answer(hub_with("devices", "pairing"), order, "shown", code="AAAAAAAAAAAA", valid_s=300)
    assert seen(hub) == ("asked", "")


@pytest.mark.parametrize(
    ("features", "error"), [((), HubTooOldError), (("devices",), PairingUnavailableError)]
)
def test_hub_that_cannot_pair_is_not_asked(features: tuple[str, ...], error: type[Exception]) -> None:
    hub = hub_with(*features)
    with pytest.raises(error):
        ask(hub)
    assert DevicePairing.objects.count() == 0


def test_home_without_a_hub_has_no_code() -> None:
    site = factories.make_site(organization=factories.make_organization(), battery=None)
    with pytest.raises(SiteHasNoHubError):
        pairing_ask(site=site, actor="olga", now=NOW)
    assert pairing_of_site(site=site, now=NOW) is None


def test_codes_are_few_an_hour_and_old_ones_go(hub: Hub) -> None:
    for count in range(12):
        show(hub, now=NOW + timedelta(minutes=count))
    with pytest.raises(TooManyPairingsError):
        ask(hub, now=NOW + timedelta(minutes=12))
    for count in range(12):
        show(hub, now=NOW + timedelta(hours=2, minutes=count))
    assert DevicePairing.objects.filter(hub=hub).count() == KEPT_A_HUB


class TestRest:
    def client_of(self, hub: Hub) -> Client:
        assert hub.organization is not None
        credential = factories.make_credential(organization=hub.organization, role="aggregator")
        return Client(headers={"Authorization": f"Bearer {factories.token_of(credential)}"})

    def test_partner_asks_and_reads(self, hub: Hub) -> None:
        client, path = self.client_of(hub), f"/api/v1/sites/{hub.site_id}/devices/pairing"
        assert client.get(path).status_code == 404
        asked = client.post(path)
        assert (asked.status_code, asked.json()["state"], asked.json()["code"]) == (202, "asked", "")
        order = DevicePairing.objects.get()
        assert answer(hub, asked.json()["id"], "shown", now=order.asked_at, code=CODE, valid_s=300)
        assert (client.get(path).json()["state"], client.get(path).json()["code"]) == ("shown", CODE)
        assert AuditEntry.objects.get(action="pairing_ask").actor.startswith("client ")

    def test_hub_without_a_table_is_a_named_problem(self) -> None:
        hub = hub_with("devices")
        refused = self.client_of(hub).post(f"/api/v1/sites/{hub.site_id}/devices/pairing")
        assert (refused.status_code, refused.json()["code"]) == (409, "pairing_unavailable")

    def test_foreign_site_is_not_found(self, hub: Hub) -> None:
        show(hub)
        client, path = self.client_of(hub_with("devices")), f"/api/v1/sites/{hub.site_id}/devices/pairing"
        assert (client.get(path).status_code, client.post(path).status_code) == (404, 404)
