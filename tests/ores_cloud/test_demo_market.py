"""The demo's market, without the demo: who joins, and that what is told is what was booked."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from apps.markets.clearing import clearing_run
from apps.markets.delivery import deliveries_settle_due
from apps.markets.models import Account, Market, Participant, Trade
from apps.markets.services import Wish, order_place
from apps.sites.models import GridArea, Site
from ores_cloud.demo.market import FUNDS, GATE_CLOSURE_S, INTERVAL_S, lines_of, open_market, tell
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)
DAY = timedelta(days=1)
CLOSED = START - timedelta(seconds=GATE_CLOSURE_S)


@pytest.fixture
def sites() -> dict[str, Site]:
    fleet = factories.make_fleet(homes=3, history=False)
    area = GridArea.objects.create(organization=fleet.organization, name="Feeder 7")
    for site in fleet.sites:
        site.grid_area = area
        site.save(update_fields=["grid_area"])
    return {f"home-{place:02}": site for place, site in enumerate(fleet.sites)}


def traded(sites: dict[str, Site]) -> Market:
    """A kWh at 0.20 in one interval of two that are cleared."""
    market = open_market(sites=sites, now=NOW)
    one, other, _ = market.participants.order_by("pk")
    for who, side, price in ((one, 1, 250_000), (other, -1, 150_000)):
        for place in range(2):
            starts_at = START + place * timedelta(seconds=INTERVAL_S)
            limit = price if place == 0 else price - side * 150_000
            wish = Wish(starts_at, side, limit, 500, f"key {place}")
            order_place(participant=who, wish=wish, actor="test", now=NOW)
    for place in range(2):
        at = timedelta(seconds=place * INTERVAL_S)
        assert clearing_run(market=market, starts_at=START + at, now=CLOSED + at) is not None
    return market


def test_every_home_trades_by_itself_with_terms_and_funds(sites: dict[str, Site]) -> None:
    market = open_market(sites=sites, now=NOW)
    held = Participant.objects.filter(market=market)
    assert [(one.name, one.automatic, one.terms_version) for one in held.order_by("pk")] == [
        (site.name, True, market.terms_version) for site in sites.values()
    ]
    funds = Account.objects.filter(participant__market=market).values_list("balance_nano", flat=True)
    assert list(funds) == [int(FUNDS * 10**9)] * 3
    assert (market.interval_s, market.gate_closure_s) == (INTERVAL_S, GATE_CLOSURE_S)


def said_of(market: Market, sites: dict[str, Site]) -> str:
    told = tell(market=market, day=(START, START + DAY))
    zone = ZoneInfo("Europe/Berlin")
    return "\n".join(lines_of(told, market=market, base="http://here", site=sites["home-00"], zone=zone))


def test_what_is_told_is_what_was_traded(sites: dict[str, Site]) -> None:
    market = traded(sites)
    told = tell(market=market, day=(START, START + DAY))
    whole = told.whole
    assert (whole.gates, whole.intervals, whole.trades, whole.volume_kwh) == (2, 1, 2, Decimal("0.5"))
    assert whole.prices == (Decimal("0.2"), Decimal("0.2"))
    assert [part.trades for part in told.parts] == [2, 0, 0, 0, 0, 0, 0, 0]
    # Bought for 0.20 instead of 0.30, sold for 0.20 instead of 0.08.
    assert (told.saved, told.month, told.imbalances) == (Decimal("0.11"), Decimal("3.3"), Decimal(0))
    assert (told.homes, told.trading, told.settled, told.gained, told.lost) == (3, 2, 0, 2, 0)
    said = said_of(market, sites)
    for part in (
        "2 gates closed, 1 of them with trades",
        "2 of the homes saved by trading, 0 lost",
        "2 trades    0.50 kWh  0.200 to 0.200 EUR per kWh",
        "0.11 EUR by all homes on this day",
        "a month of 30 such days would be 3.30 EUR",
    ):
        assert part in said, part
    assert f"http://here/console/{market.organization_id}/markets/{market.pk}/" in said


def test_what_was_traded_for_another_day_is_not_told(sites: dict[str, Site]) -> None:
    market = traded(sites)
    told = tell(market=market, day=(START - DAY, START))
    assert (told.whole.gates, told.whole.trades, told.saved, told.trading) == (0, 0, Decimal(0), 0)


def test_a_market_without_trades_says_so(sites: dict[str, Site]) -> None:
    market = open_market(sites=sites, now=NOW)
    said = said_of(market, sites)
    assert "together 0 trades, 0.0 kWh, by 0 of 3 homes" in said
    assert "0.00 EUR by all homes" in said
    assert Trade.objects.count() == 0


def test_deliveries_are_counted_once_they_are_settled(sites: dict[str, Site]) -> None:
    market = traded(sites)
    deliveries_settle_due(now=START + timedelta(days=3))  # without meters nothing is charged
    told = tell(market=market, day=(START, START + DAY))
    assert (told.settled, told.without_meters, told.imbalances) == (1, 2, Decimal(0))
