"""Mechanisms by name, for markets that choose one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from vpp.markets import (
    block_clearing,
    continuous_book,
    energy_reserve,
    equity,
    huang,
    lossy_links,
    mcafee,
    muda,
    network_clearing,
    pay_as_bid,
    peer_to_peer,
    uniform_price,
)
from vpp.markets.continuous_book import run_book
from vpp.markets.equity import clear_low_income_first
from vpp.markets.errors import MarketError
from vpp.markets.huang import clear_huang
from vpp.markets.mcafee import clear_mcafee
from vpp.markets.muda import clear_muda
from vpp.markets.orders import Orders
from vpp.markets.pay_as_bid import clear_pay_as_bid
from vpp.markets.peer_to_peer import clear_peer_to_peer
from vpp.markets.properties import Properties
from vpp.markets.result import Clearing
from vpp.markets.uniform_price import clear_uniform_price


class UnknownMechanismError(MarketError):
    """A name that no mechanism has."""

    code = "mechanism_unknown"


@dataclass(frozen=True, slots=True)
class Mechanism:
    """A way to clear orders alone; `clear` takes orders and a seed, which only a lottery looks at."""

    name: str
    clear: Callable[[Orders, int], Clearing]
    properties: Properties


SACRIFICE_PERMILLE: Final = 50


def _low_income_first(orders: Orders) -> Clearing:
    """Bids of class 0 first, where low-income homes stand, for at most 5 % of the welfare."""
    return clear_low_income_first(
        orders, low_income=orders.priority == 0, sacrifice_permille=SACRIFICE_PERMILLE
    ).clearing


_MECHANISMS: Final = (
    Mechanism("uniform_price", lambda orders, _: clear_uniform_price(orders), uniform_price.PROPERTIES),
    Mechanism("pay_as_bid", lambda orders, _: clear_pay_as_bid(orders), pay_as_bid.PROPERTIES),
    Mechanism("mcafee", lambda orders, _: clear_mcafee(orders), mcafee.PROPERTIES),
    Mechanism("huang", lambda orders, _: clear_huang(orders), huang.PROPERTIES),
    Mechanism("muda", lambda orders, seed: clear_muda(orders, seed=seed), muda.PROPERTIES),
    Mechanism(
        "muda_lottery", lambda orders, seed: clear_muda(orders, seed=seed, long_side="lottery"), muda.LOTTERY
    ),
    Mechanism("peer_to_peer", lambda orders, _: clear_peer_to_peer(orders), peer_to_peer.PROPERTIES),
    Mechanism("low_income_first", lambda orders, _: _low_income_first(orders), equity.PROPERTIES),
    Mechanism("continuous", lambda orders, _: run_book(orders).clearing, continuous_book.PROPERTIES),
)
MECHANISMS: Final = {mechanism.name: mechanism for mechanism in _MECHANISMS}
# These take more than orders and are called by their own functions.
_BEYOND_ORDERS: Final = {
    "network": network_clearing.PROPERTIES,
    "dc_network": network_clearing.PROPERTIES,
    "losses": lossy_links.PROPERTIES,
    "reserve": energy_reserve.PROPERTIES,
    "blocks": block_clearing.PROPERTIES,
}


def mechanism_named(name: str) -> Mechanism:
    """Return a mechanism that takes orders alone.

    Raises
    ------
    UnknownMechanismError
        Where there is none of that name.
    """
    try:
        return MECHANISMS[name]
    except KeyError:
        raise UnknownMechanismError(
            f"no mechanism named {name}; there are: {', '.join(MECHANISMS)}"
        ) from None


def properties_of(name: str) -> Properties:
    """Return what a mechanism promises, also of one that takes more than orders.

    Raises
    ------
    UnknownMechanismError
        Where there is none of that name.
    """
    held = _BEYOND_ORDERS.get(name)
    return held if held is not None else mechanism_named(name).properties
