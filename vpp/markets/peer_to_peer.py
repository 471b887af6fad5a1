"""Peer-to-peer trade with preferences: contracts, then green neighbors, neighbors, green, anyone.

Bilateral trade with product differentiation, as in E. Sorin, L. Bobo and P. Pinson, "Consensus-based approach to
peer-to-peer electricity markets with product differentiation", IEEE Trans. Power Systems 34/2 (2019) 994, with
preferences that order partners strictly, as the preferred partners and energy attributes of gsy-framework do,
instead of adding to the price. In each round the best bid chooses first and takes the cheapest offer
that suits it; a trade's price is between offer and bid at k (the k-double auction of two, Chatterjee and Samuelson,
Operations Research 31 (1983) 835).
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from vpp.markets.continuous_book import clearing_of_trades
from vpp.markets.contracts import Contract, carry_out
from vpp.markets.orders import PREFER_GREEN, PREFER_NEIGHBOR, Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.result import Clearing, Trades
from vpp.markets.standing import best_first
from vpp.markets.uniform_price import check_k

PROPERTIES: Final = Properties(
    efficient=False,
    individually_rational=True,
    budget="strong",
    truthful=False,
    conditions="no bid is left beside an offer it could pay",
)
Pool = tuple[int | None, bool | None]  # where its offers are and whether they are green; None for any
NEIGHBOR_AND_GREEN: Final = PREFER_NEIGHBOR | PREFER_GREEN
# What a bid must prefer to take part in a round, and whether it then looks near by and for green only.
ROUNDS: Final = (
    (NEIGHBOR_AND_GREEN, True, True),
    (PREFER_NEIGHBOR, True, False),
    (PREFER_GREEN, False, True),
    (0, False, False),
)


def clear_peer_to_peer(
    orders: Orders, *, contracts: Sequence[Contract] = (), k_permille: int = 500
) -> Clearing:
    """Pair N orders.

    Parameters
    ----------
    orders
        Bids with their `preference`, offers with `location` and `green`.
    contracts
        Carried out first, at their own prices.
    k_permille
        Where a price lies between offer (0) and bid (1000) [1/1000], rounded down.

    Returns
    -------
    Clearing
        With its trades; payments sum to zero.

    Raises
    ------
    ContractError
        For a contract its orders do not cover.
    MarketError
        For a `k_permille` outside 0 to 1000.
    """
    check_k(k_permille)
    agreed, left = carry_out(contracts, orders)
    matching = _Matching(orders, left)
    rows = [
        row for preferred, near, green in ROUNDS for row in matching.round(preferred, near=near, green=green)
    ]
    table = np.array(rows, np.int64).reshape(-1, 3)
    bid, offer = orders.price_micro[table[:, 0]], orders.price_micro[table[:, 1]]
    price = offer + (bid - offer) * k_permille // 1000
    found = Trades(table[:, 0], table[:, 1], table[:, 2], price)
    return clearing_of_trades(orders, _joined(agreed, found))


def _joined(first: Trades, second: Trades) -> Trades:
    return Trades(
        np.concatenate((first.bid, second.bid)),
        np.concatenate((first.offer, second.offer)),
        np.concatenate((first.energy_wh, second.energy_wh)),
        np.concatenate((first.price_micro, second.price_micro)),
    )


class _Matching:
    """What is left of the orders, and the offers by pool with the place up to which each is used up."""

    def __init__(self, orders: Orders, left: Ints) -> None:
        self._left = left.tolist()
        self._price = orders.price_micro.tolist()
        self._location = orders.location.tolist()
        self._preference = orders.preference.tolist()
        self._bids = best_first(orders, index=orders.bids).tolist()
        self._pools: dict[Pool, list[int]] = {}
        self._next: dict[Pool, int] = {}
        for offer in best_first(orders, index=orders.offers).tolist():
            place, green = self._location[offer], bool(orders.green[offer])
            for pool in ((place, True), (place, None), (None, True), (None, None)):
                if green or pool[1] is None:
                    self._pools.setdefault(pool, []).append(offer)

    def round(self, preferred: int, *, near: bool, green: bool) -> Iterator[tuple[int, int, int]]:
        """Yield (bid, offer, energy [Wh]) of the bids that prefer at least this, the best bid first."""
        for bid in self._bids:
            if self._left[bid] and self._preference[bid] & preferred == preferred:
                yield from self._serve(bid, (self._location[bid] if near else None, True if green else None))

    def _serve(self, bid: int, pool: Pool) -> Iterator[tuple[int, int, int]]:
        offers, at = self._pools.get(pool, []), self._next.get(pool, 0)
        while self._left[bid] and at < len(offers) and self._price[offers[at]] <= self._price[bid]:
            offer = offers[at]
            energy = min(self._left[bid], self._left[offer])
            if energy:
                self._left[bid] -= energy
                self._left[offer] -= energy
                yield bid, offer, energy
            at += not self._left[offer]
        self._next[pool] = at
