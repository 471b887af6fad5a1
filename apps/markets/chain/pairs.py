"""Which part of a bid pays which offer: the trades of a run among those that are paid on the chain."""

import dataclasses
from collections.abc import Collection, Iterator, Sequence

from apps.markets.clearing import kept
from apps.markets.inputs import Fill, inputs_from, paired, result_from
from apps.markets.models import ClearingRun


@dataclasses.dataclass(frozen=True)
class Pair:
    """A bid and an offer by number, energy [Wh], and what the one pays the other [1e-9 of the currency]."""

    bid: int
    offer: int
    energy_wh: int
    pay_nano: int


def pairs_of(*, run: ClearingRun, orders: Collection[int]) -> list[Pair]:
    """Return the trades among some orders; none where buyers and sellers have prices that are not one another's.

    Where the mechanism says who trades with whom, that is it. At one price any pairing pays everybody the same, so
    that as much as possible is paired: energy bought and sold is laid end to end.
    """
    texts = kept(run)
    inputs, result = inputs_from(texts[0]), result_from(texts[1])
    said = paired(inputs)
    if said is not None:
        rows = [Pair(bid, offer, energy, energy * price) for bid, offer, energy, price in said]
        return _joined([row for row in rows if {row.bid, row.offer} <= set(orders)])
    price = result.buy_price_micro
    if price is None or price != result.sell_price_micro:
        return []
    if any(fill.pay_nano != fill.side * price * fill.energy_wh for fill in result.fills):
        return []  # with a lifeline some pay less, and others more
    fills = [fill for fill in result.fills if fill.key in orders]
    bought, sold = ([one for one in fills if one.side == side] for side in (1, -1))
    return [Pair(bid, offer, energy, energy * price) for bid, offer, energy in _end_to_end(bought, sold)]


def _end_to_end(bought: Sequence[Fill], sold: Sequence[Fill]) -> Iterator[tuple[int, int, int]]:
    """Yield (bid, offer, energy [Wh]) until one of the two has no more."""
    offers = iter(sorted(sold, key=lambda one: one.key))
    offer, left = None, 0
    for bid in sorted(bought, key=lambda one: one.key):
        wanted = bid.energy_wh
        while wanted:
            if not left:
                offer = next(offers, None)
                if offer is None:
                    return
                left = offer.energy_wh
            energy = min(wanted, left)
            wanted, left = wanted - energy, left - energy
            assert offer is not None  # something is left of it
            yield bid.key, offer.key, energy


def _joined(rows: Sequence[Pair]) -> list[Pair]:
    """One pair of each bid and offer, for they may meet more than once."""
    found: dict[tuple[int, int], Pair] = {}
    for row in rows:
        before = found.get((row.bid, row.offer), Pair(row.bid, row.offer, 0, 0))
        found[row.bid, row.offer] = dataclasses.replace(
            before, energy_wh=before.energy_wh + row.energy_wh, pay_nano=before.pay_nano + row.pay_nano
        )
    return [found[name] for name in sorted(found)]
