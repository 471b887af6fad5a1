"""Pay-as-bid: the fills of the call auction, each order at its own price.

The discriminatory double auction, as in A. E. Kahn, P. C. Cramton, R. H. Porter and R. D. Tabors, "Uniform pricing or
pay-as-bid pricing", The Electricity Journal 14/6 (2001) 70. Buyers pay their bids, sellers get their offers; the
difference, which is the welfare, stays with the market's account.
"""

from typing import Final

from vpp.markets.merit import crossing_of, fills_at
from vpp.markets.orders import Orders
from vpp.markets.properties import Properties
from vpp.markets.result import Clearing, with_payments
from vpp.markets.uniform_price import no_fill

PROPERTIES: Final = Properties(efficient=True, individually_rational=True, budget="weak", truthful=False)


def clear_pay_as_bid(orders: Orders) -> Clearing:
    """Clear N orders of one period and place, each at its own price.

    Returns
    -------
    Clearing
        No single price; the account holds the welfare.
    """
    crossing = crossing_of(orders)
    fill = no_fill(orders) if crossing is None else fills_at(orders, crossing)
    return with_payments(orders, fill_wh=fill, pay_nano=orders.side * orders.price_micro * fill)
