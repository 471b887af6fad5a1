"""Huang, Scheller-Wolf and Sycara's multi-unit double auction.

P. Huang, A. Scheller-Wolf and K. Sycara, "Design of a multi-unit double auction e-market", Computational Intelligence
18/4 (2002) 596: the marginal buyer K and the marginal seller L of the efficient trade stand back and set the prices;
the buyers before K pay b_K, the sellers before L get s_L. The longer side gives up its surplus evenly, no one more
than all it has.
"""

from typing import Final

import numpy as np

from vpp.markets.merit import crossing_of
from vpp.markets.orders import Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.rationing import take_equally
from vpp.markets.result import Clearing, at_prices
from vpp.markets.standing import best_first, require_one_order_each
from vpp.markets.uniform_price import no_fill

PROPERTIES: Final = Properties(
    efficient=False,
    individually_rational=True,
    budget="weak",
    truthful=True,
    conditions="one order of each participant, and as to its price; quantities are taken as they are",
)


def clear_huang(orders: Orders) -> Clearing:
    """Clear N orders, one of each participant.

    Orders of one price stand by priority class, time and key.

    Returns
    -------
    Clearing
        A price of the buyers and one of the sellers; no fills where either margin is the only order of its side.

    Raises
    ------
    UnsuitableOrdersError
        For several orders of a participant.
    """
    require_one_order_each(orders, mechanism="Huang's auction")
    buyers, sellers = best_first(orders, index=orders.bids), best_first(orders, index=orders.offers)
    margin = _margin(orders, buyers, sellers=sellers)
    fill = no_fill(orders)
    if margin is None:
        return at_prices(orders, fill_wh=fill, buy_micro=None, sell_micro=None)
    buyer, seller = margin
    prices = int(orders.price_micro[buyers[buyer]]), int(orders.price_micro[sellers[seller]])
    buyers, sellers = buyers[:buyer], sellers[:seller]
    demand, supply = int(orders.quantity_wh[buyers].sum()), int(orders.quantity_wh[sellers].sum())
    volume = min(demand, supply)
    for index, total in ((buyers, demand), (sellers, supply)):
        if volume:
            fill[index] = take_equally(total - volume, orders.quantity_wh[index], key=orders.key[index])
    return at_prices(orders, fill_wh=fill, buy_micro=prices[0], sell_micro=prices[1])


def _margin(orders: Orders, buyers: Ints, *, sellers: Ints) -> tuple[int, int] | None:
    """Positions of the marginal buyer and seller of the efficient trade; None without one."""
    crossing = crossing_of(orders)
    if crossing is None:
        return None
    demand, supply = np.cumsum(orders.quantity_wh[buyers]), np.cumsum(orders.quantity_wh[sellers])
    return int(np.searchsorted(demand, crossing.volume_wh)), int(np.searchsorted(supply, crossing.volume_wh))
