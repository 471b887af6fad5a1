"""The uniform-price call auction (k-double auction).

All bids and offers of a period are cleared together at one price p = low + k (high - low) between the bounds that
clear the market: R. Wilson, "Incentive efficiency of double auctions", Econometrica 53 (1985) 1101; M. A. Satterthwaite
and S. R. Williams, "Bilateral trade with the sealed bid k-double auction", J. Econ. Theory 48 (1989) 107. Strictly
better orders trade in full; those at the margin share by priority class, then pro rata with largest remainders.
"""

from typing import Final

import numpy as np

from vpp.markets.errors import MarketError
from vpp.markets.merit import crossing_of, fills_at
from vpp.markets.orders import Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.result import Clearing, at_prices

PROPERTIES: Final = Properties(efficient=True, individually_rational=True, budget="strong", truthful=False)


def clear_uniform_price(orders: Orders, *, k_permille: int = 500) -> Clearing:
    """Clear at one price.

    Parameters
    ----------
    orders
        N orders of one period and place.
    k_permille
        Where the price lies between its bounds: 0 favors buyers, 1000 sellers [1/1000]; the price is rounded down.

    Returns
    -------
    Clearing
        One price (None without trade), payments that sum to zero.

    Raises
    ------
    MarketError
        For a `k_permille` outside 0 to 1000.
    """
    check_k(k_permille)
    crossing = crossing_of(orders)
    if crossing is None:
        return at_prices(orders, fill_wh=no_fill(orders), buy_micro=None, sell_micro=None)
    price = crossing.price(k_permille)
    return at_prices(orders, fill_wh=fills_at(orders, crossing), buy_micro=price, sell_micro=price)


def no_fill(orders: Orders) -> Ints:
    """Return fills (N,) [Wh] of a market in which nothing trades."""
    return np.zeros(len(orders), np.int64)


def check_k(k_permille: int) -> None:
    """Refuse a share outside 0 to 1000 [1/1000].

    Raises
    ------
    MarketError
        Where it is outside.
    """
    if not 0 <= k_permille <= 1000:
        raise MarketError(f"k is {k_permille}, not between 0 and 1000")
