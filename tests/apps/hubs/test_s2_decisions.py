"""Why, of a home without a hub: what the cloud decided in its stead is kept, and answers for any minute."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from django.test import Client

from apps.common import clock
from apps.hubs.decisions import decisions_at
from apps.hubs.models import HubDecision, Instruction
from apps.hubs.virtual import homes as s2_homes
from apps.sites.models import Resource, Site
from tests import factories
from tests.apps.hubs.conftest import COMMITTED, Link
from tests.apps.hubs.s2_devices import Devices, credential
from tests.apps.hubs.test_s2_endpoint import battery, eventually, hub_of, order, plan, state

pytestmark = COMMITTED
ALONE = ("unmetered", "no meter tells what the home draws")


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Ten cycles a second, and what they decide is kept five times a second; set before the server starts."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(s2_homes, "CYCLE_S", 0.1)
        monkeypatch.setattr(s2_homes, "DECISIONS_S", 0.2)
        yield


@pytest.fixture
def devices(link: Link) -> Iterator[Devices]:
    made = Devices(link.port)
    yield made
    made.close()


@pytest.fixture
def site(link: Link) -> Site:
    return factories.make_site(organization=factories.make_organization(), battery=None)


def kept(site: Site) -> list[tuple[str, str]]:
    """By whom and why, the oldest first."""
    found = HubDecision.objects.filter(site=site, resource="battery").order_by("at")
    return [(one.controller, one.reason) for one in found]


def newest(site: Site) -> tuple[str, str]:
    return (kept(site) or [("", "")])[-1]


def ordered(made: Instruction) -> tuple[str, str]:
    reason = f"instruction {made.instruction_id} revision {made.revision}, interval 0, without a meter"
    return "unmetered", reason


def test_changes_are_kept_with_their_reasons(site: Site, devices: Devices) -> None:
    with devices.connected(battery(), credential(site)):
        eventually(lambda: newest(site) == ALONE)
        made = order(site, schedule=plan(battery=[-3.0]))
        eventually(lambda: newest(site) == ordered(made))
        revoked = order(site)
        eventually(lambda: state(revoked) == ("applied", "revoked"))
        eventually(lambda: newest(site) == ALONE)
    told = kept(site)
    assert all(one != another for one, another in pairwise(told))
    [held] = decisions_at(site=site, at=clock.now())
    assert (held.resource, held.controller, held.low_kw, held.high_kw) == ("battery", "unmetered", 0.0, 0.0)


def test_who_comes_back_and_decides_the_same_tells_nothing_new(site: Site, devices: Devices) -> None:
    made = credential(site)
    with devices.connected(battery(), made):
        eventually(lambda: newest(site) == ALONE)
    eventually(lambda: not hub_of(site).is_connected)
    before = kept(site)
    with devices.connected(battery(), made):
        eventually(lambda: hub_of(site).is_connected)
        another = order(site, schedule=plan(battery=[2.5]))
        eventually(lambda: newest(site) == ordered(another))
    assert kept(site)[: len(before) + 1] == [*before, newest(site)]


def test_the_household_is_told_why(site: Site, devices: Devices, client: Client) -> None:
    with devices.connected(battery(), credential(site)):
        eventually(lambda: newest(site) == ALONE)
    client.force_login(factories.make_owner(site=site))
    said = client.get(f"/sites/{site.pk}/why/").content.decode()
    assert "What was decided for your home" in said and "No meter tells what your home draws" in said


def test_what_is_decided_last_is_kept_when_the_last_one_leaves(
    site: Site, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last test of this server: nothing is kept any more but by leaving.
    monkeypatch.setattr(s2_homes, "DECISIONS_S", 3600.0)
    with devices.connected(battery(), credential(site)):
        eventually(lambda: Resource.objects.filter(site=site).exists())
        made = order(site, schedule=plan(battery=[2.5]))
        eventually(lambda: state(made)[0] == "applied")
    eventually(lambda: newest(site) == ordered(made))
