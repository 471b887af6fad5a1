"""Bilateral contracts between two orders, carried out before anything else."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vpp.markets.errors import ContractError, WashTradeError
from vpp.markets.orders import BUY, SELL, Ints, Orders
from vpp.markets.result import Trades


@dataclass(frozen=True, slots=True)
class Contract:
    """Agreed between the bid and the offer with these keys: energy [Wh] at a price [1e-6 currency/kWh]."""

    bid: int
    offer: int
    energy_wh: int
    price_micro: int


def carry_out(contracts: Sequence[Contract], orders: Orders) -> tuple[Trades, Ints]:
    """Return the contracts' trades and what they leave of each order (N,) [Wh].

    Raises
    ------
    ContractError
        For an unknown key, a wrong side, energy of zero or less or beyond the orders' quantities, and a price that is
        worse than either order's limit.
    WashTradeError
        For a contract of a participant with itself.
    """
    place = {int(key): at for at, key in enumerate(orders.key)}
    left = orders.quantity_wh.copy()
    rows = []
    for contract in sorted(contracts, key=lambda one: (one.bid, one.offer, one.price_micro, one.energy_wh)):
        bid, offer = _sides(contract, orders, place=place)
        _check(contract, orders, pair=(bid, offer))
        if contract.energy_wh > min(left[bid], left[offer]):
            raise ContractError(
                f"orders {contract.bid} and {contract.offer} do not cover {contract.energy_wh} Wh"
            )
        left[[bid, offer]] -= contract.energy_wh
        rows.append((bid, offer, contract.energy_wh, contract.price_micro))
    table = np.array(rows, np.int64).reshape(-1, 4)
    return Trades(table[:, 0], table[:, 1], table[:, 2], table[:, 3]), left


def _sides(contract: Contract, orders: Orders, *, place: dict[int, int]) -> tuple[int, int]:
    try:
        bid, offer = place[contract.bid], place[contract.offer]
    except KeyError as unknown:
        raise ContractError(f"there is no order {unknown}") from None
    if orders.side[bid] != BUY or orders.side[offer] != SELL:
        raise ContractError(f"orders {contract.bid} and {contract.offer} are not a bid and an offer")
    return bid, offer


def _check(contract: Contract, orders: Orders, *, pair: tuple[int, int]) -> None:
    bid, offer = pair
    if orders.participant[bid] == orders.participant[offer]:
        raise WashTradeError(f"orders {contract.bid} and {contract.offer} are of one participant")
    if contract.energy_wh <= 0:
        raise ContractError("a contract is about more than 0 Wh")
    if not orders.price_micro[offer] <= contract.price_micro <= orders.price_micro[bid]:
        raise ContractError(f"the price is not between offer {contract.offer} and bid {contract.bid}")
