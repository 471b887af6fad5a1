"""New hardware in the place of old: history and orders stay with the home, the old hub is shut out."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import AuditEntry
from apps.hubs import services
from apps.hubs.errors import ClaimCodeWrongError, HubRevokedError
from apps.hubs.instructions import Order, instructions_queue, instructions_take
from apps.hubs.models import Hub, Instruction
from apps.sites.models import Site
from tests import factories
from tests.factories import NOW, HubDevice
from vpp.protocols.link.messages import CapacityLimits, Droop, Schedule

pytestmark = pytest.mark.django_db
MACHINE_NOW = datetime.now(UTC)
DROOP = Droop(nominal_hz=50.0, dead_band_hz=0.1, slope_kw_per_hz=10.0, most_kw=3.0, recovery_kw_per_s=0.05)


@pytest.fixture
def site() -> Site:
    return factories.make_site(organization=factories.make_organization())


@pytest.fixture
def first() -> HubDevice:
    return waiting()


@pytest.fixture
def old(site: Site, first: HubDevice) -> Hub:
    return claim(site, first.code)


def waiting() -> HubDevice:
    """A hub that shows its claim code."""
    device = factories.make_device()
    registration = services.Registration(**device.registration())
    device.hub_id = str(services.hub_register(registration=registration, now=MACHINE_NOW)[0].pk)
    return device


def claim(site: Site, code: str, *, replaces: bool = False) -> Hub:
    return services.hub_claim(
        site=site, code=code, actor="owner", machine_now=MACHINE_NOW, now=NOW, replaces=replaces
    )


def order(hub: Hub, subject: str, **content: object) -> Order:
    return Order(
        hub_id=hub.pk, subject=subject, schedule=content.get("schedule"), not_before=NOW,  # type: ignore[arg-type]
        expires_at=NOW + timedelta(hours=2), reason="an event", priority=7,
        droop=content.get("droop"), limits=content.get("limits"),  # type: ignore[arg-type]
    )  # fmt: skip


def test_orders_that_hold_go_to_the_new_hub_and_the_old_one_is_shut_out(
    site: Site, first: HubDevice, old: Hub
) -> None:
    schedule = Schedule(0, 900, [1.0, 2.0])
    orders = [
        order(old, "signal:1", schedule=schedule),
        order(old, "droop", droop=DROOP),
        order(old, "limits", limits=CapacityLimits(0, 900, import_kw=[3.0])),
        order(old, "signal:2"),  # a revocation: nothing to go on with
    ]
    instructions_queue(orders=orders, now=NOW)
    device = waiting()
    new = claim(site, device.code, replaces=True)
    old.refresh_from_db()
    assert (new.site, new.state, old.site, old.state) == (site, "active", site, "revoked")
    assert set(Instruction.objects.filter(hub=old).values_list("state", "state_reason")) == {
        ("expired", "the hub was replaced")
    }
    taken = [message for _, message in instructions_take(hub_ids=[str(new.pk)], now=NOW)]
    # A new hub has not said yet that it knows limits.
    assert [(one.schedule, one.droop, one.priority, one.reason) for one in taken] == [
        (schedule, None, 7, "an event"),
        (None, DROOP, 7, "an event"),
    ]
    rejected = Instruction.objects.get(hub=new, state="rejected")
    assert rejected.state_reason == "the hub's agent is too old for limits"
    assert AuditEntry.objects.filter(action="hub_replace", subject=f"hub {new.pk}").count() == 1
    with pytest.raises(HubRevokedError):
        first.token()


def test_without_a_word_nothing_is_replaced(site: Site, old: Hub) -> None:
    device = waiting()
    api = factories.make_aggregator(organization=site.organization)
    refused = api.post(f"/sites/{site.pk}/hub", {"code": device.code})
    assert (refused.status_code, refused.json()["code"]) == (409, "site_has_hub")
    old.refresh_from_db()
    assert old.state == "active"
    done = api.post(f"/sites/{site.pk}/hub", {"code": device.code, "replace": True})
    assert done.status_code == 201
    old.refresh_from_db()
    assert old.state == "revoked"


def test_wrong_code_leaves_the_old_hub_in_its_place(site: Site, old: Hub) -> None:
    with pytest.raises(ClaimCodeWrongError):
        claim(site, "22222-22222", replaces=True)
    old.refresh_from_db()
    assert old.state == "active"
