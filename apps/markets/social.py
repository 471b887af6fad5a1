"""Mechanisms that take a rule beside orders: contracts, low-income homes first, a lifeline laid over; by kept inputs alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from apps.markets.inputs import Inputs, OrderLine, orders_of
from apps.markets.rules import EQUITY, LIFELINES, PEER_TO_PEER

if TYPE_CHECKING:  # numpy is imported where something is computed
    from apps.markets.models import Market
    from vpp.markets.result import Clearing

# Runs of before it could be chosen have no word of it.
SACRIFICE_PERMILLE: Final = 50


def social_plain(market: "Market") -> dict[str, Any]:
    """Return a market's social rules as they are kept with a run's inputs."""
    found: dict[str, Any] = {}
    if market.mechanism == EQUITY and market.sacrifice_permille != SACRIFICE_PERMILLE:
        found["sacrifice_permille"] = market.sacrifice_permille
    if market.mechanism in LIFELINES and market.lifeline_wh:
        found["lifeline"] = [market.lifeline_wh, market.lifeline_price_micro, market.lifeline_levy_permille]
    return found


def cleared(inputs: Inputs, lines: Sequence[OrderLine]) -> "Clearing":
    """Clear lines by the mechanism's own rule."""
    from vpp.markets.contracts import Contract
    from vpp.markets.equity import clear_low_income_first
    from vpp.markets.peer_to_peer import clear_peer_to_peer
    from vpp.markets.registry import mechanism_named

    orders = orders_of(lines)
    if inputs.mechanism == PEER_TO_PEER:
        contracts = [Contract(*row) for row in inputs.extra.get("contracts", [])]
        return clear_peer_to_peer(orders, contracts=contracts)
    if inputs.mechanism == EQUITY:
        sacrifice = inputs.extra.get("sacrifice_permille", SACRIFICE_PERMILLE)
        poor = orders.priority == 0
        return clear_low_income_first(orders, low_income=poor, sacrifice_permille=sacrifice).clearing
    return mechanism_named(inputs.mechanism).clear(orders, inputs.seed)


def with_lifeline(
    inputs: Inputs, lines: Sequence[OrderLine], *, found: "Clearing"
) -> tuple[list[int], dict[str, Any]]:
    """Return what each line pays with the lifeline, and what there is to say of it; class 0 is low-income.

    The price that is told stays that of the clearing: the first energy of low-income homes is cheaper, and what all
    others gained bears it.
    """
    from vpp.markets.lifeline import Lifeline, apply_lifeline

    rule = inputs.extra.get("lifeline")
    if rule is None:
        return found.pay_nano.tolist(), {}
    orders = orders_of(lines)
    given = apply_lifeline(orders, found, low_income=orders.priority == 0, lifeline=Lifeline(*rule))
    said = {
        "discount_nano": int(given.discount_nano.sum()),
        "levy_permille": round(given.levy_permille, 3),
        "full": given.full,
    }
    return given.clearing.pay_nano.tolist(), {"lifeline": said}
