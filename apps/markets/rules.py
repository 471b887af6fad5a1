"""What a market's mechanism asks of orders beyond its bounds; known without loading the mechanisms."""

from typing import Final

from apps.markets.models import Market

ONE_ORDER: Final = ("huang", "mcafee")
LOTS: Final = ("mcafee",)


def takes_one_order(market: Market) -> bool:
    """Whether a participant has at most one order in an interval."""
    return market.mechanism in ONE_ORDER


def lot_wh(market: Market) -> int | None:
    """Return the quantity that every order has, where the mechanism knows only one: the market's greatest."""
    return market.most_order_wh if market.mechanism in LOTS else None
