"""The order book of a session that is open, one of its intervals at a time."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from apps.common.charts import Chart
from apps.console.market_curves import clearing_chart
from apps.markets.inputs import OrderLine
from apps.markets.models import Market, Order
from apps.markets.periods import energy_at, first_open, gate_closes_at, intervals_of
from apps.markets.selectors import orders_of_organization

DEPTH = 12
MICRO = Decimal(1_000_000)


@dataclasses.dataclass(frozen=True)
class Level:
    """The orders of one price in a book."""

    price: Decimal
    kwh: Decimal
    count: int


@dataclasses.dataclass(frozen=True)
class Book:
    """The book of one interval of the session whose gate closes next; `intervals` has all of them."""

    starts_at: datetime
    intervals: list[datetime]
    gate_closes_at: datetime
    bids: list[Level]
    offers: list[Level]
    chart: Chart | None


def book_of(*, market: Market, chosen: str, now: datetime) -> Book:
    """Put a book together; `chosen` names an interval of the session, anything else is its first."""
    intervals = intervals_of(market, first_open(market, now))
    starts_at = next((one for one in intervals if one.isoformat() == chosen), intervals[0])
    held = orders_of_organization(organization=market.organization)
    orders = held.filter(market=market, starts_at__in=intervals, state=Order.State.OPEN)
    energies = [(one, energy_at(market, one, starts_at=starts_at)) for one in orders]
    here = [(one, wh) for one, wh in energies if wh]
    lines = [
        OrderLine(one.pk, one.side, one.price_micro, wh, one.participant_id, 0, 0, 0, 0) for one, wh in here
    ]
    drawn = clearing_chart(lines=lines, cleared=(0, None), currency=market.currency)
    bids, offers = (_levels([line for line in lines if line.side == side]) for side in (1, -1))
    return Book(
        starts_at, intervals, gate_closes_at(market, starts_at), bids[::-1][:DEPTH], offers[:DEPTH], drawn
    )


def _levels(lines: Sequence[OrderLine]) -> list[Level]:
    energy, count = Counter[int](), Counter[int]()
    for one in lines:
        energy[one.price_micro] += one.offered_wh
        count[one.price_micro] += 1
    return [Level(price / MICRO, Decimal(energy[price]) / 1000, count[price]) for price in sorted(energy)]
