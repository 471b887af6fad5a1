"""What hubs decided is kept once, for a while, and answers why at an instant."""

from datetime import datetime, timedelta

import pytest

from apps.hubs.decisions import KEPT, decisions_at, decisions_between
from apps.hubs.device_reports import device_message_store
from apps.hubs.models import Hub, HubDecision
from apps.sites.models import Site
from tests import factories
from tests.factories import NOW
from vpp.protocols.link.messages import Decision, Decisions

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def hub() -> Hub:
    site = factories.make_site(organization=factories.make_organization(), battery=None)
    return factories.hub_of(factories.make_hub(site=site))


def site_of(hub: Hub) -> Site:
    assert hub.site is not None
    return hub.site


def tell(hub: Hub, *told: tuple[datetime, str, str], now: datetime = NOW) -> bool:
    items = [
        Decision(round(at.timestamp() * 1000), resource, "self_consumption", reason, -1.0, None)
        for at, resource, reason in told
    ]
    return device_message_store(hub_id=str(hub.pk), message=Decisions(0, items), now=now)


def held(hub: Hub, at: datetime) -> list[tuple[str, str]]:
    return [(one.resource, one.reason) for one in decisions_at(site=site_of(hub), at=at)]


def test_of_each_resource_the_newest_until_then_holds(hub: Hub) -> None:
    told = (
        (NOW - 9 * MINUTE, "battery", "a"),
        (NOW - 5 * MINUTE, "battery", "b"),
        (NOW - 7 * MINUTE, "ev", "c"),
    )
    assert tell(hub, *told)
    assert held(hub, NOW) == [("battery", "b"), ("ev", "c")]
    assert held(hub, NOW - 6 * MINUTE) == [("battery", "a"), ("ev", "c")]
    assert held(hub, NOW - 8 * MINUTE) == [("battery", "a")]
    assert held(hub, NOW - 10 * MINUTE) == []
    found = decisions_between(site=site_of(hub), starts_at=NOW - 7 * MINUTE, ends_at=NOW, limit=9)
    assert [one.reason for one in found] == ["b", "c"]


def test_told_twice_is_kept_once(hub: Hub) -> None:
    for _ in range(2):
        assert tell(hub, (NOW, "battery", "a"))
    one = HubDecision.objects.get()
    assert (one.at, one.controller, one.low_kw, one.high_kw) == (NOW, "self_consumption", -1.0, None)


def test_what_is_too_old_or_from_the_future_is_not_kept(hub: Hub) -> None:
    assert tell(hub, (NOW - KEPT - MINUTE, "battery", "a"), (NOW + 6 * MINUTE, "battery", "b"))
    assert HubDecision.objects.count() == 0
    assert tell(hub, (NOW - KEPT + MINUTE, "battery", "c"))
    assert tell(hub, (NOW, "battery", "d"), now=NOW + 2 * MINUTE)
    assert [one.reason for one in HubDecision.objects.all()] == ["d"]


def test_hub_without_a_home_is_not_believed() -> None:
    assert not tell(factories.hub_of(factories.make_hub(site=None)), (NOW, "battery", "a"))
    assert HubDecision.objects.count() == 0


def test_another_homes_decisions_stay_its_own(hub: Hub) -> None:
    tell(hub, (NOW, "battery", "a"))
    other = factories.make_site(organization=factories.make_organization(), battery=None)
    assert decisions_at(site=other, at=NOW) == []
    assert decisions_between(site=other, starts_at=NOW, ends_at=NOW, limit=9) == []
