"""Sharing keys: which part of a community's generation each member is credited with, in one interval.

The keys of French collective self-consumption (Code de l'énergie, art. D. 315-6: coefficients set in advance, or the
default in proportion to consumption): *static* keys are fixed parts, what a member does not draw is not passed on;
*dynamic* keys are in proportion to what each draws; *hybrid* keys give the fixed parts first and share what is left in
proportion to what is still drawn. Nobody is credited with more than it draws.
"""

from typing import Literal

import numpy as np

from vpp.markets.errors import MarketError
from vpp.markets.orders import Ints
from vpp.markets.rationing import share_pro_rata

Key = Literal["static", "dynamic", "hybrid"]


def share_generation(generated_wh: int, drawn_wh: Ints, *, key: Key, parts: Ints | None = None) -> Ints:
    """Share generation over members.

    Parameters
    ----------
    generated_wh
        Generation of the interval [Wh].
    drawn_wh
        What each of M members draws (M,) [Wh].
    key
        How it is shared.
    parts
        Fixed parts (M,) in any whole unit; not for dynamic keys. They need not sum to anything but must not all be 0.

    Returns
    -------
    numpy.ndarray
        Credit of each member (M,) [Wh], whole, at most what it draws, and at most the generation in sum.

    Raises
    ------
    MarketError
        For energy or parts below zero, or fixed keys without parts.
    """
    if generated_wh < 0 or (drawn_wh < 0).any():
        raise MarketError("generation and draw are not below 0 Wh")
    numbers = np.arange(len(drawn_wh))
    if key == "dynamic":
        return share_pro_rata(min(generated_wh, int(drawn_wh.sum())), drawn_wh, key=numbers)
    if parts is None or parts.shape != drawn_wh.shape or (parts < 0).any() or not parts.any():
        raise MarketError("a static or hybrid key needs a part of 0 or more for each member, not all 0")
    credit = np.minimum(_fixed(generated_wh, parts), drawn_wh)
    if key == "hybrid":
        left = drawn_wh - credit
        rest = min(generated_wh - int(credit.sum()), int(left.sum()))
        credit = credit + share_pro_rata(rest, left, key=numbers)
    return credit


def _fixed(generated_wh: int, parts: Ints) -> Ints:
    """Split generation by parts in whole Wh, the largest remainder first, then the earlier member."""
    whole = int(parts.sum())
    products = [generated_wh * int(part) for part in parts]
    credit = np.array([product // whole for product in products], np.int64)
    remainder = np.array([product % whole for product in products], np.float64)
    credit[np.argsort(-remainder, kind="stable")[: generated_wh - int(credit.sum())]] += 1
    return credit
