"""Cleared prices told by OpenADR: one PRICE event an interval, withdrawn with its run."""

from typing import Any

import pytest

from apps.markets.clearing import run_cancel
from apps.markets.operators import market_set
from apps.markets.selectors import prices_cleared
from apps.openadr.market_prices import market_prices_publish
from tests import factories
from tests.apps.markets.test_network_market import two_branches
from tests.apps.markets.world import BID, CLOSED, END, OFFER, START, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def told(street: Street) -> list[dict[str, Any]]:
    """Return the events as a utility's client sees them."""
    found: list[dict[str, Any]] = (
        factories.make_utility(organization=street.fleet.organization).get("/events").json()
    )
    return found


def cleared() -> Street:
    street = make_street(homes=2)
    street.order(0, BID, 200_000, 1000)
    street.order(1, OFFER, 200_000, 1500)
    street.clear()
    return street


def tell(street: Street) -> None:
    changes = {"price_program": street.fleet.program}
    market_set(market=street.market, changes=changes, actor="test", now=NOW)


def test_price_is_told_once_and_withdrawn_with_its_run(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(CLOSED)
    street = cleared()
    tell(street)
    assert [market_prices_publish(now=CLOSED), market_prices_publish(now=CLOSED)] == [1, 0]
    (event,) = told(street)
    assert event["intervals"] == [{"id": 0, "payloads": [{"type": "PRICE", "values": [0.2]}]}]
    assert event["intervalPeriod"] == {"start": "2026-06-17T15:00:00Z", "duration": "PT15M"}
    run_cancel(run=street.market.runs.get(), reason="test", actor="test", now=CLOSED)
    assert [market_prices_publish(now=CLOSED), market_prices_publish(now=CLOSED)] == [1, 0]
    assert told(street) == []


def test_nothing_is_told_without_a_program_or_after_the_interval() -> None:
    street = cleared()
    assert market_prices_publish(now=CLOSED) == 0
    tell(street)
    assert market_prices_publish(now=END) == 0
    assert told(street) == []


def test_prices_that_a_feeder_parts_are_told_by_grid_area(settings: Any) -> None:
    """Branch A has the street's price, 0.30, branch B 0.10: one event for all, and one for B that goes before it."""
    settings.ORES_CLOCK = factories.clock_at(CLOSED)
    street = two_branches()
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 2000)
    run = street.clear()
    tell(street)
    assert [market_prices_publish(now=CLOSED), market_prices_publish(now=CLOSED)] == [1, 0]
    said = [
        (event["intervals"][0]["payloads"][0]["values"], event.get("targets"), event["priority"])
        for event in told(street)
    ]
    assert sorted(said) == [([0.1], ["branch B"], 98), ([0.3], None, 99)]
    areas = [site.grid_area_id for site in street.fleet.sites]
    prices = [
        [one.price_micro for one in prices_cleared(market=street.market, starts_at=START, ends_at=END, area_id=area)]
        for area in (*areas, None)
    ]  # fmt: skip
    assert prices == [[300_000], [100_000], []]
    run_cancel(run=run, reason="test", actor="test", now=CLOSED)
    assert [market_prices_publish(now=CLOSED), market_prices_publish(now=CLOSED)] == [1, 0]
    assert told(street) == []
