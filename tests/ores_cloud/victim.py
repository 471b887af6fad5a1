"""A tenant with one of everything, for tests of whoever should see and change none of it."""

import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from apps.accounts.models import Membership, User
from apps.alerts.models import Incident
from apps.alerts.webhooks import webhook_create
from apps.assistants.models import AssistantLink, ThingReport
from apps.common.models import Job
from apps.dispatch.services import signal_plan
from apps.flexibility.forecasts import forecasts_issue
from apps.hubs.device_reports import device_message_store
from apps.hubs.diagnoses import diagnosis_ask
from apps.hubs.models import DeviceProposal, Diagnosis, Hub, Release, S2Credential
from apps.hubs.update_services import campaign_start
from apps.markets.models import Contract, Market
from apps.openadr.models import (
    EventObject,
    MessageEntry,
    ProgramObject,
    ReportObject,
    ResourceObject,
    Ven2b,
    VenObject,
)
from apps.openadr.ven2b.connections import connection_create as connection_2b_create
from apps.openadr.ven3.connections import connection_create
from apps.privacy.exports import export_ask
from apps.privacy.models import DataExport
from apps.programs.models import GridSignal, OptOutPeriod
from apps.programs.services import opt_out_create
from apps.settlement.disputes import dispute_open
from apps.settlement.models import Payout, SettlementRun, Statement
from apps.settlement.services import signal_settle
from apps.sites.consents import consent_set
from apps.sites.models import ImportRow, Invitation, Site, SiteImport, SiteMember
from apps.sites.preferences import Said, preferences_set
from apps.sites.services import grid_area_create
from tests import factories
from tests.apps.markets.world import BID, OFFER, make_street
from tests.factories import NOW
from tests.oauth_apps import make_app
from vpp.protocols.link.messages import Devices, DeviceState, Discovered, FoundDevice

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
    statement = Statement.objects.filter(site=fleet.sites[0]).first()
    assert statement is not None
    dispute = dispute_open(statement=statement, user=owner, reason=f"{SECRET} reason", now=NOW)
    build_assistant(fleet, owner)
    return Victim(
        values={
            "site_id": fleet.sites[0].pk,
            "organization_id": fleet.organization.pk,
            "signal_id": signal.pk,
            "hub_id": uuid.UUID(fleet.hubs[0].hub_id),
            "program_id": fleet.program.pk,
            **build_api(fleet),
            "statement_id": statement.pk,
            "dispute_id": dispute.pk,
            "form": "csv",
            "quantity": "load",
            "revision": 1,
            "token": "invented",
            "purpose": "dispatch",
            **build_people(fleet.sites[0], owner),
            "campaign_id": build_update(fleet),
            "s2_credential_id": build_s2_credential(fleet),
            "proposal_id": build_devices(fleet),
            **build_peers(fleet),
            **build_alerts(fleet),
            **build_payout(fleet, statement),
            **build_market(fleet),
            **build_wire_objects(fleet, signal),
        },
        names=[SECRET, str(signal.pk), fleet.hubs[0].hub_id, owner.email],
    )


def build_assistant(fleet: factories.Fleet, owner: User) -> None:
    """Link an assistant that is told of changes."""
    client = make_app(organization=fleet.organization).client
    link = AssistantLink.objects.create(
        maker="alexa", user=owner, client=client, linked_at=NOW, shapes={"home": SECRET},
        access_token_encrypted="not-for-your-eyes", refresh_token_encrypted="not-for-your-eyes",
    )  # fmt: skip
    ThingReport.objects.create(
        link=link, site=fleet.sites[0], key=f"home-{fleet.sites[0].pk}", told={"mode": SECRET}
    )


def build_wire_objects(fleet: factories.Fleet, signal: GridSignal) -> dict[str, Any]:
    """Add one of each of OpenADR's objects."""
    held: dict[str, Any] = {"organization": fleet.organization, "created_at": NOW, "modified_at": NOW}
    program = ProgramObject.objects.create(
        program=fleet.program, content={"programName": f"{SECRET} program"}, **held
    )
    event = EventObject.objects.create(
        program_object=program,
        signal=signal,
        content={"programID": program.pk, "eventName": f"{SECRET} event", "intervals": []},
        **held,
    )
    report = ReportObject.objects.create(event=event, content={"reportName": f"{SECRET} report"}, **held)
    ven = VenObject.objects.create(name="v", client_key="c", content={"venName": f"{SECRET} ven"}, **held)
    resource = ResourceObject.objects.create(
        ven=ven, name="r", client_key="c", content={"resourceName": f"{SECRET} resource"}, **held
    )
    return {
        "object_id": [program.pk, event.pk, report.pk, ven.pk, resource.pk], "ven_object_id": ven.pk,
        "event_object_id": event.pk,
    }  # fmt: skip


def build_people(site: Site, owner: User) -> dict[str, Any]:
    """Invite somebody, set a preference, say a consent, ask for a copy and for the end."""
    invitation = Invitation.objects.create(
        site=site, email="secret-guest@example.org", role="viewer", invited_by=owner.email, created_at=NOW,
        expires_at=datetime(2100, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    preferences_set(
        site=site, changes={"reserve_soc": 0.2}, said=Said(owner.email, "portal", {"reserve_soc": 1}), now=NOW
    )
    consent_set(site=site, purpose="research", version=1, given=True, by=owner.email, now=NOW)
    export = export_ask(site=site, user=owner, now=NOW)
    DataExport.objects.filter(pk=export.pk).update(
        state="done", content=SECRET.encode(), expires_at=datetime(2100, 1, 1, tzinfo=UTC)
    )
    member = SiteMember.objects.get(site=site, user=owner)
    return {"invitation_id": invitation.pk, "member_id": member.pk, "export_id": export.pk}


def build_api(fleet: factories.Fleet) -> dict[str, Any]:
    """Add what only the REST API has: long work, an import, a grid area."""
    job = Job.objects.create(organization=fleet.organization, kind="import", asked_by=SECRET, created_at=NOW)
    held = SiteImport.objects.create(
        organization=fleet.organization,
        name=f"{SECRET} file",
        asked_by=SECRET,
        created_at=NOW,
        state="checked",
    )
    ImportRow.objects.create(site_import=held, number=1, kind="site", ref=SECRET, content={"name": SECRET})
    run = SettlementRun.objects.filter(signal__organization=fleet.organization).order_by("pk").first()
    area = grid_area_create(organization=fleet.organization, name=f"{SECRET} feeder")
    return {
        "job_id": job.pk, "import_id": held.pk, "settlement_id": run.pk if run else 0, "area_id": area.pk,
        "resource_id": fleet.sites[0].resources.values_list("pk", flat=True).first(),
    }  # fmt: skip


def build_market(fleet: factories.Fleet) -> dict[str, Any]:
    """Add a market whose homes have traded and may still."""
    street = make_street(fleet=fleet, name=f"{SECRET} market", terms=f"{SECRET} terms")
    orders = [street.order(place, side, 200_000, 1000) for place, side in ((0, BID), (1, OFFER))]
    run = street.clear()
    market = Market.objects.get(pk=street.market.pk)
    trade = run.trades.order_by("pk").first()
    assert trade is not None
    contract = Contract.objects.create(
        market=market, buyer=street.participants[0], seller=street.participants[1], price_micro=1, energy_wh=1,
        proposed_by=street.participants[0], created_at=NOW, starts_at=NOW, ends_at=datetime(2100, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return {
        "market_id": market.pk, "run_id": run.pk, "trade_id": trade.pk, "order_id": orders[0].pk,
        "participant_id": street.participants[0].pk, "contract_id": contract.pk,
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
    held: dict[str, Any] = {"program": fleet.program, "name": f"{SECRET} link", "now": NOW}
    upstream = connection_create(
        organization=fleet.organization, url="https://vtn.example/3", token_auth="none", **held
    )
    older = connection_2b_create(url="https://vtn.example/2b", **held)
    return {
        "ven_id": ven.pk, "message_id": message.pk, "credential_id": credential.client.pk,
        "vtn_connection_id": upstream.pk, "vtn_connection_2b_id": older.pk,
    }  # fmt: skip


def build_alerts(fleet: factories.Fleet) -> dict[str, Any]:
    """Let something be wrong, and a partner hear of it."""
    incident = Incident.objects.create(
        organization=fleet.organization, kind="hub_offline", key="hub:x", severity="warning", opened_at=NOW,
        changed_at=NOW, title=f"{SECRET} hub is offline", site=fleet.sites[0],
    )  # fmt: skip
    made = webhook_create(
        organization=fleet.organization, url="https://93.184.215.14/hook", kinds=["incident.opened"],
        description=f"{SECRET} webhook", actor=SECRET, now=NOW,
    )  # fmt: skip
    return {"incident_id": incident.pk, "webhook_id": made.webhook.pk, "kind": "hub_offline"}


def build_payout(fleet: factories.Fleet, statement: Statement) -> dict[str, Any]:
    """Pay a home, and let it be out for a time."""
    payout = Payout.objects.create(
        site=statement.site, paid_at=NOW, amount=1, currency="EUR", reference=f"{SECRET} payment", recorded_by=SECRET,
        recorded_at=NOW,
    )  # fmt: skip
    period = OptOutPeriod.objects.create(
        site=fleet.sites[0], starts_at=NOW + timedelta(days=30), ends_at=NOW + timedelta(days=31),
        reason=f"{SECRET} holidays", created_at=NOW,
    )  # fmt: skip
    membership = Membership.objects.filter(organization=fleet.organization).order_by("pk").first()
    assert membership is not None
    return {"payout_id": payout.pk, "period_id": period.pk, "membership_id": membership.pk}
