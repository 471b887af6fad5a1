"""A street with a market: homes of one grid area, each a participant with funds and accepted terms."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from apps.hubs.models import Instruction
from apps.markets.books import deposit
from apps.markets.clearing import clearing_run
from apps.markets.models import (
    Account,
    ClearingRun,
    Cut,
    LogEntry,
    LogLeaf,
    Market,
    Order,
    Participant,
    Posting,
    RunContent,
    Trade,
    Transfer,
)
from apps.markets.operators import market_create
from apps.markets.participation import participant_join, terms_accept
from apps.markets.services import Wish, order_place
from apps.sites.models import GridArea, Site
from tests import factories
from tests.factories import NOW

# The market's interval under test begins an hour from now; its gate closes a quarter of an hour before.
START = NOW + timedelta(hours=1)
CLOSED = START - timedelta(minutes=15)
END = START + timedelta(minutes=15)
BID, OFFER = 1, -1
WRITTEN: Any = (
    ClearingRun,
    RunContent,
    Trade,
    Cut,
    Transfer,
    Posting,
    LogEntry,
    LogLeaf,
    Instruction,
    Account,
)
_keys = itertools.count(1)


@dataclasses.dataclass
class Street:
    """A tenant's homes and their market."""

    fleet: factories.Fleet
    area: GridArea
    market: Market
    participants: list[Participant]

    def order(self, place: int, side: int, price: int, quantity: int, **more: Any) -> Order:
        """Place an order of one of the homes."""
        return order_place(
            participant=self.participants[place],
            wish=wish(side, price, quantity, **more),
            actor="test",
            now=NOW,
        )

    def clear(self, *, now: datetime = CLOSED) -> ClearingRun:
        """Clear the interval."""
        run = clearing_run(market=self.market, starts_at=START, now=now)
        assert run is not None
        return run


def wish(side: int, price: float, quantity: float, **more: Any) -> Wish:
    """Return an order for the interval under test; price in millionths per kWh, quantity in Wh."""
    held: Mapping[str, Any] = {"starts_at": START, "idempotency_key": f"key {next(_keys)}", **more}
    return Wish(side=side, price_micro=price, quantity_wh=quantity, **held)


def make_market(
    *, organization: Any, area: GridArea, now: datetime = NOW, name: str = "", **rules: Any
) -> Market:
    """Define a market."""
    return market_create(
        organization=organization, grid_area=area, name=name or f"Market {factories.number()}", actor="test",
        now=now - timedelta(days=30), **rules,
    )  # fmt: skip


def join(market: Market, sites: Sequence[Site], *, funds: str = "10", **more: Any) -> Participant:
    """Let a home take part, with accepted terms and funds."""
    held = {"kind": "prosumer", "name": f"Home {factories.number()}", **more}
    one = participant_join(market=market, sites=sites, actor="test", now=NOW, **held)
    one = terms_accept(participant=one, version=market.terms_version, actor="test", now=NOW)
    if Decimal(funds):
        deposit(participant=one, amount=Decimal(funds), actor="test", now=NOW)
    return one


def make_street(
    *,
    homes: int = 3,
    history: bool = False,
    funds: str = "10",
    fleet: factories.Fleet | None = None,
    **rules: Any,
) -> Street:
    """Make a street whose homes all take part."""
    fleet = fleet or factories.make_fleet(homes=homes, history=history)
    area = GridArea.objects.create(organization=fleet.organization, name="street")
    for site in fleet.sites:
        site.grid_area = area
        site.save(update_fields=["grid_area"])
    market = make_market(organization=fleet.organization, area=area, **rules)
    return Street(fleet, area, market, [join(market, [site], funds=funds) for site in fleet.sites])


def written() -> list[list[Any]]:
    """Return all that a clearing writes."""
    return [list(model.objects.order_by("pk").values()) for model in WRITTEN]
