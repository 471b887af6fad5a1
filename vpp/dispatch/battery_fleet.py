"""Home batteries as blocks that answer to prices, and the fleet's plan from a mix of answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.coupling import Floats
from vpp.dispatch.master import Response
from vpp.scheduling.battery_limits import confine
from vpp.scheduling.battery_oracle import Spread, compiled_solver, compiled_totals
from vpp.scheduling.battery_problem import BatteryProblem, Fleet, InfeasibleScheduleError

BLOCKS: Final = 64


@dataclass(frozen=True, slots=True)
class Blocks:
    """Homes put into blocks: `homes` (N,) are ordered by block, block b is `starts[b]:starts[b + 1]` of them."""

    homes: NDArray[np.intp]
    starts: NDArray[np.intp]
    zone_of_block: NDArray[np.intp]


def split_homes(zone_of_home: NDArray[np.intp], *, blocks: int = BLOCKS, seed: int = 0) -> Blocks:
    """Put homes of one zone into blocks at random, as even as they go; each zone has at least one block.

    The more blocks, the fewer rounds coordination takes, and the larger its master program is. The same homes give
    the same blocks, whoever computes them.
    """
    chance = np.random.default_rng(seed)
    shuffled = chance.permutation(len(zone_of_home))
    order = shuffled[np.argsort(zone_of_home[shuffled], kind="stable")]
    zones, counts = np.unique(zone_of_home, return_counts=True)
    share = np.minimum(
        counts, np.maximum(1, np.round(blocks * counts / max(1, counts.sum()))).astype(np.intp)
    )
    starts, zone_of_block, first = [], [], 0
    for zone, count, parts in zip(zones, counts, share, strict=True):
        starts.extend(first + (count * np.arange(parts)) // parts)
        zone_of_block.extend([zone] * int(parts))
        first += count
    return Blocks(order, np.array([*starts, first], np.intp), np.array(zone_of_block, np.intp))


class BatteryFleet:
    """The oracle of N homes with a battery each, in blocks.

    Parameters
    ----------
    problem
        N homes over T steps, with the limits of their own connection points; their cost without the shared limits.
    zone_of_home
        (N,) zone of each home, from 0; None for one zone.
    spread
        How to compute the blocks' answers: `map`, or that of a pool of threads, which all cores then share, for the
        compiled kernel holds no lock.

    Raises
    ------
    InfeasibleScheduleError
        Naming the homes whose battery is too weak to keep a limit of the connection point.
    """

    def __init__(
        self,
        problem: BatteryProblem,
        *,
        zone_of_home: NDArray[np.intp] | None = None,
        blocks: int = BLOCKS,
        spread: Spread = map,
    ) -> None:
        zones = np.zeros(len(problem.net_kw), np.intp) if zone_of_home is None else zone_of_home
        self.problem, self.blocks, self._spread = problem, split_homes(zones, blocks=blocks), spread
        order, (fleet, worn) = self.blocks.homes, confine(problem)
        self._fleet = Fleet(*(plane[order] if len(plane) > 1 else plane for plane in fleet))
        by_home = np.broadcast_to(worn, len(order))[order]
        self._worn: Floats = np.add.reduceat(
            by_home, self.blocks.starts[:-1]
        )  # what limits force it to, by block

    @property
    def zone_of_block(self) -> NDArray[np.intp]:
        """(B,) the zone each block is in."""
        return self.blocks.zone_of_block

    @property
    def _limited(self) -> str:
        unlimited = self.problem.import_kw is None and self.problem.export_kw is None
        return "" if unlimited else " and its home's limits kept"

    def respond(self, prices: Floats) -> Response:
        """Answer to what a kWh costs more in each block, (B, T) [currency/kWh].

        Raises
        ------
        InfeasibleScheduleError
            Naming the first home whose battery cannot keep its bounds.
        """
        count = len(self.zone_of_block)
        response = Response(np.empty(count), np.empty((count, prices.shape[1])), np.empty(count))
        solver = compiled_totals()

        def answer(block: int) -> None:
            totals = solver(self._priced(block, prices[block]))
            if totals.failed >= 0:
                home = self.blocks.homes[self.blocks.starts[block] + totals.failed]
                raise InfeasibleScheduleError(
                    f"the battery cannot be within its bounds{self._limited}: {self.problem.named([home])}"
                )
            worn = self._worn[block]
            response.cost[block] = totals.cost + worn - float(prices[block] @ totals.usage)
            response.usage_kw[block] = totals.usage / self.problem.step_h
            response.bound[block] = totals.bound + worn

        for _ in self._spread(answer, range(count)):
            pass
        return response

    def stored_kwh(self, asked: Sequence[Floats], *, weights: Floats) -> Floats:
        """(N, T) energy stored after each step [kWh], from the mix of the answers to K prices (B, T) with weights (K, B)."""
        homes, steps = self.problem.net_kw.shape
        stored = np.zeros((homes, steps))
        solver = compiled_solver()

        def follow(block: int) -> None:
            rows = self.blocks.homes[self.blocks.starts[block] : self.blocks.starts[block + 1]]
            for number in np.flatnonzero(weights[:, block] > 0).tolist():
                answer = solver(self._priced(block, asked[number][block]))
                stored[rows] += weights[number, block] * answer.stored

        for _ in self._spread(follow, range(len(self.zone_of_block))):
            pass
        return stored

    def _priced(self, block: int, price: Floats) -> Fleet:
        rows = slice(self.blocks.starts[block], self.blocks.starts[block + 1])
        part = Fleet(*(plane[rows] if len(plane) > 1 else plane for plane in self._fleet))
        return part._replace(buy=part.buy + price, sell=part.sell + price)
