"""Bring sealed roots on chain. The chain itself tells what is anchored: nothing is remembered here, so nothing can differ."""

from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.errors import ChainDivergedError
from apps.markets.chain.roots import SealedRoot, SealedRoots


def anchor_unsent(market: EnergyMarket, roots: SealedRoots, *, limit: int) -> list[SealedRoot]:
    """Anchor what the log has sealed and the chain does not have, oldest first; return it."""
    following = market.next_sequence()
    if following:
        _check(market, roots, first=following - 1, count=1)
    sent: list[SealedRoot] = []
    for root in roots.read(following, limit=limit):
        if root.sequence != following + len(sent):
            raise ChainDivergedError(f"the log has no batch {following + len(sent)}")
        market.anchor(root)
        sent.append(root)
    return sent


def check_anchored(market: EnergyMarket, roots: SealedRoots, *, limit: int) -> int:
    """Compare all that is anchored with the log; return how many batches agree."""
    count = market.next_sequence()
    for first in range(0, count, limit):
        _check(market, roots, first=first, count=min(limit, count - first))
    return count


def _check(market: EnergyMarket, roots: SealedRoots, *, first: int, count: int) -> None:
    ours = roots.read(first, limit=count)
    for sequence in range(first, first + count):
        own = ours[sequence - first] if sequence - first < len(ours) else None
        if own != market.anchored(sequence):
            raise ChainDivergedError(f"batch {sequence} is another on the chain than in the log")
