"""Measures of how evenly something is shared."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.markets.errors import MarketError
from vpp.markets.orders import BUY, Bools, Orders
from vpp.markets.result import Clearing


def jain_index(shares: ArrayLike) -> float:
    """Return Jain's index `(sum x)^2 / (n sum x^2)` of shares (N,) >= 0: 1 for equal ones, k/N where k have all.

    R. Jain, D.-M. Chiu and W. Hawe, "A quantitative measure of fairness and discrimination for resource allocation in
    shared computer systems", DEC TR-301 (1984). 1 where nobody has anything.

    Raises
    ------
    MarketError
        For no shares, or shares that are negative or not finite.
    """
    values = _shares(shares)
    squares = float((values**2).sum())
    return float(values.sum()) ** 2 / (len(values) * squares) if squares else 1.0


def gini_coefficient(shares: ArrayLike) -> float:
    """Return the Gini coefficient of shares (N,) >= 0: 0 for equal ones, 1 - 1/N where one has all.

    The mean difference of all pairs over twice the mean: C. Gini, "Variabilità e mutabilità" (1912). 0 where nobody
    has anything.

    Raises
    ------
    MarketError
        For no shares, or shares that are negative or not finite.
    """
    values = np.sort(_shares(shares))
    total, count = float(values.sum()), len(values)
    weights = 2 * np.arange(1, count + 1) - count - 1
    return float(weights @ values) / (count * total) if total else 0.0


def price_of_fairness(best_nano: int, welfare_nano: int) -> float:
    """Return the share of the best welfare that was given up, both in [1e-9 currency]; 0 where there was none.

    D. Bertsimas, V. F. Farias and N. Trichakis, "The price of fairness", Operations Research 59/1 (2011) 17.
    """
    return (best_nano - welfare_nano) / best_nano if best_nano else 0.0


def _shares(shares: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = np.asarray(shares, np.float64).reshape(-1)
    if not len(values) or not np.isfinite(values).all() or (values < 0).any():
        raise MarketError("shares are at least one finite number of 0 or more")
    largest = float(values.max())
    return values / largest if largest else values


@dataclass(frozen=True, slots=True)
class GroupReport:
    """How a group of buyers fared.

    `wanted_wh`, `served_wh` [Wh]; `served_share` of what it wanted; `mean_price_micro` paid [1e-6 currency/kWh], None
    without energy; `savings_nano` under its bids [1e-9 currency].
    """

    wanted_wh: int
    served_wh: int
    served_share: float
    mean_price_micro: float | None
    savings_nano: int


def report_group(orders: Orders, clearing: Clearing, *, members: Bools) -> GroupReport:
    """Return how the bids of `members` (N,) fared in a clearing of N orders."""
    own = members & (orders.side == BUY)
    wanted, served = int(orders.quantity_wh[own].sum()), int(clearing.fill_wh[own].sum())
    return GroupReport(
        wanted_wh=wanted,
        served_wh=served,
        served_share=served / wanted if wanted else 1.0,
        mean_price_micro=int(clearing.pay_nano[own].sum()) / served if served else None,
        savings_nano=int(clearing.utility_nano(orders)[own].sum()),
    )


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """Jain's index and Gini's coefficient of the buyers' served shares and savings, and the groups' reports."""

    jain_served: float
    gini_savings: float
    low_income: GroupReport
    others: GroupReport


def report_fairness(orders: Orders, clearing: Clearing, *, low_income: Bools) -> FairnessReport | None:
    """Return how evenly a clearing served the buyers among N orders; None without a buyer.

    Participants count, not orders; `low_income` (N,) marks the orders of those who are.
    """
    bids = orders.bids
    if not len(bids):
        return None
    people, who = np.unique(orders.participant[bids], return_inverse=True)
    sums = [np.zeros(len(people)) for _ in range(3)]
    columns = (orders.quantity_wh, clearing.fill_wh, clearing.utility_nano(orders))
    for total, column in zip(sums, columns, strict=True):
        np.add.at(total, who, column[bids])
    wanted, served, savings = sums
    return FairnessReport(
        jain_served=jain_index(served / wanted),
        gini_savings=gini_coefficient(np.maximum(0.0, savings)),
        low_income=report_group(orders, clearing, members=low_income),
        others=report_group(orders, clearing, members=~low_income),
    )
