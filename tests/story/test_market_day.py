"""A piece of the demo's market day: three homes trade an evening, step by step, on the real link, database and solver."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connections

from apps.accounts.models import ApiClient, Organization
from apps.accounts.services import api_client_create, organization_create
from apps.hubs.models import Instruction
from apps.markets.models import ClearingRun, Delivery, Market, Order, Participant
from apps.sites.models import Site
from apps.sites.services import grid_area_create, site_create
from ores_cloud.demo.client import Api
from ores_cloud.demo.day import LivedDay, first_traded
from ores_cloud.demo.market import open_market, tell
from ores_cloud.supervisor import free_port
from tests.story.homes import Stepped, Street
from tests.story.server import web_door

HOMES = 3
START = datetime(2026, 4, 23, 16, 40, tzinfo=ZoneInfo("Europe/Berlin"))
LENGTH = timedelta(hours=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "hubs"


@pytest.fixture
def organization(transactional_db: None) -> Iterator[Organization]:
    yield organization_create(name="Street", slug="street")
    connections.close_all()


@pytest.fixture
def sites(organization: Organization, folder: Path, settings: Any) -> dict[str, Site]:
    """Homes with claimed hubs and 14 days of measurements."""
    clock = Stepped(START, settings)
    area = grid_area_create(organization=organization, name="Feeder 7")
    with web_door() as address:
        street = Street(count=HOMES, address=address, folder=folder, clock=clock)
        sites = {
            key: site_create(organization=organization, name=key, now=START, grid_area=area)
            for key in street.agents
        }
        made = api_client_create(organization=organization, name="A", role=ApiClient.Role.AGGREGATOR)
        aggregator = Api(address, client_id=made.client_id, client_secret=made.client_secret)
        street.enroll(aggregator, {key: site.pk for key, site in sites.items()})
        street.back_fill()
        for _ in range(2):
            street.minute()
        street.close()
    return sites


def lived(market: Market, sites: dict[str, Site], folder: Path) -> tuple[datetime, datetime]:
    port = free_port(None, first=8900)
    fleet = {"cloud_url": f"http://127.0.0.1:{port}", "data_dir": str(folder), "count": HOMES}
    now = START + timedelta(minutes=2)
    day = LivedDay(fleet=fleet, site_ids=[site.pk for site in sites.values()], port=port, now=now)
    begins = first_traded(now)
    seen: list[datetime] = []
    reached = day.live(until=begins + LENGTH + timedelta(minutes=25), progress=seen.append)
    assert reached == seen[-1] == begins + LENGTH + timedelta(minutes=25)
    return begins, begins + LENGTH


@pytest.mark.django_db(transaction=True)
def test_homes_trade_by_their_forecasts_follow_what_they_sold_and_are_settled_by_their_meters(
    sites: dict[str, Site], folder: Path, settings: Any
) -> None:
    market = open_market(sites=sites, now=START)
    Participant.objects.filter(market=market).update(storage_value_micro=120_000)  # they are willing
    period = lived(market, sites, folder)
    orders = Order.objects.filter(market=market, starts_at__gte=period[0], starts_at__lt=period[1])
    assert orders.values("starts_at").distinct().count() == 8
    assert set(orders.values_list("automatic", flat=True)) == {True}
    told = tell(market=market, day=period)
    assert told.whole.gates == 8
    assert told.whole.intervals == told.settled > 0
    runs = ClearingRun.objects.filter(market=market, starts_at__gte=period[0], starts_at__lt=period[1])
    lines = Delivery.objects.filter(batch__run__in=runs)
    assert {line.status for line in lines} == {Delivery.Status.MEASURED}
    states = set(Instruction.objects.filter(hub__site__in=sites.values()).values_list("state", flat=True))
    assert states <= {"applied", "verified", "superseded", "expired"}
    assert "verified" in states or "applied" in states
