"""Homes of any kind as blocks that answer to prices, beside blocks of batteries; and what each home does in the end.

A home of stores, sun and load may follow a mix of its answers: energies stored are mixed, powers follow, and what one
answer would charge while another discharges is not burned. A home that switches follows one answer whole.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.battery_fleet import BLOCKS, split_homes
from vpp.dispatch.coordinate import Oracle
from vpp.dispatch.coupling import Floats
from vpp.dispatch.master import Response
from vpp.errors import VppError
from vpp.resources.appliance import Appliance
from vpp.resources.horizon import ImpossibleNeedError
from vpp.resources.load import Load
from vpp.resources.store import Store
from vpp.scheduling.battery_problem import NAMED, ScheduleError
from vpp.scheduling.home_answer import Behavior, HomeAnswer, HomeSolver, behave
from vpp.scheduling.home_problem import HomeProblem, InfeasibleHomeError, NoPlanInTimeError

LEAST_TIME_S: Final = 0.02
LITTLE_KW: Final = 1e-6


class HomesCannotError(InfeasibleHomeError):
    """Homes whose needs or limits cannot be met, each with its own sentence."""


class Together:
    """Several oracles as one: their blocks one after the other."""

    def __init__(self, parts: Sequence[Oracle]) -> None:
        self._parts = parts
        self.zone_of_block: NDArray[np.intp] = np.concatenate([part.zone_of_block for part in parts])

    def respond(self, prices: Floats) -> Response:
        """Answer to what a kWh costs more in each block, (B, T) [currency/kWh]."""
        answers, first = [], 0
        for part in self._parts:
            after = first + len(part.zone_of_block)
            answers.append(part.respond(prices[first:after]))
            first = after
        return Response(
            cost=np.concatenate([answer.cost for answer in answers]),
            usage_kw=np.concatenate([answer.usage_kw for answer in answers]),
            bound=np.concatenate([answer.bound for answer in answers]),
        )

    def share(self, of_blocks: Floats) -> list[Floats]:
        """Split (K, B, ...) into those of the parts."""
        ends = np.cumsum([len(part.zone_of_block) for part in self._parts])[:-1]
        return np.split(of_blocks, ends, axis=1)


class HomeFleet:
    """The oracle of homes with any resources, which remembers what it answered.

    Parameters
    ----------
    homes
        Whose goal is cost; their own cost without the shared limits.
    zone_of_home
        (N,) zone of each home, from 0.
    blocks
        How many to put them in.
    time_left
        Asked for what is left for homes that need an integer program [s]: they share it, and repeat an answer where
        there is none left.

    Raises
    ------
    HomesCannotError
        Naming the homes with a resource that cannot meet its need.
    ScheduleError
        For a home whose goal is not cost.
    """

    def __init__(
        self,
        homes: Sequence[HomeProblem],
        *,
        zone_of_home: NDArray[np.intp],
        blocks: int = BLOCKS,
        time_left: Callable[[], float] = lambda: float("inf"),
    ) -> None:
        for home in homes:
            if home.goal != "cost":
                raise ScheduleError(f"the goal of {home.name} is {home.goal}: it cannot be coordinated")
        self.homes, self._time_left = homes, time_left
        self.blocks = split_homes(zone_of_home, blocks=blocks)
        self._block_of_home = np.empty(len(homes), np.intp)
        for block in range(len(self.zone_of_block)):
            self._block_of_home[self._members(block)] = block
        _each(homes, _refuse_impossible)
        self._solvers = [HomeSolver(home) for home in homes]
        self._rounds: list[list[HomeAnswer]] = []

    @property
    def zone_of_block(self) -> NDArray[np.intp]:
        """(B,) the zone each block is in."""
        return self.blocks.zone_of_block

    def _members(self, block: int) -> NDArray[np.intp]:
        return self.blocks.homes[self.blocks.starts[block] : self.blocks.starts[block + 1]]

    def respond(self, prices: Floats) -> Response:
        """Answer to what a kWh costs more in each block, (B, T) [currency/kWh].

        Raises
        ------
        HomesCannotError
            Naming homes whose needs and limits cannot be met together.
        """
        answers: list[Any] = [None] * len(self.homes)
        switching = max(1, sum(solver.switches for solver in self._solvers))

        def ask(number: int) -> None:
            solver, price = self._solvers[number], prices[self._block_of_home[number]]
            wanted, left = solver.problem.time_limit_s, self._time_left() / switching
            limit = min(wanted, left if self._rounds else max(LEAST_TIME_S, left))
            try:
                answers[number] = solver.ask(price, time_limit_s=limit)
            except NoPlanInTimeError:  # better late than not at all
                answers[number] = solver.ask(price, time_limit_s=wanted)

        _each(range(len(self.homes)), ask)
        self._rounds.append(answers)
        return self._summed(answers, prices)

    def _summed(self, answers: list[HomeAnswer], prices: Floats) -> Response:
        response = Response(np.zeros(len(prices)), np.zeros(prices.shape), np.zeros(len(prices)))
        for block, answer in zip(self._block_of_home.tolist(), answers, strict=True):
            response.cost[block] += answer.behavior.cost.total
            response.usage_kw[block] += answer.behavior.meter_kw
            response.bound[block] += answer.bound
        return response

    def forget(self) -> None:
        """Begin to count answers anew; programs stay warm."""
        self._rounds = []

    def choices(self, home: int, *, weights: Floats) -> list[tuple[float, Behavior]]:
        """The answers (weight, behavior) that weights (K, B) give a home a part of, the greatest first."""
        share = weights[:, self._block_of_home[home]]
        chosen = sorted(np.flatnonzero(share > 0).tolist(), key=lambda number: -share[number])
        return [(float(share[number]), self._rounds[number][home].behavior) for number in chosen]

    def mixed(self, *, weights: Floats) -> list[Behavior]:
        """What each home does by weights (K, B); one whose limits would not be kept follows its greatest part."""
        return [_mix(home, self.choices(number, weights=weights)) for number, home in enumerate(self.homes)]


def _each(items: Sequence[Any] | range, ask: Callable[[Any], None]) -> None:
    """Do it for all, and raise one error that names all for which it cannot be done."""
    failed: list[str] = []

    for item in items:
        try:
            ask(item)
        except (InfeasibleHomeError, ImpossibleNeedError) as error:
            failed.append(error.detail)
    if failed:
        said = sorted(failed)
        more = f"; and {len(said) - NAMED} more homes" if len(said) > NAMED else ""
        raise HomesCannotError("; ".join(said[:NAMED]) + more)


def _refuse_impossible(home: HomeProblem) -> None:
    for one in home.resources:
        if isinstance(one, Store):
            try:
                one.refuse_impossible()
            except VppError as error:
                raise ImpossibleNeedError(f"{home.name}: {error.detail}") from error


def switches(home: HomeProblem) -> bool:
    """Whether a mix of what the home can do is nothing it can do."""
    return any(
        isinstance(one, Appliance) or (isinstance(one, Store) and one.switches) for one in home.resources
    )


def _mix(home: HomeProblem, choices: list[tuple[float, Behavior]]) -> Behavior:
    first = choices[0][1]
    if len(choices) == 1:
        return first
    stored = {
        name: np.sum([weight * one.stored_kwh[name] for weight, one in choices], axis=0)
        for name in first.stored_kwh
    }
    others = {
        one.name: np.sum([weight * choice.power_kw[one.name] for weight, choice in choices], axis=0)
        for one in home.resources
        if not isinstance(one, Store | Load)
    }
    loads = {one.name: one.power_kw for one in home.resources if isinstance(one, Load)}
    mixed = behave(home, stored, others_kw=others | loads)
    return mixed if keeps_limits(home, mixed.meter_kw) else first


def keeps_limits(home: HomeProblem, meter_kw: Floats) -> bool:
    """Whether powers at the meter (T,) [kW] are within the limits of the connection point."""
    into = np.inf if home.import_limit_kw is None else home.import_limit_kw
    out = np.inf if home.export_limit_kw is None else home.export_limit_kw
    return bool((meter_kw <= into + LITTLE_KW).all() and (meter_kw >= -out - LITTLE_KW).all())
