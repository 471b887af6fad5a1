"""A lifeline: a quota of energy at a low price, paid for by a stated levy on what others gain.

The lifeline rate of retail tariffs (the first block of energy below cost), laid over a clearing: fills stay as they are.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vpp.markets.errors import MarketError
from vpp.markets.orders import BUY, Bools, Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.rationing import share_pro_rata
from vpp.markets.result import Clearing
from vpp.markets.standing import best_first

PROPERTIES: Final = Properties(
    efficient=True,
    individually_rational=True,
    budget="strong",
    truthful=False,
    conditions="as the clearing it is laid over: fills, welfare and the account stay the same",
)


@dataclass(frozen=True, slots=True)
class Lifeline:
    """Energy of each participant and period [Wh] at a price [1e-6 currency/kWh], and the most levy on gains [1/1000]."""

    quota_wh: int
    price_micro: int
    most_levy_permille: int


@dataclass(frozen=True, slots=True)
class LifelineResult:
    """The clearing with new payments; discount and levy of each order (N,) [1e-9 currency], with equal sums.

    `levy_permille` is the share of the others' gains that was needed; `full` tells whether it covered all discounts.
    """

    clearing: Clearing
    discount_nano: Ints
    levy_nano: Ints
    levy_permille: float
    full: bool


def apply_lifeline(
    orders: Orders, clearing: Clearing, *, low_income: Bools, lifeline: Lifeline
) -> LifelineResult:
    """Discount the first energy of low-income buyers and levy the cost on the gains of all other orders.

    Where the most levy does not cover the discounts, they shrink in proportion.

    Parameters
    ----------
    orders, clearing
        N orders and their clearing at one price of the buyers.
    low_income
        Marks the bids that have the quota (N,).
    lifeline
        The rule.

    Raises
    ------
    MarketError
        For a quota below zero or a levy outside 0 to 1000.
    """
    if lifeline.quota_wh < 0 or not 0 <= lifeline.most_levy_permille <= 1000:
        raise MarketError("a lifeline has a quota of at least 0 Wh and a levy between 0 and 1000")
    nothing = np.zeros(len(orders), np.int64)
    if clearing.buy_price_micro is None or not len(orders):
        return LifelineResult(clearing, nothing, nothing, 0.0, True)
    entitled = low_income & (orders.side == BUY)
    covered = _covered(orders, clearing.fill_wh, members=np.flatnonzero(entitled), quota_wh=lifeline.quota_wh)
    wanted = covered * max(0, clearing.buy_price_micro - lifeline.price_micro)
    gain = np.where(entitled, 0, np.maximum(0, clearing.utility_nano(orders)))
    pot = int(gain.sum()) * lifeline.most_levy_permille // 1000
    given = min(pot, int(wanted.sum()))
    discount = share_pro_rata(given, wanted, key=orders.key)
    levy = share_pro_rata(given, gain, key=orders.key) if given else nothing
    total = int(gain.sum())
    changed = replace(
        clearing, pay_nano=clearing.pay_nano - discount + levy, sell_price_micro=None, buy_price_micro=None
    )
    share = 1000 * given / total if total else 0.0
    return LifelineResult(changed if given else clearing, discount, levy, share, given == int(wanted.sum()))


def _covered(orders: Orders, fill_wh: Ints, *, members: Ints, quota_wh: int) -> Ints:
    """Energy of each order (N,) [Wh] within its participant's quota, its best orders first."""
    covered = np.zeros(len(orders), np.int64)
    left: dict[int, int] = {}
    for order in best_first(orders, index=members).tolist():
        who = int(orders.participant[order])
        energy = min(int(fill_wh[order]), left.get(who, quota_wh))
        left[who] = left.get(who, quota_wh) - energy
        covered[order] = energy
    return covered
