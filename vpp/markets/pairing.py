"""Who supplied whom: a pairing of fills for mechanisms that have none of their own."""

import numpy as np

from vpp.markets.orders import Ints, Orders
from vpp.markets.result import Trades
from vpp.markets.standing import best_first


def pair_fills(orders: Orders, fill_wh: Ints, *, price_micro: int) -> Trades:
    """Pair bought with sold energy, both laid end to end with the best orders first, at one price.

    Used to state the origin of traded energy. At one price any pairing gives everyone the same payment; this one
    needs fewer trades than there are orders with a fill.

    Parameters
    ----------
    orders, fill_wh
        N orders and fills (N,) [Wh] whose bought and sold sums are equal.
    price_micro
        The market's price [1e-6 currency/kWh].

    Returns
    -------
    Trades
        In the order of the energy laid out.
    """
    sides = []
    for index in (orders.bids, orders.offers):
        filled = best_first(orders, index=index[fill_wh[index] > 0])
        sides.append((filled, np.cumsum(fill_wh[filled])))
    (buyers, bought), (sellers, sold) = sides
    ends = np.union1d(bought, sold)
    energy = np.diff(ends, prepend=0)
    bid = buyers[np.searchsorted(bought, ends, side="left")]
    offer = sellers[np.searchsorted(sold, ends, side="left")]
    return Trades(bid, offer, energy, np.full(len(ends), price_micro, np.int64))
