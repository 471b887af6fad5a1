"""Every URL with a stranger's session and with a stranger's credentials: nothing foreign is shown, nothing changes."""

import dataclasses
import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from apps.accounts.models import ApiClient
from apps.dispatch.services import signal_plan
from apps.flexibility.forecasts import forecasts_issue
from apps.hubs.device_reports import device_message_store
from apps.hubs.diagnoses import diagnosis_ask
from apps.hubs.models import DeviceProposal, Diagnosis, Hub, Instruction, Release, S2Credential
from apps.hubs.update_services import campaign_start
from apps.markets.models import Market
from apps.openadr.models import (
    EventObject,
    MessageEntry,
    ProgramObject,
    ReportObject,
    ResourceObject,
    Ven2b,
    VenObject,
)
from apps.programs.models import GridSignal
from apps.programs.services import opt_out_create
from apps.settlement.disputes import dispute_open
from apps.settlement.models import Statement
from apps.settlement.services import signal_settle
from tests import factories
from tests.apps.markets.world import BID, OFFER, make_street
from tests.factories import NOW
from vpp.protocols.link.messages import Devices, DeviceState, Discovered, FoundDevice

pytestmark = pytest.mark.django_db
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
SECRET = "Secretive Street"


@dataclasses.dataclass
class Victim:
    """A tenant with one of everything; `values` fills the URLs' parameters."""

    values: dict[str, Any]
    names: list[str]


def build_victim() -> Victim:
    fleet = factories.make_fleet(homes=2)
    fleet.organization.name = f"{SECRET} Energy"
    fleet.organization.save()
    for index, site in enumerate(fleet.sites):
        site.name = f"{SECRET} {index}"
        site.save()
    owner = factories.make_owner(site=fleet.sites[0])
    factories.make_operator(organization=fleet.organization)
    signal = factories.make_signal(program=fleet.program, target_kw=[4.0] * 4)
    GridSignal.objects.filter(pk=signal.pk).update(name=f"{SECRET} event")
    forecasts_issue(organization=fleet.organization, now=NOW)
    signal_plan(signal_id=signal.pk, reason=f"{SECRET} reason", now=NOW)
    opt_out_create(signal_id=signal.pk, site=fleet.sites[1], user=owner, reason=SECRET, now=NOW)
    factories.add_minutes(
        sites=fleet.sites, starts_at=NOW + timedelta(hours=2), ends_at=NOW + timedelta(hours=3), grid_kw=-1.0
    )
    signal_settle(signal=signal, now=NOW + timedelta(hours=4))
    GridSignal.objects.filter(pk=signal.pk).update(state="active")  # so that opting out could still work
    held: dict[str, Any] = {"organization": fleet.organization, "created_at": NOW, "modified_at": NOW}
    program = ProgramObject.objects.create(
        program=fleet.program, content={"programName": f"{SECRET} program"}, **held
    )
    event = EventObject.objects.create(
        program_object=program, signal=signal, content={"eventName": f"{SECRET} event"}, **held
    )
    report = ReportObject.objects.create(event=event, content={"reportName": f"{SECRET} report"}, **held)
    ven = VenObject.objects.create(name="v", client_key="c", content={"venName": f"{SECRET} ven"}, **held)
    resource = ResourceObject.objects.create(
        ven=ven, name="r", client_key="c", content={"resourceName": f"{SECRET} resource"}, **held
    )
    statement = Statement.objects.filter(site=fleet.sites[0]).first()
    assert statement is not None
    dispute = dispute_open(statement=statement, user=owner, reason=f"{SECRET} reason", now=NOW)
    return Victim(
        values={
            "site_id": fleet.sites[0].pk,
            "organization_id": fleet.organization.pk,
            "signal_id": signal.pk,
            "hub_id": uuid.UUID(fleet.hubs[0].hub_id),
            "program_id": fleet.program.pk,
            "statement_id": statement.pk,
            "dispute_id": dispute.pk,
            "form": "csv",
            "quantity": "load",
            "revision": 1,
            "campaign_id": build_update(fleet),
            "s2_credential_id": build_s2_credential(fleet),
            "proposal_id": build_devices(fleet),
            **build_peers(fleet),
            **build_market(fleet),
            "object_id": [program.pk, event.pk, report.pk, ven.pk, resource.pk],
        },
        names=[SECRET, str(signal.pk), fleet.hubs[0].hub_id, owner.email],
    )


def build_market(fleet: factories.Fleet) -> dict[str, Any]:
    """Add a market whose homes have traded and may still."""
    street = make_street(fleet=fleet, name=f"{SECRET} market", terms=f"{SECRET} terms")
    orders = [street.order(place, side, 200_000, 1000) for place, side in ((0, BID), (1, OFFER))]
    run = street.clear()
    market = Market.objects.get(pk=street.market.pk)
    trade = run.trades.order_by("pk").first()
    assert trade is not None
    return {
        "market_id": market.pk, "run_id": run.pk, "trade_id": trade.pk, "order_id": orders[0].pk,
        "participant_id": street.participants[0].pk,
    }  # fmt: skip


def build_update(fleet: factories.Fleet) -> int:
    """Bring a release to the tenant's hubs, and ask one of them for a check."""
    Release.objects.create(version="1.0.0", length=1, published_at=NOW)
    Hub.objects.update(features=["update", "diagnostics", "devices"])
    campaign = campaign_start(
        organization=fleet.organization, version="1.0.0", actor=f"{SECRET} operator", now=NOW
    )
    campaign.updates.update(reason=f"{SECRET} reason")
    hub = Hub.objects.get(pk=fleet.hubs[0].hub_id)
    Diagnosis.objects.filter(pk=diagnosis_ask(hub=hub, name="disk", actor=SECRET, now=NOW).pk).update(
        answer=f"{SECRET} answer"
    )
    return campaign.pk


def build_s2_credential(fleet: factories.Fleet) -> int:
    """Let a resource manager of the home speak to the cloud."""
    made = S2Credential.objects.create(
        hub_id=fleet.hubs[0].hub_id, name=f"{SECRET} device", digest="d", created_by=SECRET, created_at=NOW
    )
    return made.pk


def build_devices(fleet: factories.Fleet) -> int:
    """Let a hub tell of its devices and of one that it found."""
    hub_id = fleet.hubs[0].hub_id
    found = FoundDevice("r", "mqtt", f"{SECRET} address", name=f"{SECRET} plug")
    device_message_store(
        hub_id=hub_id, message=Discovered(0, 0, [found], {"mqtt": f"{SECRET} flaw"}), now=NOW
    )
    device_message_store(
        hub_id=hub_id, message=Devices(0, 0, [DeviceState("d", "mqtt", f"{SECRET} device")]), now=NOW
    )
    return DeviceProposal.objects.get().pk


def build_peers(fleet: factories.Fleet) -> dict[str, Any]:
    """Add what stands at the other end of the tenant's wires."""
    ven = Ven2b.objects.create(
        organization=fleet.organization, vtn_id="vtn", ven_id="v", name=f"{SECRET} ven", created_at=NOW
    )
    message = MessageEntry.objects.create(
        organization=fleet.organization,
        at=NOW,
        protocol="3.1",
        direction="received",
        peer=SECRET,
        kind="POST /",
    )
    credential = factories.make_credential(organization=fleet.organization, name=f"{SECRET} credential")
    return {"ven_id": ven.pk, "message_id": message.pk, "credential_id": credential.client.pk}


def urls(victim: Victim) -> list[str]:
    """Return every URL of the platform about the victim; django.contrib.admin and allauth by their own names."""
    found: set[str] = set()

    def walk(resolver: URLResolver, namespace: str) -> None:
        for one in resolver.url_patterns:
            if isinstance(one, URLResolver):
                walk(one, ":".join(part for part in (namespace, one.namespace or "") if part))
            elif one.name:
                add(one, namespace)

    def add(one: URLPattern, namespace: str) -> None:
        name = f"{namespace}:{one.name}" if namespace else str(one.name)
        wanted = one.pattern.regex.groupindex
        values = {key: victim.values.get(key, "1") for key in wanted}
        for object_id in (
            values.get("object_id", [None]) if isinstance(values.get("object_id"), list) else [None]
        ):
            arguments = {**values, **({"object_id": object_id} if object_id else {})}
            try:
                found.add(reverse(name, kwargs=arguments))
            except NoReverseMatch:
                continue

    walk(get_resolver(), "")
    return sorted(found)


def everything() -> str:
    """Return the whole content of the domain's tables."""
    models = [
        model
        for label in (
            "accounts",
            "sites",
            "hubs",
            "programs",
            "flexibility",
            "dispatch",
            "settlement",
            "markets",
            "openadr",
        )
        for model in apps.get_app_config(label).get_models()
        if model._meta.managed and model.__name__ != "User"  # a sign-in is noted on the person
    ]
    rows = [row for model in models for row in model._default_manager.order_by("pk")]
    return str(serializers.serialize("json", rows))


BODIES: dict[str, Any] = {
    "code": "22222-22222",
    "name": "mine",
    "site_ids": [1],
    "energy_price": "0.0001",
    "reason": "mine",
    "programName": "x",
    "confirm": "yes",
    "act": "add",
}


def check(client: Client, headers: dict[str, str], victim: Victim, *, form: bool) -> list[str]:
    """Ask for everything in every way; return what was wrong."""
    wrong = []
    for url in urls(victim):
        if "logout" in url or url.endswith("/api/v1/schema"):
            continue
        for method in METHODS:
            sent = BODIES if form else json.dumps(BODIES)
            content_type = "application/json" if not form or method != "POST" else None
            arguments: dict[str, Any] = {"headers": headers}
            if method != "GET":
                arguments["data"] = sent if content_type is None else json.dumps(BODIES)
                if content_type:
                    arguments["content_type"] = content_type
            answer = getattr(client, method.lower())(url, **arguments)
            body = answer.getvalue() if answer.streaming else answer.content
            text = body.decode(errors="replace")
            shown = [name for name in victim.names if name in text and name not in url]
            if answer.status_code >= 500 or shown:
                wrong.append(f"{method} {url}: {answer.status_code} {shown}")
            if method == "GET" and answer.status_code == 200 and is_about(victim, url):
                wrong.append(f"{method} {url}: 200")
    return wrong


def is_about(victim: Victim, url: str) -> bool:
    """Whether the URL names something of the victim's; "1" stands for parameters of other apps."""
    parts = url.strip("/").split("/")
    own = {
        str(value)
        for name, values in victim.values.items()
        for value in (values if isinstance(values, list) else [values])
        if name not in {"statement_id", "dispute_id", "form"}
    }
    return bool(own & set(parts)) and not url.startswith(("/admin", "/account"))


@pytest.fixture
def victim(settings: Any) -> Victim:
    settings.ORES_CLOCK = factories.clock_at(NOW + timedelta(hours=2, minutes=5))
    return build_victim()


def test_walk_finds_every_door(victim: Victim) -> None:
    found = urls(victim)
    for part in (
        "/sites/",
        "/console/",
        "/console/openadr/",
        "/api/v1/signals/",
        "/openadr3/3.1.0/events/",
        "/device/register",
        "/energystorage/control",
        "/hub/",
    ):
        assert any(part in url for url in found), part
    assert sum(is_about(victim, url) for url in found) >= 20


@pytest.mark.parametrize("who", ["nobody", "homeowner", "operator", "viewer"])
def test_strangers_session_sees_and_changes_nothing(victim: Victim, who: str) -> None:
    client = Client(raise_request_exception=False)
    if who != "nobody":
        elsewhere = factories.make_organization()
        site = factories.make_site(organization=elsewhere)
        role = {"homeowner": None, "operator": "operator", "viewer": "viewer"}[who]
        user = (
            factories.make_owner(site=site)
            if role is None
            else factories.make_operator(organization=elsewhere, role=role)
        )
        client.force_login(user)
    before = everything()
    assert check(client, {}, victim, form=True) == []
    assert everything() == before


@pytest.mark.parametrize("role", [role.value for role in ApiClient.Role])
def test_strangers_token_sees_and_changes_nothing(victim: Victim, role: str) -> None:
    organization = factories.make_organization()
    token = factories.token_of(factories.make_credential(organization=organization, role=role))
    client = Client(raise_request_exception=False)
    before = [row for row in json.loads(everything()) if is_theirs(row, organization.pk)]
    assert check(client, {"Authorization": f"Bearer {token}"}, victim, form=False) == []
    after = [row for row in json.loads(everything()) if is_theirs(row, organization.pk)]
    assert after == before
    assert Instruction.objects.count() > 0


def is_theirs(row: dict[str, Any], stranger: int) -> bool:
    """Whether a row is not the stranger's own: a utility may make programs of its own."""
    own = row["fields"].get("organization") == stranger
    return not own and row["model"] not in {"accounts.apiclient"}


def test_token_of_nobody_is_refused_everywhere(victim: Victim) -> None:
    client = Client(raise_request_exception=False)
    before = everything()
    assert check(client, {"Authorization": "Bearer invented"}, victim, form=False) == []
    assert everything() == before
