"""Single orders of several periods cleared together with block, linked and exclusive orders.

The rules of the European day-ahead coupling: uniform prices per period, single orders never against their limit, no
accepted block (with what depends on it) at a loss, while a block that would gain may be rejected: NEMO Committee,
"EUPHEMIA public description" (2019); M. Madani and M. Van Vyve, "Computationally efficient MIP formulation and
algorithms for European day-ahead electricity market auctions", European J. of Operational Research 242 (2015) 580.

The most welfare is found first and is the bound. Where prices leave an accepted block at a loss, the one with the
largest loss is rejected and the program solved again, until none is left; after some rounds all that lose are
rejected at once. A heuristic, whose distance to the bound is reported with every answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.markets.block_prices import PriceAnswer, PriceBounds, find_prices, price_bounds
from vpp.markets.block_program import BlockProgram, Shares, WelfareProgram
from vpp.markets.blocks import Block, check_blocks, families
from vpp.markets.errors import ClearingFailedError, UnsuitableOrdersError
from vpp.markets.merit import crossing_of, fills_at
from vpp.markets.orders import Ints, Limits, Orders, check_total, concatenate, make_orders
from vpp.markets.properties import Properties

PROPERTIES: Final = Properties(
    efficient=False,
    individually_rational=True,
    budget="strong",
    truthful=False,
    conditions="a block may lose up to half a price step on its energy by rounding; bounded by `bound_nano`",
)
TIME_LIMIT_S: Final = 20.0
# Until then one block is refused a round; afterwards the program shrinks fast.
CAREFUL_ROUNDS: Final = 13
LAST_ROUND: Final = 19
# A block accepted in part should not gain either, but that must never cost another block a loss.
GAIN_WEIGHT: Final = 1e-3


@dataclass(frozen=True, slots=True)
class BlockClearing:
    """Result for N single orders, B blocks and T periods.

    Attributes
    ----------
    fill_wh, pay_nano
        Energy [Wh] and payment [1e-9 currency] of the single orders (N,).
    block_wh, block_pay_nano
        Energy (B, T) [Wh] and payment (B,) [1e-9 currency] of the blocks.
    price_micro
        Price of each period [1e-6 currency/kWh]; None where nothing trades.
    welfare_nano, bound_nano
        Welfare, and a bound no outcome exceeds, prices that leave blocks at a loss included [1e-9 currency].
    volume_wh
        Energy bought in all periods [Wh].
    account_nano
        Sum of all payments [1e-9 currency].
    rejected_at_gain
        Keys of blocks that were rejected though they would have gained at these prices.
    rounds
        How often the program was solved.
    proven
        Whether every program was solved to its end, and not all blocks had to be rejected in the last round.
    """

    fill_wh: Ints
    pay_nano: Ints
    block_wh: Ints
    block_pay_nano: Ints
    price_micro: tuple[int | None, ...]
    welfare_nano: int
    bound_nano: int
    volume_wh: int
    account_nano: int
    rejected_at_gain: tuple[int, ...]
    rounds: int
    proven: bool


@dataclass(frozen=True, slots=True)
class _Outcome:
    """Fills, block energy, the bounds of prices and the prices of one round."""

    fill_wh: Ints
    block_wh: Ints
    bounds: PriceBounds
    prices: PriceAnswer


def clear_blocks(
    orders: Orders,
    blocks: Sequence[Block],
    *,
    period: Ints,
    periods: int,
    limits: Limits | None = None,
    time_limit_s: float = TIME_LIMIT_S,
) -> BlockClearing:
    """Clear N single orders with B blocks over T periods.

    Parameters
    ----------
    orders, period
        Single orders and the period 0..T-1 of each (N,).
    blocks, periods
        Block orders with profiles of T periods.
    limits
        Bounds of prices and quantities.
    time_limit_s
        Most time of all programs together [s], two fifths of it for the first. Where a program is not solved to its end, its
        best answer so far is used, and `proven` is false.

    Raises
    ------
    BlockError
        For blocks without sense.
    UnsuitableOrdersError
        For periods out of range.
    ClearingFailedError
        Where a program ends with an error.
    """
    bounds = limits or Limits()
    check_blocks(blocks, periods=periods, limits=bounds)
    if len(period) != len(orders) or ((period < 0) | (period >= periods)).any():
        raise UnsuitableOrdersError(f"not every order has a period from 0 to {periods - 1}")
    ranked = np.argsort(orders.key)
    ordered = BlockProgram(
        orders.take(ranked), period[ranked], sorted(blocks, key=lambda one: one.key), periods
    )
    _check_worth(ordered)
    found = _search(ordered, limits=bounds, time_limit_s=time_limit_s)
    back = np.empty(len(orders), np.int64)
    back[ranked] = np.arange(len(orders))
    at = {block.key: place for place, block in enumerate(ordered.blocks)}
    return _result(
        ordered, found, order_at=back, block_at=np.array([at[one.key] for one in blocks], np.int64)
    )


def _check_worth(program: BlockProgram) -> None:
    energy = np.concatenate([program.orders.quantity_wh, program.profile_wh.sum(axis=1)])
    check_total(energy, np.concatenate([program.orders.price_micro, program.price_micro]))


@dataclass(frozen=True, slots=True)
class _Found:
    outcome: _Outcome
    bound_nano: float
    rounds: int
    proven: bool


def _search(program: BlockProgram, *, limits: Limits, time_limit_s: float) -> _Found:
    trees = families(program.blocks)
    if not program.blocks:
        return _Found(_settle(program, np.zeros(0), limits=limits, trees=trees), 0.0, 0, True)
    welfare = WelfareProgram(program)
    tolerance = np.maximum(1.0, program.profile_wh.sum(axis=1))
    refused: set[int] = set()
    bound, proven = 0.0, True
    for rounds in range(1, LAST_ROUND + 1):
        shares = welfare.solve(refused, time_limit_s=time_limit_s * _part_of_time(rounds))
        bound = shares.bound_nano if rounds == 1 else bound  # later programs have blocks refused
        proven = proven and shares.proven
        outcome = _settle(program, shares.share, limits=limits, trees=trees)
        losses = outcome.prices.loss_nano[: len(program.blocks)] - tolerance
        if losses.max() <= 0:
            return _Found(outcome, bound, rounds, proven)
        refused |= _to_refuse(losses, shares, rounds=rounds)
    nothing = _settle(program, np.zeros(len(program.blocks)), limits=limits, trees=trees)
    return _Found(nothing, bound, LAST_ROUND, False)


def _part_of_time(rounds: int) -> float:
    """All rounds together take the whole time at most."""
    if rounds == 1:
        return 0.4
    return 0.04 if rounds <= CAREFUL_ROUNDS else 0.6 * 0.2 / (LAST_ROUND - CAREFUL_ROUNDS)


def _to_refuse(losses: NDArray[np.float64], shares: Shares, *, rounds: int) -> set[int]:
    """The block with the largest loss; after many rounds all with a loss.

    Where the program was too hard for its time, the next one keeps to what was accepted, near the answer so far.
    """
    careful = rounds <= CAREFUL_ROUNDS
    lost = np.array([np.argmax(losses)]) if careful else np.flatnonzero(losses > 0)
    left_out = np.flatnonzero(shares.share == 0) if not (careful and shares.proven) else lost
    return {*lost.tolist(), *left_out.tolist()}


def _settle(
    program: BlockProgram, share: NDArray[np.float64], *, limits: Limits, trees: list[list[int]]
) -> _Outcome:
    energy = _whole_blocks(program, share)
    net = (energy * program.side[:, None]).sum(axis=0)
    fill = np.zeros(len(program.orders), np.int64)
    for period in range(program.periods):
        members = np.flatnonzero(program.period == period)
        fill[members] = _fill_beside(program.orders.take(members), net_wh=int(net[period]))
    least, most = _outer(program, limits)
    bounds = price_bounds(program.orders, fill, period=program.period, outer=(least, most))
    if (bounds.low > bounds.high).any():
        raise ClearingFailedError("no price suits all single orders")
    signed = energy * program.side[:, None]
    worth = signed.sum(axis=1) * program.price_micro
    free = _free_shares(program, share)
    lines = np.array([signed[tree].sum(axis=0) for tree in trees], np.int64).reshape(-1, program.periods)
    values = np.array([worth[tree].sum() for tree in trees], np.int64)
    prices = find_prices(
        bounds,
        energy_wh=np.concatenate([lines, -signed[free]]),
        worth_nano=np.concatenate([values, -worth[free]]),
        weight=np.repeat([1.0, GAIN_WEIGHT], [len(lines), len(free)]),
    )
    return _Outcome(fill, energy, bounds, prices)


def _outer(program: BlockProgram, limits: Limits) -> tuple[Ints, Ints]:
    """Widest prices: those of any order, single or block, so that none comes from the limits alone."""
    prices = np.concatenate([program.orders.price_micro, program.price_micro, np.zeros(1, np.int64)])
    least = max(limits.least_price_micro, int(prices.min()) - 1)
    most = min(limits.most_price_micro, int(prices.max()) + 1)
    return np.full(program.periods, least), np.full(program.periods, most)


def _free_shares(program: BlockProgram, share: NDArray[np.float64]) -> list[int]:
    """Blocks accepted in part by their own price alone: they must neither gain nor lose."""
    parents = {block.parent for block in program.blocks}
    found = []
    for at, block in enumerate(program.blocks):
        alone = block.parent is None and block.group is None and block.key not in parents
        if alone and block.least_permille / 1000 + 1e-6 < share[at] < 1 - 1e-6:
            found.append(at)
    return found


def _whole_blocks(program: BlockProgram, share: NDArray[np.float64]) -> Ints:
    """Energy of the blocks (B, T) [Wh] in whole units whose signed sum per period is the nearest whole number."""
    exact = program.profile_wh * share[:, None] * program.side[:, None]
    near = np.rint(exact)
    exact = np.where(np.abs(exact - near) < 1e-3, near, exact)
    whole = np.floor(exact)
    for period in range(program.periods):
        left = round(float((exact[:, period] - whole[:, period]).sum()))
        first = np.argsort(whole[:, period] - exact[:, period], kind="stable")[:left]
        whole[first, period] += 1
    return np.abs(whole).astype(np.int64)


def _fill_beside(orders: Orders, *, net_wh: int) -> Ints:
    """Fill single orders of a period beside blocks that draw `net_wh` [Wh] in sum, whatever the price."""
    if net_wh:
        limit = int(np.abs(orders.price_micro).max(initial=0)) + 1
        limits = Limits(abs(net_wh), -limit, limit)
        key = int(orders.key.max(initial=0)) + 1
        side = 1 if net_wh > 0 else -1
        blocks = make_orders(
            side=[side], price_micro=side * limit, quantity_wh=abs(net_wh), key=[key], limits=limits
        )
        orders = concatenate([orders, blocks])
    crossing = crossing_of(orders)
    if crossing is None:
        if net_wh:
            raise ClearingFailedError("no single order stands against the accepted blocks")
        return np.zeros(len(orders), np.int64)
    fill = fills_at(orders, crossing)
    if net_wh and fill[-1] != abs(net_wh):
        raise ClearingFailedError("the single orders do not cover the accepted blocks")
    return fill[:-1] if net_wh else fill


def _result(program: BlockProgram, found: _Found, *, order_at: Ints, block_at: Ints) -> BlockClearing:
    outcome, orders = found.outcome, program.orders
    price = outcome.prices.price_micro
    signed = outcome.block_wh * program.side[:, None]
    pay = orders.side * outcome.fill_wh * price[program.period]
    block_pay = (signed * price).sum(axis=1)
    single = orders.side * outcome.fill_wh
    welfare = int((single * orders.price_micro).sum() + (signed.sum(axis=1) * program.price_micro).sum())
    drawn = np.bincount(program.period, weights=np.maximum(0, single), minlength=program.periods)
    drawn += np.maximum(0, signed).sum(axis=0)
    at_gain = (program.profile_wh * program.side[:, None] * (program.price_micro[:, None] - price)).sum(
        axis=1
    ) > 0
    rejected = at_gain & ~outcome.block_wh.any(axis=1)
    keys = tuple(block.key for block, missed in zip(program.blocks, rejected, strict=True) if missed)
    return BlockClearing(
        fill_wh=outcome.fill_wh[order_at],
        pay_nano=pay[order_at],
        block_wh=outcome.block_wh[block_at],
        block_pay_nano=block_pay[block_at],
        price_micro=tuple(int(one) if energy else None for one, energy in zip(price, drawn, strict=True)),
        welfare_nano=welfare,
        bound_nano=max(welfare, int(np.floor(found.bound_nano))),
        volume_wh=int(drawn.sum()),
        account_nano=int(pay.sum() + block_pay.sum()),
        rejected_at_gain=keys,
        rounds=found.rounds,
        proven=found.proven,
    )
