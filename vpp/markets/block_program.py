"""The most welfare of single and block orders, as a mixed-integer program for HiGHS.

maximize   sum_i side_i price_i x_i + sum_b side_b price_b E_b r_b
subject to sum_(i in t) side_i x_i + sum_b side_b e_bt r_b = 0          for every period t
           least_b y_b <= r_b <= y_b,  y_b in {0, 1};  r_child <= r_parent;  sum_(b in group) r_b <= 1
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.markets.blocks import Block
from vpp.markets.errors import ClearingFailedError
from vpp.markets.orders import Ints, Orders

Floats = NDArray[np.float64]
RELATIVE_GAP: Final = 1e-6
STOPPED: Final = 1  # by its time
WHOLE: Final = 1e-5  # nearer than this to 0 or 1 is the solver's tolerance; least shares are 1e-3 or more
# Within the program energy is in kWh and money in 1e-4 of the currency, so that its numbers are near 1.
WH_EACH: Final = 1000.0
MICRO_EACH: Final = 100.0
NANO_EACH: Final = WH_EACH * MICRO_EACH


@dataclass(frozen=True, slots=True)
class BlockProgram:
    """Single orders N with the period of each (N,), blocks B, T periods."""

    orders: Orders
    period: Ints
    blocks: Sequence[Block]
    periods: int

    @property
    def side(self) -> Ints:
        """Side of each block (B,)."""
        return np.array([block.side for block in self.blocks], np.int64)

    @property
    def profile_wh(self) -> Ints:
        """Energy of the blocks (B, T) [Wh]."""
        return np.array([block.profile_wh for block in self.blocks], np.int64).reshape(-1, self.periods)

    @property
    def price_micro(self) -> Ints:
        """Limits of the blocks (B,) [1e-6 currency/kWh]."""
        return np.array([block.price_micro for block in self.blocks], np.int64)


@dataclass(frozen=True, slots=True)
class Shares:
    """Accepted share of each block (B,), a bound on the welfare [1e-9 currency], and whether it was proven."""

    share: Floats
    bound_nano: float
    proven: bool


class WelfareProgram:
    """The program, built once and solved with ever more blocks refused."""

    def __init__(self, program: BlockProgram) -> None:
        from scipy.optimize import LinearConstraint

        orders, blocks = program.orders, program.blocks
        self._orders, self._blocks = len(orders), len(blocks)
        value = orders.side * orders.price_micro / MICRO_EACH
        worth = program.side * program.price_micro / MICRO_EACH * program.profile_wh.sum(axis=1) / WH_EACH
        self._cost = -np.concatenate([value, worth, np.zeros(len(blocks))])
        self._most = np.concatenate([orders.quantity_wh / WH_EACH, np.ones(2 * len(blocks))])
        whole = np.concatenate([np.zeros(len(orders) + len(blocks)), np.ones(len(blocks))])
        self._whole = whole.astype(np.int64)
        self._rules: list[Any] = [LinearConstraint(_balance(program), 0.0, 0.0)]
        if blocks:
            matrix, most = _block_rows(program)
            self._rules.append(LinearConstraint(matrix, -np.inf, most))

    def solve(self, refused: Collection[int], *, time_limit_s: float) -> Shares:
        """Return the best shares without some blocks; where HiGHS finds nothing in its time, none.

        Raises
        ------
        ClearingFailedError
            Where HiGHS ends with an error.
        """
        from scipy.optimize import Bounds, milp

        most = self._most.copy()
        for block in refused:
            most[[self._orders + block, self._orders + self._blocks + block]] = 0.0
        answer = milp(
            self._cost,
            integrality=self._whole,
            bounds=Bounds(0.0, most),
            constraints=self._rules,
            options={"time_limit": time_limit_s, "mip_rel_gap": RELATIVE_GAP},
        )
        if answer.x is None and answer.status != STOPPED:
            raise ClearingFailedError(f"HiGHS: {answer.message}")
        trivial = float(np.minimum(0.0, self._cost * self._most).sum())
        bound = trivial if answer.mip_dual_bound is None else max(trivial, answer.mip_dual_bound)
        if answer.x is None:
            return Shares(np.zeros(self._blocks), -bound * NANO_EACH, False)
        share = answer.x[self._orders : self._orders + self._blocks]
        share = np.where(share < WHOLE, 0.0, np.where(share > 1 - WHOLE, 1.0, share))
        return Shares(share, -bound * NANO_EACH, answer.status == 0)


def _balance(program: BlockProgram) -> Any:
    from scipy import sparse

    orders = program.orders
    single = sparse.csr_matrix(
        (orders.side.astype(np.float64), (program.period, np.arange(len(orders)))),
        shape=(program.periods, len(orders)),
    )
    energy = (program.profile_wh * program.side[:, None]).T / WH_EACH
    nothing = sparse.csr_matrix((program.periods, len(program.blocks)))
    return sparse.hstack([single, sparse.csr_matrix(energy), nothing]).tocsr()


def _block_rows(program: BlockProgram) -> tuple[Any, Floats]:
    """Rows over (x, r, y) and their upper bounds: least shares, families, groups."""
    from scipy import sparse

    blocks, count = program.blocks, len(program.blocks)
    place = {block.key: at for at, block in enumerate(blocks)}
    rows: list[dict[int, float]] = []
    most: list[float] = []
    for at, block in enumerate(blocks):
        rows += [{at: 1.0, count + at: -1.0}, {at: -1.0, count + at: block.least_permille / 1000}]
        if block.parent is not None:
            rows.append({at: 1.0, place[block.parent]: -1.0})
    most += [0.0] * len(rows)
    for group in sorted({block.group for block in blocks if block.group is not None}):
        rows.append({at: 1.0 for at, block in enumerate(blocks) if block.group == group})
        most.append(1.0)
    entries = [(at, column, value) for at, row in enumerate(rows) for column, value in row.items()]
    row_at, column, value = (np.array(part) for part in zip(*entries, strict=True))
    shape = (len(rows), len(program.orders) + 2 * count)
    return sparse.csr_matrix((value, (row_at, column + len(program.orders))), shape=shape), np.array(most)
