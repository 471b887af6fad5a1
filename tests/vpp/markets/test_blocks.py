"""Block, linked and exclusive orders: what is accepted, at which prices, and what is refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vpp.markets.block_clearing import BlockClearing, clear_blocks
from vpp.markets.blocks import Block
from vpp.markets.errors import BlockError, UnsuitableOrdersError
from vpp.markets.orders import Orders, make_orders

UNIT = 1_000_000


def hourly(rows: list[tuple[int, int, int, int]]) -> tuple[Orders, np.ndarray]:
    """Orders from (period, side, quantity [Wh], price [currency/kWh]), and their periods."""
    table = np.array(rows, np.int64).reshape(-1, 4)
    orders = make_orders(side=table[:, 1], quantity_wh=table[:, 2], price_micro=table[:, 3] * UNIT)
    return orders, table[:, 0]


def test_one_of_two_blocks_as_in_madani_and_van_vyve() -> None:
    """Two bids (11 at 50, 14 at 10), blocks of 10 at 5 and 20 at 10: the first alone has most welfare, 450, at price 50.

    M. Madani and M. Van Vyve, arXiv 1410.4468, the toy example, from memory of the paper; its arithmetic: the block of
    20 alone has 11 (50 - 10) + 9 (10 - 10) = 440, and is the one rejected though it would gain 20 (50 - 10) = 800.
    """
    orders, period = hourly([(0, 1, 11, 50), (0, 1, 14, 10)])
    blocks = [Block(1, -1, 5 * UNIT, (10,)), Block(2, -1, 10 * UNIT, (20,))]
    clearing = clear_blocks(orders, blocks, period=period, periods=1)
    assert clearing.fill_wh.tolist() == [10, 0]
    assert clearing.block_wh.tolist() == [[10], [0]]
    assert clearing.price_micro == (50 * UNIT,)
    assert clearing.welfare_nano == clearing.bound_nano == 450 * UNIT
    assert clearing.rejected_at_gain == (2,)
    assert clearing.account_nano == 0


def test_a_block_that_would_lose_is_rejected_though_it_adds_welfare() -> None:
    """The block's 10 Wh replace offers at 40 down to the offer at 10, which then sets a price below the block's 20."""
    orders, period = hourly([(0, 1, 10, 100), (0, -1, 5, 10), (0, -1, 10, 40)])
    blocks = [Block(1, -1, 20 * UNIT, (8,))]
    clearing = clear_blocks(orders, blocks, period=period, periods=1)
    assert clearing.bound_nano == (10 * 100 - 8 * 20 - 2 * 10) * UNIT
    assert clearing.welfare_nano == (10 * 100 - 5 * 10 - 5 * 40) * UNIT
    assert clearing.rounds == 2
    assert clearing.rejected_at_gain == (1,)
    assert clearing.price_micro == (40 * UNIT,)


def test_a_block_may_lose_in_one_period_what_it_gains_in_another() -> None:
    orders, period = hourly([(0, 1, 10, 10), (1, 1, 10, 60), (0, -1, 20, 8), (1, -1, 20, 50)])
    clearing = clear_blocks(orders, [Block(1, -1, 25 * UNIT, (10, 10))], period=period, periods=2)
    assert clearing.block_wh.tolist() == [[10, 10]]
    assert clearing.price_micro[0] is not None
    assert clearing.price_micro[0] < 25 * UNIT
    assert clearing.block_pay_nano[0] <= -25 * 20 * UNIT


def test_a_block_is_accepted_from_its_least_share_on() -> None:
    orders, period = hourly([(0, 1, 6, 50)])
    whole = Block(1, -1, 20 * UNIT, (10,))
    assert clear_blocks(orders, [whole], period=period, periods=1).volume_wh == 0
    part = Block(1, -1, 20 * UNIT, (10,), least_permille=500)
    clearing = clear_blocks(orders, [part], period=period, periods=1)
    assert clearing.block_wh.tolist() == [[6]]
    # Accepted in part by its own price alone: it neither gains nor loses.
    assert clearing.price_micro == (20 * UNIT,)
    more = Block(1, -1, 20 * UNIT, (10,), least_permille=700)
    assert clear_blocks(orders, [more], period=period, periods=1).volume_wh == 0


def test_a_child_saves_its_parent_and_never_goes_alone() -> None:
    orders, period = hourly([(0, 1, 10, 30), (1, 1, 10, 60)])
    parent, child = Block(1, -1, 40 * UNIT, (10, 0)), Block(2, -1, 20 * UNIT, (0, 10), parent=1)
    clearing = clear_blocks(orders, [parent, child], period=period, periods=2)
    assert clearing.block_wh.tolist() == [[10, 0], [0, 10]]
    assert int(clearing.block_pay_nano.sum()) <= -(400 + 200) * UNIT
    dear = Block(1, -1, 90 * UNIT, (10, 0))
    assert clear_blocks(orders, [dear, child], period=period, periods=2).volume_wh == 0


def test_of_an_exclusive_group_one_is_accepted() -> None:
    orders, period = hourly([(0, 1, 10, 50), (1, 1, 10, 70)])
    blocks = [Block(1, -1, 10 * UNIT, (10, 0), group=4), Block(2, -1, 10 * UNIT, (0, 10), group=4)]
    clearing = clear_blocks(orders, blocks, period=period, periods=2)
    assert clearing.block_wh.tolist() == [[0, 0], [0, 10]]
    assert clearing.price_micro[0] is None


def test_without_blocks_every_period_is_its_own_auction() -> None:
    orders, period = hourly([(0, 1, 5, 50), (0, -1, 5, 30), (1, 1, 5, 20), (1, -1, 5, 30)])
    clearing = clear_blocks(orders, [], period=period, periods=2)
    assert clearing.price_micro == (40 * UNIT, None)
    assert clearing.fill_wh.tolist() == [5, 5, 0, 0]


ONE = Block(1, -1, 10, (5, 5))


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([ONE, ONE], "two blocks have one key"),
        ([Block(1, 0, 10, (5, 5))], "side"),
        ([Block(1, -1, 10, (5,))], "2 periods"),
        ([Block(1, -1, 10, (0, 0))], "0 Wh in all"),
        ([Block(1, -1, 10, (5, -5))], "below 0 Wh"),
        ([Block(1, -1, 10, (5, 2_000_000_000))], "above 1000000000 Wh"),
        ([Block(1, -1, 2_000_000_000, (5, 5))], "out of bounds"),
        ([Block(1, -1, 10, (5, 5), least_permille=0)], "least share"),
        ([Block(1, -1, 10, (5, 5), parent=9)], "no parent 9"),
        ([Block(1, -1, 10, (5, 5), parent=2), Block(2, -1, 10, (5, 5), parent=1)], "its own ancestor"),
    ],
)
def test_blocks_without_sense_are_refused(blocks: list[Block], words: str) -> None:
    orders, period = hourly([(0, 1, 5, 50)])
    with pytest.raises(BlockError, match=words):
        clear_blocks(orders, blocks, period=period, periods=2)


def test_a_period_out_of_range_is_refused() -> None:
    orders, _ = hourly([(0, 1, 5, 50)])
    with pytest.raises(UnsuitableOrdersError, match="0 to 1"):
        clear_blocks(orders, [], period=np.array([2]), periods=2)


singles = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([1, -1]), st.integers(1, 8), st.integers(1, 9)), max_size=8
)
profiles = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(any)
block_rows = st.lists(
    st.tuples(
        st.sampled_from([1, -1]), st.integers(1, 9), profiles, st.sampled_from([1000, 500, 1]),
        st.sampled_from([None, 0]), st.booleans(),
    ),
    max_size=4,
)  # fmt: skip


def blocks_of(table: list[tuple[int, int, tuple[int, int], int, int | None, bool]]) -> list[Block]:
    return [
        Block(at, side, price * UNIT, profile, least, parent=at - 1 if linked and at else None, group=group)
        for at, (side, price, profile, least, group, linked) in enumerate(table)
    ]


def trees(blocks: list[Block]) -> list[list[int]]:
    """Each block with all that depend on it (parents have smaller keys)."""
    found: list[list[int]] = []
    for root in range(len(blocks)):
        members = {root}
        for at in range(root + 1, len(blocks)):
            if blocks[at].parent in members:
                members.add(at)
        found.append(sorted(members))
    return found


def check_rules(orders: Orders, period: np.ndarray, blocks: list[Block], clearing: BlockClearing) -> None:
    price = np.array([0 if one is None else one for one in clearing.price_micro])
    assert int(clearing.pay_nano.sum() + clearing.block_pay_nano.sum()) == clearing.account_nano == 0
    energy = np.bincount(period, weights=orders.side * clearing.fill_wh, minlength=2)
    sides = np.array([block.side for block in blocks], np.int64)
    assert (energy + (clearing.block_wh * sides[:, None]).sum(axis=0) == 0).all()
    gain = (orders.price_micro - price[period]) * orders.side
    traded = np.array([one is not None for one in clearing.price_micro])[period]
    assert (clearing.fill_wh[gain < 0] == 0).all()
    assert (clearing.fill_wh[(gain > 0) & traded] == orders.quantity_wh[(gain > 0) & traded]).all()
    worth = np.array(
        [block.side * block.price_micro * int(clearing.block_wh[at].sum()) for at, block in enumerate(blocks)]
    )
    surplus = worth - clearing.block_pay_nano
    for tree in trees(blocks):
        assert surplus[tree].sum() >= -int(clearing.block_wh[tree].sum())
    share = np.array([clearing.block_wh[at].sum() / sum(block.profile_wh) for at, block in enumerate(blocks)])
    for at, block in enumerate(blocks):
        one_wh = 2 / sum(block.profile_wh)
        assert share[at] == 0 or share[at] >= block.least_permille / 1000 - one_wh
        assert block.parent is None or share[at] <= share[block.parent] + one_wh + 2 / sum(
            blocks[block.parent].profile_wh
        )
    grouped = [at for at, block in enumerate(blocks) if block.group is not None]
    assert share[grouped].sum() <= 1 + sum(1 / sum(blocks[at].profile_wh) for at in grouped)
    assert clearing.welfare_nano <= clearing.bound_nano


@settings(max_examples=60, deadline=None)
@given(table=singles, block_table=block_rows, data=st.data())
def test_rules_hold_and_the_order_does_not_matter(
    table: list[tuple[int, int, int, int]],
    block_table: list[tuple[int, int, tuple[int, int], int, int | None, bool]],
    data: st.DataObject,
) -> None:
    orders, period = hourly(table)
    blocks = blocks_of(block_table)
    clearing = clear_blocks(orders, blocks, period=period, periods=2)
    check_rules(orders, period, blocks, clearing)
    shuffled = np.array(data.draw(st.permutations(range(len(orders)))), np.int64)
    other = clear_blocks(orders.take(shuffled), blocks[::-1], period=period[shuffled], periods=2)
    assert other.price_micro == clearing.price_micro
    assert np.array_equal(other.fill_wh, clearing.fill_wh[shuffled])
    assert np.array_equal(other.block_wh[::-1], clearing.block_wh)


def best_of_all(orders: Orders, period: np.ndarray, blocks: list[Block]) -> int:
    """Most welfare over every choice of whole blocks, unit by unit."""
    best = 0
    for choice in itertools.product([0, 1], repeat=len(blocks)):
        welfare: int | None = 0
        for at in range(2):
            values = {side: [] for side in (1, -1)}  # type: dict[int, list[int]]
            for row in np.flatnonzero(period == at):
                values[int(orders.side[row])] += [int(orders.price_micro[row])] * int(orders.quantity_wh[row])
            net = sum(
                taken * block.side * block.profile_wh[at] for taken, block in zip(choice, blocks, strict=True)
            )
            bids, offers = sorted(values[1], reverse=True), sorted(values[-1])
            sums = [
                sum(bids[: count - min(0, net)]) - sum(offers[: count + max(0, net)])
                for count in range(len(bids) + len(offers) + 1)
                if count - min(0, net) <= len(bids) and count + max(0, net) <= len(offers)
            ]
            welfare = None if welfare is None or not sums else welfare + max(sums)
        if welfare is not None:
            taken_worth = sum(
                taken * block.side * block.price_micro * sum(block.profile_wh)
                for taken, block in zip(choice, blocks, strict=True)
            )
            best = max(best, welfare + taken_worth)
    return best


@pytest.mark.parametrize("time_limit_s", [60.0, 1e-6])
def test_rules_hold_where_blocks_are_many_and_time_is_short(time_limit_s: float) -> None:
    chance = np.random.default_rng(5)
    table = [
        (at % 2, 1 if at % 4 < 2 else -1, int(chance.integers(1, 30)), int(chance.integers(1, 40)))
        for at in range(40)
    ]
    orders, period = hourly(table)
    blocks = [
        Block(
            at, 1 if at % 2 else -1, int(chance.integers(15, 25)) * UNIT, (int(chance.integers(20, 90)), 30)
        )
        for at in range(24)
    ]
    clearing = clear_blocks(orders, blocks, period=period, periods=2, time_limit_s=time_limit_s)
    check_rules(orders, period, blocks, clearing)


@settings(max_examples=40, deadline=None)
@given(table=singles, block_table=block_rows)
def test_the_bound_is_the_most_welfare_of_any_choice(
    table: list[tuple[int, int, int, int]],
    block_table: list[tuple[int, int, tuple[int, int], int, int | None, bool]],
) -> None:
    orders, period = hourly(table)
    blocks = [Block(at, row[0], row[1] * UNIT, row[2]) for at, row in enumerate(block_table)]
    clearing = clear_blocks(orders, blocks, period=period, periods=2)
    best = best_of_all(orders, period, blocks)
    assert abs(clearing.bound_nano - best) <= 1e-5 * best + 1
