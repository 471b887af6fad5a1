"""The call auction with low-income buyers first, within a stated sacrifice of welfare.

First the most welfare W* is found. Then, of all outcomes with one price, nobody against its limit, and welfare of at
least (1 - delta) W*, the one that serves most energy to low-income bids: the two-stage design of T. Ruiz Irusta and
J. M. Morales, arXiv 2501.09713, with energy served in the place of their distance of distributions. With delta = 0
low-income bids go first among equals only.

It is exact. At a price p the offers up to p can serve the bids from p on; given how much of the volume goes to
low-income bids, each group is served best value first. Low-income energy is therefore found by bisection at each price
that can matter: the clearing price, and the limits of low-income bids below it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from vpp.markets.errors import MarketError
from vpp.markets.fairness import price_of_fairness
from vpp.markets.merit import Crossing, crossing_of
from vpp.markets.orders import BUY, SELL, Bools, Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.rationing import fill_class_by_class
from vpp.markets.result import Clearing, at_prices
from vpp.markets.uniform_price import check_k, no_fill

PROPERTIES: Final = Properties(
    efficient=False,
    individually_rational=True,
    budget="strong",
    truthful=False,
    conditions="welfare is at least 1 - delta of the most; with delta = 0 it is efficient",
)


@dataclass(frozen=True, slots=True)
class EquityClearing:
    """A clearing, the most welfare without the rule [1e-9 currency], low-income energy [Wh] with and without it.

    `price_of_fairness` is the share of that welfare given up.
    """

    clearing: Clearing
    best_nano: int
    low_income_wh: int
    low_income_before_wh: int
    price_of_fairness: float


def clear_low_income_first(
    orders: Orders, *, low_income: Bools, sacrifice_permille: int, k_permille: int = 500
) -> EquityClearing:
    """Clear N orders of one period and place.

    Parameters
    ----------
    orders
        N orders.
    low_income
        Marks bids that go first (N,); offers are not looked at.
    sacrifice_permille
        Most welfare to give up, delta [1/1000].
    k_permille
        Where the price lies between its bounds where none has to be given up [1/1000].

    Raises
    ------
    MarketError
        For shares outside 0 to 1000.
    """
    check_k(k_permille)
    if not 0 <= sacrifice_permille <= 1000:
        raise MarketError(f"the sacrifice is {sacrifice_permille}, not between 0 and 1000")
    crossing = crossing_of(orders)
    if crossing is None:
        nothing = at_prices(orders, fill_wh=no_fill(orders), buy_micro=None, sell_micro=None)
        return EquityClearing(nothing, 0, 0, 0, 0.0)
    buys = orders.side == BUY
    groups = (_Group(orders, buys & low_income), _Group(orders, buys & ~low_income), _Group(orders, ~buys))
    search = _Search(groups, crossing, k_permille=k_permille)
    before = search.best_at(search.start, least_nano=search.best_nano)
    found = search.run(search.best_nano - search.best_nano * sacrifice_permille // 1000)
    fill = no_fill(orders)
    for group, energy in zip(
        groups, (found.low_wh, found.volume_wh - found.low_wh, found.volume_wh), strict=True
    ):
        group.fill(fill, energy)
    clearing = at_prices(orders, fill_wh=fill, buy_micro=found.price, sell_micro=found.price)
    fairness = price_of_fairness(search.best_nano, clearing.welfare_nano)
    return EquityClearing(clearing, search.best_nano, found.low_wh, before.low_wh if before else 0, fairness)


class _Group:
    """Orders of one kind, the best price first: how much there is, and what its first units are worth."""

    def __init__(self, orders: Orders, members: Bools) -> None:
        index = np.flatnonzero(members)
        side = SELL if len(index) and orders.side[index[0]] == SELL else BUY
        self._index = index[np.argsort(-side * orders.price_micro[index], kind="stable")]
        self._orders, self._side = orders, side
        self.price = orders.price_micro[self._index]
        self._ends = np.cumsum(orders.quantity_wh[self._index])
        self._worth = np.cumsum(orders.quantity_wh[self._index] * self.price)

    def energy(self, price: int) -> int:
        """Energy [Wh] of the orders that stand at a price [1e-6 currency/kWh]."""
        count = int(np.searchsorted(-self._side * self.price, -self._side * price, side="right"))
        return int(self._ends[count - 1]) if count else 0

    def worth(self, energy_wh: int) -> int:
        """Value of the first units [1e-9 currency]."""
        if energy_wh <= 0:
            return 0
        at = int(np.searchsorted(self._ends, energy_wh))
        return int(self._worth[at]) - int(self._ends[at] - energy_wh) * int(self.price[at])

    def unit(self, number: int) -> int:
        """Price of a unit, counted from 1 [1e-6 currency/kWh]."""
        return int(self.price[np.searchsorted(self._ends, number)])

    def fill(self, fill: Ints, energy_wh: int) -> None:
        """Write the fills of the first units; at the last price by class and pro rata."""
        if energy_wh <= 0:
            return
        last = self.unit(energy_wh)
        better = self._index[self.price * self._side > last * self._side]
        fill[better] = self._orders.quantity_wh[better]
        margin = self._index[self.price == last]
        left = energy_wh - int(self._orders.quantity_wh[better].sum())
        fill[margin] = fill_class_by_class(left, self._orders, index=margin)


@dataclass(frozen=True, slots=True)
class _Outcome:
    price: int
    volume_wh: int
    low_wh: int
    welfare_nano: int


class _Search:
    def __init__(self, groups: tuple[_Group, _Group, _Group], crossing: Crossing, *, k_permille: int) -> None:
        self._low, self._others, self._sellers = groups
        self.start = crossing.price(k_permille)
        self._start_wh = crossing.volume_wh
        self.best_nano = self._welfare(self._natural(crossing.volume_wh, self.start), crossing.volume_wh)

    def run(self, least_nano: int) -> _Outcome:
        """Return the outcome with most low-income energy, then most welfare, then the highest price."""
        best = self.best_at(self.start, least_nano=least_nano)
        if best is None:
            raise MarketError("the best outcome has less than the least welfare")
        below = np.unique(self._low.price[self._low.price < self.start])[::-1].tolist()
        limits = [(min(self._low.energy(price), self._sellers.energy(price)), price) for price in below]
        for most_wh, price in sorted(limits, reverse=True):
            if most_wh < best.low_wh:
                break
            other = self.best_at(price, least_nano=least_nano)
            if other and (other.low_wh, other.welfare_nano) > (best.low_wh, best.welfare_nano):
                best = other
        return best

    def best_at(self, price: int, *, least_nano: int) -> _Outcome | None:
        """Return the most low-income energy at a price with at least some welfare; None where there is too little."""
        volume = self._volume(price)
        good = self._natural(volume, price)
        if self._welfare(good, volume) < least_nano:
            return None
        bad = min(self._low.energy(price), volume) + 1
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._welfare(middle, volume) >= least_nano:
                good = middle
            else:
                bad = middle
        return _Outcome(price, volume, good, self._welfare(good, volume))

    def _volume(self, price: int) -> int:
        if price == self.start:
            return self._start_wh
        demand = self._low.energy(price) + self._others.energy(price)
        return min(demand, self._sellers.energy(price))

    def _natural(self, volume: int, price: int) -> int:
        """Low-income units among the best of a volume, first among equals."""
        good = max(0, volume - self._others.energy(price))
        bad = min(self._low.energy(price), volume) + 1
        while bad - good > 1:
            middle = (good + bad) // 2
            if self._low.unit(middle) >= self._others.unit(volume - middle + 1):
                good = middle
            else:
                bad = middle
        return good

    def _welfare(self, low_wh: int, volume: int) -> int:
        return self._low.worth(low_wh) + self._others.worth(volume - low_wh) - self._sellers.worth(volume)
