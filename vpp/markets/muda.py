"""MUDA: a truthful double auction for many units.

E. Segal-Halevi, A. Hassidim and Y. Aumann, "MUDA: a truthful multi-unit double-auction mechanism", AAAI 2018, arXiv
1712.06848. Participants are split into two halves; each half trades at the price that would clear the other one, so
that nobody moves its own price. At a given price one side of a half may be longer than the other: `lottery` serves its
participants one after another in drawn order (strongly budget balanced), `vickrey` serves the best units and takes
from each participant what its units keep others from gaining (more welfare, weakly budget balanced).

The draw is a hash of a seed and the participant's number, so that a run can be repeated; the seed must not be known
before gate closure, and no participant may choose its number.
"""

from dataclasses import replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from vpp.markets.merit import crossing_of
from vpp.markets.orders import BUY, Bools, Ints, Orders
from vpp.markets.properties import Properties
from vpp.markets.result import Clearing, with_payments
from vpp.markets.standing import best_first
from vpp.markets.uniform_price import no_fill

LongSide = Literal["lottery", "vickrey"]
PROPERTIES: Final = Properties(
    efficient=False,
    individually_rational=True,
    budget="weak",
    truthful=True,
    conditions="a participant is buyer or seller, with falling marginal value",
)
LOTTERY: Final = replace(PROPERTIES, budget="strong")


def clear_muda(orders: Orders, *, seed: int, long_side: LongSide = "vickrey") -> Clearing:
    """Clear N orders in two halves.

    Parameters
    ----------
    orders
        N orders of one period and place; a participant may have several.
    seed
        Decides the halves and the lottery.
    long_side
        How the longer side of a half is cut.

    Returns
    -------
    Clearing
        No single price; what Vickrey's rule takes stays with the account.
    """
    left = draw(orders.participant, seed=seed) % np.uint64(2) == 0
    fill, pay = no_fill(orders), no_fill(orders)
    for half in (left, ~left):
        price = _half_price(orders.take(~half))
        if price is not None:
            members = np.flatnonzero(half)
            fill[members], pay[members] = trade_at(
                orders.take(members), price_micro=price, seed=seed, long_side=long_side
            )
    return with_payments(orders, fill_wh=fill, pay_nano=pay)


def draw(participant: Ints, *, seed: int) -> NDArray[np.uint64]:
    """Return a hash of seed and participant (N,): the finalizer of SplitMix64, twice."""
    mixed = participant.astype(np.uint64)
    for salt in (seed & (2**64 - 1), 0x9E3779B97F4A7C15):
        mixed = mixed ^ np.uint64(salt)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return mixed


def _half_price(orders: Orders) -> int | None:
    """Price that clears a half [1e-6 currency/kWh]; between best bid and offer where nothing trades, None without."""
    crossing = crossing_of(orders)
    if crossing is not None:
        return crossing.price(500)
    if not len(orders.bids) or not len(orders.offers):
        return None
    best_bid, best_offer = orders.price_micro[orders.bids].max(), orders.price_micro[orders.offers].min()
    return int(best_bid + best_offer) // 2


def trade_at(orders: Orders, *, price_micro: int, seed: int, long_side: LongSide) -> tuple[Ints, Ints]:
    """Trade N orders at a price from outside [1e-6 currency/kWh].

    Returns
    -------
    tuple
        Fills (N,) [Wh] and payments (N,) [1e-9 currency]; Vickrey's charge stands with the first order of its
        participant that trades.
    """
    willing = (orders.price_micro - price_micro) * orders.side >= 0
    buys = orders.side == BUY
    demand = int(orders.quantity_wh[willing & buys].sum())
    supply = int(orders.quantity_wh[willing & ~buys].sum())
    fill, volume = no_fill(orders), min(demand, supply)
    charge = no_fill(orders)
    for mask, total in ((willing & buys, demand), (willing & ~buys, supply)):
        if total == volume:
            fill[mask] = orders.quantity_wh[mask]
        elif volume:
            _ration(orders, (fill, charge), mask=mask, volume=volume, rule=(price_micro, seed, long_side))
    return fill, orders.side * fill * price_micro + charge


def _ration(
    orders: Orders,
    answer: tuple[Ints, Ints],
    *,
    mask: Bools,
    volume: int,
    rule: tuple[int, int, LongSide],
) -> None:
    price, seed, long_side = rule
    index = best_first(orders, index=np.flatnonzero(mask))
    if long_side == "lottery":
        drawn = draw(orders.participant[index], seed=seed + 1)
        index = index[np.lexsort((orders.participant[index], drawn))]
    quantity = orders.quantity_wh[index]
    before = np.cumsum(quantity) - quantity
    answer[0][index] = np.clip(volume - before, 0, quantity)
    if long_side == "vickrey":
        _charge_displaced(orders, index, answer=answer, price=price)


def _charge_displaced(orders: Orders, index: Ints, *, answer: tuple[Ints, Ints], price: int) -> None:
    """Charge each participant the gain of the units its own units keep out."""
    fill, charge = answer
    out = index[fill[index] < orders.quantity_wh[index]]
    left = orders.quantity_wh[out] - fill[out]
    gain = np.abs(orders.price_micro[out] - price)
    owner = orders.participant[out]
    inside = index[fill[index] > 0]
    people, first, who = np.unique(orders.participant[inside], return_index=True, return_inverse=True)
    energy = np.zeros(len(people), np.int64)
    np.add.at(energy, who, fill[inside])
    fee = _first_units(left, gain, energy=energy)
    for person in np.flatnonzero(np.isin(people, owner)):
        others = owner != people[person]
        fee[person] = _first_units(left[others], gain[others], energy=energy[person : person + 1])[0]
    charge[inside[first]] = fee


def _first_units(left: Ints, gain: Ints, *, energy: Ints) -> Ints:
    """Gain [nano] of the first `energy` (P,) units of a queue of `left` units at `gain` each."""
    ends, worth = np.cumsum(left), np.cumsum(left * gain)
    if not len(ends):
        return np.zeros(len(energy), np.int64)
    at = np.minimum(np.searchsorted(ends, energy, side="left"), len(ends) - 1)
    units: Ints = worth[at] - np.maximum(ends[at] - energy, 0) * gain[at]
    return units
