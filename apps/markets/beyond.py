"""Mechanisms that need more than orders, by name: each computes a result from kept inputs alone."""

from collections.abc import Callable
from typing import Final

from apps.markets.block_clearing import clear_with_blocks
from apps.markets.feeder_clearing import clear_on_dc, clear_with_losses
from apps.markets.inputs import Inputs, Result
from apps.markets.network_clearing import clear_on_network
from apps.markets.reserve_clearing import clear_with_reserve

BEYOND: Final[dict[str, Callable[[Inputs], Result]]] = {
    "network": clear_on_network,
    "dc_network": clear_on_dc,
    "losses": clear_with_losses,
    "reserve": clear_with_reserve,
    "blocks": clear_with_blocks,
}
