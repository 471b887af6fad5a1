"""Sharing of whole units: by class, then in proportion, the largest remainder first."""

import numpy as np

from vpp.markets.orders import Ints, Orders

LARGEST = 2**63 - 1


def share_pro_rata(total: int, quantity: Ints, *, key: Ints) -> Ints:
    """Share `total` over quantities (N,) in proportion, in whole units that sum to it exactly.

    Largest remainder (Hamilton's method); of equal remainders the smaller key goes first. No share exceeds its
    quantity. `total` must not exceed their sum.
    """
    whole = int(quantity.sum())
    if whole == 0 or total >= whole:
        return quantity.copy()
    wide = total * int(quantity.max()) > LARGEST
    product = quantity.astype(object) * total if wide else quantity * total
    share, remainder = (product // whole).astype(np.int64), product % whole
    left = total - int(share.sum())
    if left:
        first = np.lexsort((key, -remainder.astype(np.int64)))[:left]
        share[first] += 1
    return share


def fill_class_by_class(total: int, orders: Orders, *, index: Ints) -> Ints:
    """Share `total` [Wh] over the orders at `index`: the smallest priority class first, pro rata within one."""
    quantity, priority = orders.quantity_wh[index], orders.priority[index]
    fill = np.zeros(len(index), np.int64)
    for level in np.unique(priority):
        members = np.flatnonzero(priority == level)
        fill[members] = share_pro_rata(total, quantity[members], key=orders.key[index[members]])
        total -= int(fill[members].sum())
        if total <= 0:
            break
    return fill


def take_equally(surplus: int, quantity: Ints, *, key: Ints) -> Ints:
    """Take `surplus` units evenly off quantities (N,), never below zero; return what is left of each.

    Those that would fall below zero give all they have, and the rest is taken evenly from the others. What cannot be
    taken evenly is taken one unit each from the smaller keys on.
    """
    left = quantity.copy()
    order = np.lexsort((key, quantity))
    ascending = quantity[order]
    count = len(order)
    before = np.concatenate(([0], np.cumsum(ascending)))
    # With the j smallest emptied, the others give (surplus - before[j]) / (count - j) each.
    others = count - np.arange(count)
    each = (surplus - before[:-1]) // others
    emptied = int(np.argmax(ascending >= each + ((surplus - before[:-1]) % others > 0)))
    left[order[:emptied]] = 0
    keep = order[emptied:]
    level, odd = divmod(surplus - int(before[emptied]), len(keep))
    left[keep] -= level
    extra = keep[np.argsort(key[keep], kind="stable")][:odd]
    left[extra] -= 1
    return left
