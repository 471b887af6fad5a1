"""Orders cut to what a site, a transformer or a contract lets through, before they are cleared."""

from dataclasses import dataclass, replace

import numpy as np

from vpp.markets.errors import UnsuitableOrdersError
from vpp.markets.orders import Ints, Orders
from vpp.markets.standing import best_first


@dataclass(frozen=True, slots=True)
class CutOrders:
    """What is left of N orders: the orders with energy left, their positions before, and what was cut (N,) [Wh]."""

    orders: Orders
    kept: Ints
    cut_wh: Ints


def cut_to_envelopes(orders: Orders, *, group: Ints, most_bought_wh: Ints, most_sold_wh: Ints) -> CutOrders:
    """Cut each group's bids, and its offers, to the most energy it may draw and feed in.

    The best orders of a group keep their energy, whatever comes after the limit loses it; bids and offers are cut
    apart, because neither may count on the other being filled.

    Parameters
    ----------
    orders, group
        N orders, and the group 0..G-1 of each (N,), such as its site or the transformer it is behind.
    most_bought_wh, most_sold_wh
        Limits of the groups (G,) [Wh].

    Raises
    ------
    UnsuitableOrdersError
        For a group that is not there, or limits below zero.
    """
    groups = len(most_bought_wh)
    if len(group) != len(orders) or ((group < 0) | (group >= groups)).any() or len(most_sold_wh) != groups:
        raise UnsuitableOrdersError(f"not every order has a group from 0 to {groups - 1}")
    if (most_bought_wh < 0).any() or (most_sold_wh < 0).any():
        raise UnsuitableOrdersError("a limit is below 0 Wh")
    quantity = orders.quantity_wh.copy()
    for index, most in ((orders.bids, most_bought_wh), (orders.offers, most_sold_wh)):
        ranked = best_first(orders, index=index)
        ranked = ranked[np.argsort(group[ranked], kind="stable")]
        before = np.cumsum(quantity[ranked]) - quantity[ranked]
        first = np.searchsorted(group[ranked], group[ranked], side="left")
        room = most[group[ranked]] - (before - before[first])
        quantity[ranked] = np.clip(room, 0, quantity[ranked])
    kept = np.flatnonzero(quantity > 0)
    left = replace(orders, quantity_wh=quantity).take(kept)
    return CutOrders(left, kept, orders.quantity_wh - quantity)
