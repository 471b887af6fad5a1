"""Block orders: one price for a profile over several periods, taken as a whole or from a least share on.

The products of the European day-ahead coupling: NEMO Committee, "EUPHEMIA public description" (2019), ch. 5: profile
block orders with a minimum acceptance ratio, linked families, exclusive groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vpp.markets.errors import BlockError
from vpp.markets.orders import Limits


@dataclass(frozen=True, slots=True)
class Block:
    """One block order.

    Attributes
    ----------
    key
        Unique among the blocks.
    side
        +1 to buy, -1 to sell, in all its periods.
    price_micro
        Limit for the mean price of its energy [1e-6 currency/kWh].
    profile_wh
        Most energy of each period [Wh], one value a period.
    least_permille
        Least share that may be accepted, if any is [1/1000].
    parent
        Key of the block of which at least the same share must be accepted.
    group
        The accepted shares of one group's blocks are at most 1 together.
    """

    key: int
    side: int
    price_micro: int
    profile_wh: tuple[int, ...]
    least_permille: int = 1000
    parent: int | None = None
    group: int | None = None


def check_blocks(blocks: Sequence[Block], *, periods: int, limits: Limits) -> None:
    """Refuse blocks without sense.

    Raises
    ------
    BlockError
        For the first block with an unknown side, a profile of another length, energy below zero, none at all or
        above the limit, a price out of bounds, a least share outside 1 to 1000, a key used twice, a parent that is
        not there, or a family without a beginning.
    """
    by_key = {block.key: block for block in blocks}
    if len(by_key) != len(blocks):
        raise BlockError("two blocks have one key")
    for block in blocks:
        if reason := _fault(block, periods=periods, limits=limits):
            raise BlockError(f"block {block.key}: {reason}")
        _check_family(block, by_key)


def _fault(block: Block, *, periods: int, limits: Limits) -> str | None:
    profile = block.profile_wh
    reasons = {
        "side is neither 1 nor -1": block.side not in (1, -1),
        f"the profile has not {periods} periods": len(profile) != periods,
        "energy is below 0 Wh, or 0 Wh in all": not any(profile) or min(profile, default=0) < 0,
        f"energy is above {limits.most_wh} Wh": max(profile, default=0) > limits.most_wh,
        "the price is out of bounds": not limits.least_price_micro
        <= block.price_micro
        <= limits.most_price_micro,
        "the least share is not between 1 and 1000": not 1 <= block.least_permille <= 1000,
    }
    return next((reason for reason, bad in reasons.items() if bad), None)


def _check_family(block: Block, by_key: dict[int, Block]) -> None:
    seen = {block.key}
    ancestor = block
    while ancestor.parent is not None:
        if ancestor.parent not in by_key:
            raise BlockError(f"block {ancestor.key}: there is no parent {ancestor.parent}")
        if ancestor.parent in seen:
            raise BlockError(f"block {block.key} is its own ancestor")
        ancestor = by_key[ancestor.parent]
        seen.add(ancestor.key)


def families(blocks: Sequence[Block]) -> list[list[int]]:
    """Return for each block the positions of itself and all its descendants."""
    place = {block.key: at for at, block in enumerate(blocks)}
    members: list[list[int]] = [[] for _ in blocks]
    for at, block in enumerate(blocks):
        ancestor: Block | None = block
        while ancestor is not None:
            members[place[ancestor.key]].append(at)
            ancestor = None if ancestor.parent is None else blocks[place[ancestor.parent]]
    return members
