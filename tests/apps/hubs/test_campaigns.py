"""An update's way through the rings, what stops it, and what hubs are told."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from apps.accounts.models import AuditEntry, Organization
from apps.hubs import update_services as updates
from apps.hubs.errors import CampaignError, HubUnknownError, ReleaseUnknownError
from apps.hubs.models import Campaign, Hub, HubUpdate, Release
from apps.hubs.rings import ring_of
from tests import factories
from tests.factories import NOW
from vpp.protocols.link.update import UpdateAnswer, UpdateReport

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def organization() -> Organization:
    Release.objects.create(version="1.0.0", hardware=["generic"], length=1, published_at=NOW)
    return factories.make_organization()


def add_hub(organization: Organization, ring: int, *, features: list[str] | None = None) -> str:
    """A claimed hub whose place among all hubs is in this ring."""
    while ring_of(str(chosen := uuid.uuid4()), is_test_hub=False) != ring:
        pass
    Hub.objects.create(
        id=chosen,
        organization=organization,
        site=factories.make_site(organization=organization),
        state="active",
        public_key=chosen.bytes * 2,
        agent_version="0.1.0",
        features=["update"] if features is None else features,
        created_at=NOW,
    )
    return str(chosen)


def start(organization: Organization, **wish: Any) -> Campaign:
    return updates.campaign_start(
        organization=organization, version="1.0.0", actor="olga@example.org", now=NOW, **wish
    )


def says(hub_id: str, report: UpdateReport, *, at: datetime = NOW) -> UpdateAnswer:
    return updates.update_report(hub_id=hub_id, report=report, now=at)


def rows(campaign: Campaign) -> dict[str, str]:
    return {str(hub): state for hub, state in campaign.updates.values_list("hub_id", "state")}


HEALTHY = UpdateReport("1.0.0", phase="confirmed", slot="a")
FAILED = UpdateReport("0.1.0", phase="rolled_back", failed_version="1.0.0", reason="the agent ended with 3")


def test_a_ring_opens_when_the_one_before_is_healthy(organization: Organization) -> None:
    first, second, third = (add_hub(organization, ring) for ring in range(3))
    old = add_hub(organization, 0, features=["limits"])
    campaign = start(organization)
    assert rows(campaign) == {first: "waiting"}
    assert says(second, UpdateReport("0.1.0")).wanted == ""
    assert says(first, UpdateReport("0.1.0")) == UpdateAnswer(wanted="1.0.0", poll_s=300.0)
    assert updates.campaigns_advance(now=NOW + 2 * HOUR) == []
    for phase, state in (("downloaded", "downloaded"), ("trial", "trial")):
        says(first, UpdateReport("0.1.0", phase=phase, candidate_version="1.0.0"))  # type: ignore[arg-type]
        assert rows(campaign)[first] == state
    assert says(first, HEALTHY).wanted == ""
    assert updates.campaigns_advance(now=NOW + HOUR / 2) == []  # it has to soak
    (moved,) = updates.campaigns_advance(now=NOW + HOUR)
    assert (moved.ring, moved.state, moved.state_reason) == (1, "running", "1 of 1 hubs are healthy")
    assert rows(campaign) == {first: "healthy", second: "waiting"}
    says(second, HEALTHY)
    updates.campaigns_advance(now=NOW + 2 * HOUR)
    assert says(third, UpdateReport("0.1.0")).wanted == "1.0.0"
    says(third, HEALTHY)
    (done,) = updates.campaigns_advance(now=NOW + 2 * HOUR)
    assert (done.state, done.ended_at) == ("done", NOW + 2 * HOUR)
    assert old not in rows(campaign)
    assert Hub.objects.get(pk=third).agent_version == "1.0.0"


def test_test_hubs_belong_to_the_first_ring(organization: Organization) -> None:
    pinned, other = add_hub(organization, 2), add_hub(organization, 2)
    campaign = start(organization, test_hubs=[uuid.UUID(pinned)])
    assert rows(campaign) == {pinned: "waiting"}
    assert other not in rows(campaign)
    foreign = add_hub(factories.make_organization(), 0)
    updates.campaign_stop(campaign=campaign, actor="o", reason="again", now=NOW)
    with pytest.raises(HubUnknownError):
        start(organization, test_hubs=[uuid.UUID(foreign)])
    assert Campaign.objects.count() == 1


def test_failures_stop_it_by_itself_and_nobody_is_offered_it_any_more(organization: Organization) -> None:
    hubs = [add_hub(organization, 0) for _ in range(5)]
    campaign = start(organization)
    says(hubs[0], HEALTHY)
    for hub in hubs[1:4]:
        assert says(hub, FAILED).wanted == ""
    (stopped,) = updates.campaigns_advance(now=NOW + HOUR)
    assert (stopped.state, stopped.state_reason) == ("stopped", "3 of 4 hubs failed, more than 5 %")
    assert says(hubs[4], UpdateReport("0.1.0")).wanted == ""
    assert rows(campaign)[hubs[4]] == "waiting"
    assert campaign.updates.get(hub_id=hubs[1]).reason == "the agent ended with 3"
    entry = AuditEntry.objects.get(action="campaign_stop")
    assert entry.detail == {"reason": "ring 1 %: 3 of 4 hubs failed, more than 5 %"}
    with pytest.raises(CampaignError):
        updates.campaign_resume(campaign=campaign, actor="o", reason="again", now=NOW)


def test_paused_by_an_operator_it_offers_nothing_until_resumed(organization: Organization) -> None:
    hub = add_hub(organization, 0)
    campaign = start(organization)
    with pytest.raises(CampaignError, match="say why"):
        updates.campaign_pause(campaign=campaign, actor="o", reason="  ", now=NOW)
    updates.campaign_pause(campaign=campaign, actor="olga", reason="a storm is coming", now=NOW)
    assert says(hub, UpdateReport("0.1.0")).wanted == ""
    says(hub, HEALTHY)
    assert rows(campaign) == {hub: "healthy"}  # what happens is noted all the same
    assert updates.campaigns_advance(now=NOW + 2 * HOUR) == []
    updates.campaign_resume(campaign=campaign, actor="olga", reason="it is over", now=NOW + 2 * HOUR)
    assert updates.campaigns_advance(now=NOW + 2.5 * HOUR) == []  # and it soaks again
    assert [one.ring for one in updates.campaigns_advance(now=NOW + 3 * HOUR)] == [1]
    told = (
        AuditEntry.objects.filter(subject=f"campaign {campaign.pk}")
        .order_by("pk")
        .values_list("action", "actor")
    )
    assert list(told) == [
        ("campaign_start", "olga@example.org"),
        ("campaign_paused", "olga"),
        ("campaign_running", "olga"),
        ("campaign_advance", "the platform"),
    ]


def test_one_campaign_at_a_time_and_only_to_what_is_published(organization: Organization) -> None:
    with pytest.raises(ReleaseUnknownError):
        updates.campaign_start(organization=organization, version="9.9.9", actor="o", now=NOW)
    start(organization)
    with pytest.raises(CampaignError):
        start(organization)
    start(factories.make_organization())
    assert Campaign.objects.count() == 2


def test_a_withdrawn_release_is_offered_to_nobody(organization: Organization) -> None:
    hub = add_hub(organization, 0)
    start(organization)
    assert says(hub, UpdateReport("0.1.0")).wanted == "1.0.0"
    updates.releases_sync(published={}, now=NOW)
    assert says(hub, UpdateReport("0.1.0")).wanted == ""


def test_what_hinders_a_download_is_shown_and_not_a_failure(organization: Organization) -> None:
    hub = add_hub(organization, 0)
    campaign = start(organization)
    says(hub, UpdateReport("0.1.0", problem="ExpiredMetadataError"))
    held = HubUpdate.objects.get(campaign=campaign)
    assert (held.state, held.reason) == ("offered", "ExpiredMetadataError")


def test_a_hub_of_no_campaign_may_ask_and_is_told_to_ask_seldom(organization: Organization) -> None:
    assert says(add_hub(organization, 0), UpdateReport("0.1.0")) == UpdateAnswer(poll_s=3600.0)
