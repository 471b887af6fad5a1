"""McAfee's double auction for one lot each.

R. P. McAfee, "A dominant strategy double auction", J. Econ. Theory 56 (1992) 434: with k efficient trades and
p0 = (b_{k+1} + s_{k+1}) / 2, all k trade at p0 where s_k <= p0 <= b_k; otherwise k - 1 trade, buyers pay b_k and
sellers get s_k. What lies between stays with the market.
"""

from typing import Final

import numpy as np

from vpp.markets.errors import UnsuitableOrdersError
from vpp.markets.orders import Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.result import Clearing, at_prices
from vpp.markets.standing import best_first, require_one_order_each
from vpp.markets.uniform_price import no_fill

PROPERTIES: Final = Properties(
    efficient=False,
    individually_rational=True,
    budget="weak",
    truthful=True,
    conditions="one order of each participant, all of one quantity; at most the least valuable trade is lost",
)


def clear_mcafee(orders: Orders) -> Clearing:
    """Clear N orders of one quantity, one of each participant.

    Orders of one price stand by priority class, time and key; the mean of two prices is rounded down.

    Returns
    -------
    Clearing
        Whole orders trade; a price of the buyers and one of the sellers.

    Raises
    ------
    UnsuitableOrdersError
        For different quantities, or several orders of a participant.
    """
    require_one_order_each(orders, mechanism="McAfee's auction")
    if len(np.unique(orders.quantity_wh)) > 1:
        raise UnsuitableOrdersError("McAfee's auction is defined for lots of one quantity")
    buyers, sellers = best_first(orders, index=orders.bids), best_first(orders, index=orders.offers)
    bid, offer = orders.price_micro[buyers], orders.price_micro[sellers]
    most = min(len(bid), len(offer))
    trades = int(np.count_nonzero(bid[:most] >= offer[:most]))
    if trades == 0:
        return at_prices(orders, fill_wh=no_fill(orders), buy_micro=None, sell_micro=None)
    middle = _outside_price(bid, offer, trades=trades)
    if middle is not None and offer[trades - 1] <= middle <= bid[trades - 1]:
        return _lots(orders, (buyers[:trades], sellers[:trades]), prices=(middle, middle))
    prices = (int(bid[trades - 1]), int(offer[trades - 1]))
    return _lots(orders, (buyers[: trades - 1], sellers[: trades - 1]), prices=prices)


def _outside_price(bid: Ints, offer: Ints, *, trades: int) -> int | None:
    """Mean of the first bid and offer that do not trade, rounded down; None where one of them is missing."""
    if trades >= min(len(bid), len(offer)):
        return None
    return int(bid[trades] + offer[trades]) // 2


def _lots(orders: Orders, who: tuple[Ints, Ints], *, prices: tuple[int, int]) -> Clearing:
    fill = no_fill(orders)
    for index in who:
        fill[index] = orders.quantity_wh[index]
    return at_prices(orders, fill_wh=fill, buy_micro=prices[0], sell_micro=prices[1])
