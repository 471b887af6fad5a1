"""The discovery inbox: what hubs find is merged, what owners decide stays decided, orders go where they belong."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import AuditEntry
from apps.hubs import services
from apps.hubs.device_inbox import device_decide, devices_look
from apps.hubs.device_reports import KEPT_A_SITE, device_message_store
from apps.hubs.errors import (
    DeviceStateError,
    DeviceUnknownError,
    HubTooOldError,
    SiteHasNoHubError,
)
from apps.hubs.models import DeviceProposal, DeviceReport, Hub
from apps.hubs.outgoing import outgoing_hub_ids, outgoing_take
from apps.hubs.selectors import devices_of_site
from apps.sites.models import Resource, Site
from tests import factories
from tests.factories import NOW
from vpp.protocols.link.messages import (
    DeviceOrder,
    DeviceResult,
    Devices,
    DeviceState,
    Discovered,
    FoundDevice,
    ResourceDescription,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
METER = FoundDevice("r1", "sunspec", "192.168.1.9:502/1", "meter", "Acme M1", "Acme", "M1", "A-17")


@pytest.fixture
def hub() -> Hub:
    site = factories.make_site(organization=factories.make_organization(), battery=None)
    held = factories.hub_of(factories.make_hub(site=site))
    held.features = ["devices"]
    held.save()
    return held


def site_of(hub: Hub) -> Site:
    assert hub.site is not None
    return hub.site


def look(hub: Hub, *found: FoundDevice, now: Any = NOW, **flaws: str) -> None:
    assert device_message_store(hub_id=str(hub.pk), message=Discovered(0, 0, list(found), flaws), now=now)


def proposal(hub: Hub) -> DeviceProposal:
    return DeviceProposal.objects.get(site=hub.site)


def decide(hub: Hub, act: str) -> DeviceProposal:
    return device_decide(site=site_of(hub), proposal_id=proposal(hub).pk, act=act, actor="olga", now=LATER)


def take(hub: Hub, *, resend: bool = False) -> list[DeviceOrder]:
    taken = outgoing_take(hub_ids=[str(hub.pk)], now=LATER, resend=resend)
    return [message for _, message in taken if isinstance(message, DeviceOrder)]


def answer(hub: Hub, order: DeviceOrder, state: Any, reason: str = "") -> bool:
    result = DeviceResult(0, order.id, 0, state, "acme-m1" if state == "joined" else "", reason)
    return device_message_store(hub_id=str(hub.pk), message=result, now=LATER)


def joined(hub: Hub) -> DeviceProposal:
    look(hub, METER)
    decide(hub, "add")
    (order,) = take(hub)
    assert answer(hub, order, "joined")
    return proposal(hub)


def test_found_twice_is_one_proposal_with_first_and_last_seen(hub: Hub) -> None:
    look(hub, METER, METER)
    look(hub, FoundDevice("r2", *[getattr(METER, name) for name in METER.__struct_fields__[1:]]), now=LATER)
    held = proposal(hub)
    assert (held.ref, held.state, held.first_seen_at, held.last_seen_at) == ("r2", "proposed", NOW, LATER)
    assert (held.kind, held.address, held.serial, held.part) == (
        "sunspec",
        "192.168.1.9:502/1",
        "A-17",
        "meter",
    )


def test_added_sent_once_and_joined(hub: Hub) -> None:
    look(hub, METER)
    assert take(hub) == []
    decide(hub, "add")
    assert outgoing_hub_ids(now=LATER) == [str(hub.pk)]
    (order,) = take(hub)
    assert (order.action, order.ref) == ("join", "r1")
    assert take(hub) == [] == outgoing_hub_ids(now=LATER)
    assert take(hub, resend=True) == [order]
    assert answer(hub, order, "joined")
    assert (proposal(hub).state, proposal(hub).key) == ("joined", "acme-m1")
    assert take(hub, resend=True) == []
    assert AuditEntry.objects.get(action="device_add").detail == {"device": "sunspec 192.168.1.9:502/1 meter"}


def test_failure_is_kept_with_its_reason_and_can_be_tried_again(hub: Hub) -> None:
    look(hub, METER)
    decide(hub, "add")
    (order,) = take(hub)
    assert answer(hub, order, "failed", "no answer within 10 s")
    assert (proposal(hub).state, proposal(hub).state_reason) == ("failed", "no answer within 10 s")
    decide(hub, "add")
    (again,) = take(hub)
    assert again.id != order.id
    assert not answer(hub, order, "joined")  # of an order that was given up
    assert proposal(hub).state == "accepted"


def test_dismissed_stays_dismissed_until_undone(hub: Hub) -> None:
    look(hub, METER)
    decide(hub, "dismiss")
    look(hub, METER, now=LATER)
    assert (proposal(hub).state, proposal(hub).last_seen_at) == ("dismissed", LATER)
    assert take(hub, resend=True) == []
    assert decide(hub, "undo").state == "proposed"


def test_undo_before_the_hub_heard_of_it_is_silent_and_after_it_takes_back(hub: Hub) -> None:
    look(hub, METER)
    decide(hub, "add")
    assert decide(hub, "undo").state == "proposed"
    assert take(hub, resend=True) == []
    decide(hub, "add")
    (order,) = take(hub)
    assert decide(hub, "undo").state == "removing"
    (back,) = take(hub)
    assert (back.action, back.ref) == ("remove", "r1")
    assert not answer(hub, order, "joined")
    assert answer(hub, back, "removed")
    assert proposal(hub).state == "dismissed"


def test_joined_is_removed_by_order_and_a_refusal_keeps_it(hub: Hub) -> None:
    joined(hub)
    decide(hub, "remove")
    (order,) = take(hub)
    assert order.action == "remove"
    assert answer(hub, order, "failed", "busy")
    assert (proposal(hub).state, proposal(hub).state_reason, proposal(hub).key) == (
        "joined",
        "busy",
        "acme-m1",
    )
    decide(hub, "remove")
    (order,) = take(hub)
    assert answer(hub, order, "removed")
    assert (proposal(hub).state, proposal(hub).key) == ("dismissed", "")


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ("proposed", ["undo", "remove"]),
        ("accepted", ["add", "dismiss", "remove"]),
        ("joined", ["add", "dismiss", "undo"]),
        ("failed", ["undo", "remove"]),
        ("dismissed", ["dismiss", "remove"]),
        ("removing", ["add", "dismiss", "undo", "remove"]),
    ],
)
def test_what_makes_no_sense_changes_nothing(hub: Hub, state: str, refused: list[str]) -> None:
    look(hub, METER)
    DeviceProposal.objects.update(state=state)
    for act in refused:
        with pytest.raises(DeviceStateError):
            decide(hub, act)
    with pytest.raises(DeviceUnknownError):
        decide(hub, "shell")
    assert proposal(hub).state == state
    assert not AuditEntry.objects.filter(action__startswith="device_").exists()


def test_a_device_that_needs_pairing_is_not_ordered(hub: Hub) -> None:
    look(hub, FoundDevice("r", "s2", "h:1", hint="it is paired with a code"))
    with pytest.raises(DeviceStateError, match="paired with a code"):
        decide(hub, "add")


def test_a_foreign_site_or_hub_changes_nothing(hub: Hub) -> None:
    look(hub, METER)
    decide(hub, "add")
    (order,) = take(hub)
    other = factories.hub_of(
        factories.make_hub(site=factories.make_site(organization=factories.make_organization()))
    )
    with pytest.raises(DeviceUnknownError):
        device_decide(site=site_of(other), proposal_id=proposal(hub).pk, act="undo", actor="eve", now=NOW)
    assert not answer(other, order, "joined")
    assert not device_message_store(hub_id=str(hub.pk), message=DeviceResult(0, "x", 0, "joined"), now=NOW)
    look(other, METER)
    assert proposal(hub).state == "accepted"
    assert DeviceProposal.objects.filter(site=other.site).get().state == "proposed"


def test_no_hub_and_old_hubs_are_refused(hub: Hub) -> None:
    look(hub, METER)
    Hub.objects.update(features=[])
    with pytest.raises(HubTooOldError):
        decide(hub, "add")
    with pytest.raises(HubTooOldError):
        devices_look(site=site_of(hub), actor="olga", now=NOW)
    Hub.objects.update(state="revoked")
    with pytest.raises(SiteHasNoHubError):
        decide(hub, "add")
    assert proposal(hub).state == "proposed"


def test_a_look_is_asked_for_once_until_it_was_done(hub: Hub) -> None:
    for _ in range(2):
        devices_look(site=site_of(hub), actor="olga", now=NOW)
    (order,) = take(hub)
    assert (order.action, order.ref) == ("look", "")
    assert take(hub) == []
    assert take(hub, resend=True) == [order]
    look(hub, now=LATER, mqtt="broker h: refused")
    assert take(hub, resend=True) == []
    report = DeviceReport.objects.get()
    assert (report.looked_at, report.flaws) == (LATER, {"mqtt": "broker h: refused"})
    assert AuditEntry.objects.filter(action="devices_look").count() == 1


def test_twin_replaces_the_one_before_and_brings_resources(hub: Hub) -> None:
    state = DeviceState("pv-1", "sunspec", power_kw=float("nan"), soc=0.5)
    found = ResourceDescription("pv", "pv", "PV system", {"peak_kw": 8.0})
    for device in (DeviceState("old", "mqtt"), state):
        message = Devices(0, 0, [device], [found])
        assert device_message_store(hub_id=str(hub.pk), message=message, now=NOW)
    report = devices_of_site(site=site_of(hub)).report
    assert report is not None
    (told,) = report.devices
    assert set(told) == set(DeviceState.__struct_fields__)
    assert (told["key"], told["kind"], told["state"]) == ("pv-1", "sunspec", "running")
    assert (told["power_kw"], told["soc"], told["read_at"]) == (None, 0.5, None)
    assert Resource.objects.get(site=hub.site, key="pv").parameters == {"peak_kw": 8.0}
    odd = Devices(0, 0, [], [ResourceDescription("pv", "pv", "", {"peak_kw": float("inf")})])
    assert not device_message_store(hub_id=str(hub.pk), message=odd, now=NOW)


def test_undecided_proposals_go_with_time_and_number(hub: Hub) -> None:
    joined(hub)
    look(hub, FoundDevice("old", "mqtt", "old"))
    look(hub, FoundDevice("new", "mqtt", "new"), now=NOW + timedelta(days=31))
    assert sorted(DeviceProposal.objects.values_list("state", "ref")) == [
        ("joined", "r1"),
        ("proposed", "new"),
    ]
    for batch in range(3):
        many = [FoundDevice(f"{batch}-{one}", "mqtt", f"{batch}-{one}") for one in range(200)]
        look(hub, *many, now=NOW + timedelta(days=31, hours=batch + 1))
    assert DeviceProposal.objects.filter(state="proposed").count() == KEPT_A_SITE
    assert DeviceProposal.objects.filter(state="joined").count() == 1


def test_a_hub_that_lost_its_devices_is_proposed_them_again(hub: Hub) -> None:
    joined(hub)
    again = FoundDevice(**{name: getattr(METER, name) for name in METER.__struct_fields__} | {"joined": True})
    look(hub, again)
    assert proposal(hub).state == "joined"
    look(hub, METER)
    assert (proposal(hub).state, proposal(hub).key) == ("proposed", "")


def test_the_hub_in_anothers_place_is_told_to_join_what_had_joined(hub: Hub) -> None:
    joined(hub)
    device = factories.make_hub(site=None)
    services.hub_claim(
        site=site_of(hub), code=device.code, actor="olga", machine_now=NOW, now=NOW, replaces=True
    )
    new = factories.hub_of(device)
    assert take(new) == []
    Hub.objects.filter(pk=new.pk).update(features=["devices"])
    (order,) = take(new)
    assert (order.action, order.ref) == ("join", "r1")
    assert answer(new, order, "joined")
    assert proposal(new).state == "joined"


class TestRest:
    @pytest.fixture
    def client_of(self, hub: Hub) -> Client:
        organization = hub.organization
        assert organization is not None
        token = factories.token_of(factories.make_credential(organization=organization, role="aggregator"))
        return Client(headers={"Authorization": f"Bearer {token}"})

    def test_partner_lists_adds_and_looks(self, hub: Hub, client_of: Client) -> None:
        look(hub, METER)
        base = f"/api/v1/sites/{hub.site_id}/devices"
        shown = client_of.get(base).json()
        assert [(one["address"], one["state"]) for one in shown["found"]] == [
            ("192.168.1.9:502/1", "proposed")
        ]
        path = f"{base}/found/{shown['found'][0]['id']}"
        wrong = client_of.post(path, {"act": "shell"}, content_type="application/json")
        assert wrong.status_code == 400
        added = client_of.post(path, {"act": "add"}, content_type="application/json")
        assert (added.status_code, added.json()["state"]) == (200, "accepted")
        twice = client_of.post(path, {"act": "add"}, content_type="application/json")
        assert (twice.status_code, twice.json()["code"]) == (409, "device_state")
        assert client_of.post(f"{base}/look").status_code == 202
        assert [order.action for order in take(hub)] == ["join", "look"]
        assert AuditEntry.objects.get(action="device_add").actor.startswith("client ")

    def test_foreign_site_is_not_found(self, hub: Hub) -> None:
        look(hub, METER)
        credential = factories.make_credential(organization=factories.make_organization(), role="aggregator")
        client = Client(headers={"Authorization": f"Bearer {factories.token_of(credential)}"})
        base = f"/api/v1/sites/{hub.site_id}/devices"
        path = f"{base}/found/{proposal(hub).pk}"
        assert client.get(base).status_code == 404
        assert client.post(f"{base}/look").status_code == 404
        assert client.post(path, {"act": "add"}, content_type="application/json").status_code == 404
        assert proposal(hub).state == "proposed"
