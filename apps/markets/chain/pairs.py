"""Who pays whom on the chain: of what each bid owes in a run, the parts that go to sellers, and the rest."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from apps.markets.clearing import kept
from apps.markets.inputs import Fill, inputs_from, paired, result_from
from apps.markets.models import ClearingRun


@dataclasses.dataclass(frozen=True)
class Pair:
    """A bid, the offer it pays, energy [Wh] and payment [1e-9 of the currency].

    Without an offer it is the rest of what the bid owes, which goes to the operator: for sellers without an address, and
    where buyers pay more than sellers get.
    """

    bid: int
    offer: int | None
    energy_wh: int
    pay_nano: int


def pairs_of(*, run: ClearingRun, bids: Collection[int], offers: Collection[int]) -> list[Pair]:
    """Return the payments of some bids; those to some offers first, then each bid's rest.

    Where the mechanism says who trades with whom, that is it. Else any pairing will do, for everybody pays and gets
    the same: as much as possible is paired, energy bought and sold laid end to end. Of a pair's two prices the lower one
    counts: a buyer pays no more than it owes, and a seller gets no more than it is owed.
    """
    texts = kept(run)
    inputs, result = inputs_from(texts[0]), result_from(texts[1])
    bought, sold = (
        {one.key: one for one in result.fills if one.side == side and one.key in chosen and one.energy_wh}
        for side, chosen in ((1, bids), (-1, offers))
    )
    said = paired(inputs)
    if said is not None:
        rows = [
            Pair(bid, offer, energy, energy * price)
            for bid, offer, energy, price in said
            if bid in bought and offer in sold
        ]
    else:
        rows = list(_shared(bought, sold))
    direct = _bounded([row for row in _joined(rows) if row.pay_nano > 0], bought)
    return direct + list(_rests(bought, direct))


def _shared(bought: Mapping[int, Fill], sold: Mapping[int, Fill]) -> Iterator[Pair]:
    """Lay energy end to end; each order's payment is spread over its energy, to the last billionth."""
    done: dict[int, int] = {}
    for bid, offer, energy in _end_to_end(list(bought.values()), list(sold.values())):
        parts = [_part(fill, done, energy=energy) for fill in (bought[bid], sold[offer])]
        yield Pair(bid, offer, energy, max(0, min(parts)))


def _part(fill: Fill, done: dict[int, int], *, energy: int) -> int:
    """What falls to the next part of an order's energy: what it pays, or what it gets."""
    before = done.get(fill.key, 0)
    done[fill.key] = before + energy
    total = fill.side * fill.pay_nano
    return total * (before + energy) // fill.energy_wh - total * before // fill.energy_wh


def _bounded(rows: Sequence[Pair], bought: Mapping[int, Fill]) -> list[Pair]:
    """Nobody pays more than it owes: with a lifeline a bid may owe less than its trades' prices."""
    left = {key: max(0, fill.pay_nano) for key, fill in bought.items()}
    found = []
    for row in rows:
        pay = min(row.pay_nano, left[row.bid])
        left[row.bid] -= pay
        if pay:
            found.append(dataclasses.replace(row, pay_nano=pay))
    return found


def _rests(bought: Mapping[int, Fill], direct: Sequence[Pair]) -> Iterator[Pair]:
    """What bids owe beside what sellers get of them; the energy is all of the bid's."""
    for key in sorted(bought):
        rest = bought[key].pay_nano - sum(row.pay_nano for row in direct if row.bid == key)
        if rest > 0:
            yield Pair(key, None, bought[key].energy_wh, rest)


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
    found: dict[tuple[int, int | None], Pair] = {}
    for row in rows:
        before = found.get((row.bid, row.offer), Pair(row.bid, row.offer, 0, 0))
        found[row.bid, row.offer] = dataclasses.replace(
            before, energy_wh=before.energy_wh + row.energy_wh, pay_nano=before.pay_nano + row.pay_nano
        )
    return sorted(found.values(), key=lambda row: (row.bid, row.offer or 0))
