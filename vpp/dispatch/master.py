"""The restricted master program of column generation, kept warm in HiGHS while columns and rows are added.

    minimize   sum_kb C_kb w_kb + step_h * sum_mt (penalty_least below_mt + penalty_most above_mt)
    subject to least_mt <= sum_{k, b in m} G_kbt w_kb + below_mt - above_mt <= most_mt      its dual is the price
               sum_k w_kb = 1,  w, below, above >= 0

A row that no choice of columns could violate is left out until one could.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.coupling import Coupling, Floats
from vpp.errors import VppError

NEGATIVE = -1e-9
PRIMAL_SIMPLEX = 4


class MasterFailed(VppError):
    """HiGHS gave no answer to a program that always has one."""

    code = "solver_failed"
    permanent = False


@dataclass(frozen=True, slots=True)
class Response:
    """What B blocks of homes answer to prices: (B,) cost without them [currency], (B, T) power [kW], (B,) lower bound.

    The bound is that of cost and priced energy together [currency].
    """

    cost: Floats
    usage_kw: Floats
    bound: Floats


@dataclass(frozen=True, slots=True)
class MasterAnswer:
    """Objective [currency], prices (M, T) [currency/kWh], (B,) what each block is worth, (K, B) weights."""

    objective: float
    prices: Floats
    block_value: Floats
    weights: Floats


class Master:
    """The program over the columns so far."""

    def __init__(self, coupling: Coupling, *, zone_of_block: NDArray[np.intp]) -> None:
        import highspy

        self._highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        self._highs.setOptionValue("output_flag", False)
        self._highs.setOptionValue("threads", 1)
        # What is added are columns, so the last answer stays feasible: the primal simplex goes on from it.
        self._highs.setOptionValue("simplex_strategy", PRIMAL_SIMPLEX)
        self._coupling = coupling
        self._member = coupling.member[:, zone_of_block]
        self._blocks = len(zone_of_block)
        self._added: list[tuple[int, int]] = []  # which response and block each column is of
        self._columns: list[int] = []  # and its number in the program
        self._responses: list[Response] = []
        self._rows: dict[tuple[int, int], int] = {}
        self._count = 0
        for _ in range(self._blocks):
            self._highs.addRow(1.0, 1.0, 0, np.empty(0, np.int32), np.empty(0))
        steps = coupling.shape[1]
        self._highest = np.full((self._blocks, steps), -np.inf)
        self._lowest = np.full((self._blocks, steps), np.inf)

    def add(self, response: Response, *, reduced_by: MasterAnswer | None = None) -> int:
        """Add the columns of a response that could improve the answer; return how many did."""
        number = len(self._responses)
        self._responses.append(response)
        chosen = np.arange(self._blocks)
        if reduced_by is not None:
            priced = self._coupling.step_h * (
                response.usage_kw * (self._member.T.astype(np.float64) @ reduced_by.prices)
            ).sum(axis=1)
            reduced = response.cost + priced - reduced_by.block_value
            scale = np.maximum(1.0, np.abs(response.cost))
            chosen = np.flatnonzero(reduced < NEGATIVE * scale)
        self._highest = np.maximum(self._highest, response.usage_kw)
        self._lowest = np.minimum(self._lowest, response.usage_kw)
        for block in chosen.tolist():
            self._add_column(number, block)
        self._add_rows()
        return len(chosen)

    def solve(self) -> MasterAnswer:
        """Return the optimum over the columns so far.

        Raises
        ------
        MasterFailed
            Where HiGHS ends with anything but an optimum.
        """
        import highspy

        self._highs.run()
        status = self._highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise MasterFailed(f"HiGHS ended with {self._highs.modelStatusToString(status)}")
        solution = self._highs.getSolution()
        dual, value = np.asarray(solution.row_dual), np.asarray(solution.col_value)
        prices = np.zeros(self._coupling.shape)
        for (limit, step), row in self._rows.items():
            prices[limit, step] = -dual[row] / self._coupling.step_h
        weights = np.zeros((len(self._responses), self._blocks))
        for (number, block), column in zip(self._added, self._columns, strict=True):
            weights[number, block] = max(0.0, value[column])
        return MasterAnswer(
            objective=float(self._highs.getInfo().objective_function_value),
            prices=self._coupling.clip(prices),
            block_value=dual[: self._blocks].copy(),
            weights=weights / weights.sum(axis=0),
        )

    def _add_column(self, number: int, block: int) -> None:
        response = self._responses[number]
        rows = [
            (row, response.usage_kw[block, step])
            for (limit, step), row in self._rows.items()
            if self._member[limit, block]
        ]
        index = np.array([block, *(row for row, _ in rows)], np.int32)
        values = np.array([1.0, *(value for _, value in rows)])
        self._highs.addCol(float(response.cost[block]), 0.0, np.inf, len(index), index, values)
        self._added.append((number, block))
        self._columns.append(self._count)
        self._count += 1

    def _add_rows(self) -> None:
        """Add every row that some choice of the columns would violate."""
        high = self._member.astype(np.float64) @ self._highest
        low = self._member.astype(np.float64) @ self._lowest
        broken = (high > self._coupling.most_kw) | (low < self._coupling.least_kw)
        for limit, step in zip(*np.nonzero(broken), strict=True):
            if (int(limit), int(step)) not in self._rows:
                self._add_row(int(limit), int(step))

    def _add_row(self, limit: int, step: int) -> None:
        entries = [
            (column, self._responses[number].usage_kw[block, step])
            for (number, block), column in zip(self._added, self._columns, strict=True)
            if self._member[limit, block]
        ]
        least, most = self._coupling.least_kw[limit, step], self._coupling.most_kw[limit, step]
        row = self._blocks + len(self._rows)
        self._highs.addRow(
            float(least), float(most), len(entries),
            np.array([column for column, _ in entries], np.int32), np.array([value for _, value in entries]),
        )  # fmt: skip
        self._rows[limit, step] = row
        for sign, bound, penalty in (
            (1.0, least, self._coupling.penalty_least[limit]),
            (-1.0, most, self._coupling.penalty_most[limit]),
        ):
            if np.isfinite(bound):
                cost = float(penalty * self._coupling.step_h)
                self._highs.addCol(cost, 0.0, np.inf, 1, np.array([row], np.int32), np.array([sign]))
                self._count += 1
