"""What a market's mechanism asks of orders beyond its bounds; known without loading the mechanisms."""

from typing import Final

from apps.markets.models import Market

ONE_ORDER: Final = ("huang", "mcafee")
LOTS: Final = ("mcafee",)
NETWORK: Final = "network"
DC_NETWORK: Final = "dc_network"
LOSSES: Final = "losses"
NETWORKS: Final = (NETWORK, DC_NETWORK, LOSSES)
RESERVE: Final = "reserve"
BLOCKS: Final = "blocks"
EQUITY: Final = "low_income_first"
PEER_TO_PEER: Final = "peer_to_peer"
LIFELINES: Final = ("uniform_price", EQUITY)


def takes_one_order(market: Market) -> bool:
    """Whether a participant has at most one order in an interval."""
    return market.mechanism in ONE_ORDER


def is_network(market: Market) -> bool:
    """Whether the market is cleared on its feeder, by its limits or losses, with a price for each grid area."""
    return market.mechanism in NETWORKS


def lot_wh(market: Market) -> int | None:
    """Return the quantity that every order has, where the mechanism knows only one: the market's greatest."""
    return market.most_order_wh if market.mechanism in LOTS else None
