"""Cleared prices told by OpenADR: one PRICE event an interval, withdrawn with its run."""

from typing import Any

import pytest

from apps.markets.clearing import run_cancel
from apps.markets.operators import market_set
from apps.openadr.market_prices import market_prices_publish
from tests import factories
from tests.apps.markets.world import BID, CLOSED, END, OFFER, Street, make_street
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
