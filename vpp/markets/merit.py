"""Where demand meets supply: the merit order of one market."""

from dataclasses import dataclass

import numpy as np

from vpp.markets.orders import Bools, Ints, Orders
from vpp.markets.rationing import fill_class_by_class


@dataclass(frozen=True, slots=True)
class Crossing:
    """The most energy [Wh] that can change hands without a loss, and the prices [1e-6 currency/kWh] that carry it.

    `bid_micro` and `offer_micro` are the limits of the last unit bought and sold; every price from `low_micro` to
    `high_micro` clears the market.
    """

    volume_wh: int
    bid_micro: int
    offer_micro: int
    low_micro: int
    high_micro: int

    def price(self, k_permille: int) -> int:
        """Return low + k (high - low), rounded down [1e-6 currency/kWh]."""
        return self.low_micro + (self.high_micro - self.low_micro) * k_permille // 1000


def find_crossing(bids: tuple[Ints, Ints], offers: tuple[Ints, Ints]) -> Crossing | None:
    """Return where bids meet offers, each (price [1e-6 currency/kWh], quantity [Wh]); None where they do not.

    Q is the largest breakpoint of either curve with the marginal bid at or above the marginal offer; the bounds of the
    price are max(marginal offer, next bid) and min(marginal bid, next offer), as in Friedman and Rust (eds.), "The
    Double Auction Market" (1993), ch. 1. A bisection over the sorted bids finds it.
    """
    bid, demand = _sorted_curve(*bids, falling=True)
    offer, supply = _sorted_curve(*offers, falling=False)
    if not len(bid) or not len(offer) or bid[0] < offer[0]:
        return None
    last = _last_bid(bid, demand, offer_curve=(offer, supply))
    affordable = int(np.searchsorted(offer, bid[last], side="right")) - 1
    volume = int(min(demand[last], supply[affordable]))
    seller = int(np.searchsorted(supply, volume, side="left"))
    next_bid = _next(bid, demand, at=(last, volume))
    next_offer = _next(offer, supply, at=(seller, volume))
    marginal_bid, marginal_offer = int(bid[last]), int(offer[seller])
    low = marginal_offer if next_bid is None else max(marginal_offer, next_bid)
    high = marginal_bid if next_offer is None else min(marginal_bid, next_offer)
    return Crossing(volume, marginal_bid, marginal_offer, low, high)


def _sorted_curve(price: Ints, quantity: Ints, *, falling: bool) -> tuple[Ints, Ints]:
    order = np.argsort(-price if falling else price)
    return price[order], np.cumsum(quantity[order])


def _last_bid(bid: Ints, demand: Ints, *, offer_curve: tuple[Ints, Ints]) -> int:
    """Index of the last bid whose first unit finds an offer at or below it."""
    offer, supply = offer_curve
    good, bad = 0, len(bid)
    while bad - good > 1:
        middle = (good + bad) // 2
        unit = int(np.searchsorted(supply, demand[middle - 1], side="right"))
        if unit < len(offer) and offer[unit] <= bid[middle]:
            good = middle
        else:
            bad = middle
    return good


def _next(price: Ints, cumulative: Ints, *, at: tuple[int, int]) -> int | None:
    """Price of the unit after the volume; None past the end of the curve."""
    position, volume = at
    if volume < cumulative[position]:
        return int(price[position])
    return int(price[position + 1]) if position + 1 < len(price) else None


def crossing_of(orders: Orders) -> Crossing | None:
    """Return where the bids of some orders meet their offers; None where they do not."""
    buys = orders.side > 0
    price, quantity = orders.price_micro, orders.quantity_wh
    return find_crossing((price[buys], quantity[buys]), (price[~buys], quantity[~buys]))


def fills_at(orders: Orders, crossing: Crossing) -> Ints:
    """Return fills (N,) [Wh]: better than the margin in full, at the margin by class and pro rata."""
    buys = orders.side > 0
    marginal = np.where(buys, crossing.bid_micro, crossing.offer_micro)
    gap = (orders.price_micro - marginal) * orders.side
    fill = np.where(gap > 0, orders.quantity_wh, 0)
    for one_side in (buys, ~buys):
        _fill_margin(
            orders, fill, at=(gap == 0) & one_side, left=crossing.volume_wh - int(fill[one_side].sum())
        )
    return fill


def _fill_margin(orders: Orders, fill: Ints, *, at: Bools, left: int) -> None:
    members = np.flatnonzero(at)
    fill[members] = fill_class_by_class(left, orders, index=members)
