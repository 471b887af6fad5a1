"""The one order in which pairwise mechanisms look at bids and offers."""

import numpy as np

from vpp.markets.errors import UnsuitableOrdersError
from vpp.markets.orders import Ints, Orders


def best_first(orders: Orders, *, index: Ints) -> Ints:
    """Sort indices: best price first, then priority class, then earlier, then smaller key."""
    price = -orders.side[index] * orders.price_micro[index]
    by = np.lexsort((orders.key[index], orders.placed[index], orders.priority[index], price))
    return index[by]


def require_one_order_each(orders: Orders, *, mechanism: str) -> None:
    """Refuse orders of which a participant has several.

    Raises
    ------
    UnsuitableOrdersError
        Where a participant has more than one.
    """
    if len(np.unique(orders.participant)) != len(orders):
        raise UnsuitableOrdersError(f"{mechanism} is defined for one order of each participant")
