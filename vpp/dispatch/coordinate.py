"""Coordinate any number of homes under shared limits: stabilized column generation over an exact oracle.

The limits are priced; at given prices each home's optimum is its own (the oracle), and a linear program over all
answers so far (the master) says which prices to ask for next and how to mix the answers. Prices are taken between the
best so far and the master's ("in-out" smoothing: Wentges 1997; Ben-Ameur and Neto 2007; Pessoa et al. 2018), which
takes a fraction of the rounds that plain Dantzig-Wolfe needs; once the bound is good, blocks of homes are asked at prices
a grain apart, which breaks the ties the optimum is made of. Every round proves a lower bound; the mix is a plan
with a true cost, so the answer carries its own certificate however early it is stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.coupling import Coupling, Floats
from vpp.dispatch.master import Master, MasterAnswer, Response

TRIED_AGAIN: Final = 5  # rounds after which the kind of round that helped less is tried again
MOST_IDLE: Final = 12
TRUST_MOST: Final = 0.98


class Oracle(Protocol):
    """Homes in blocks, each block in one zone; the blocks' answers may be computed anywhere."""

    @property
    def zone_of_block(self) -> NDArray[np.intp]:
        """(B,) the zone each block is in."""
        ...

    def respond(self, prices: Floats) -> Response:
        """Answer to what a kWh costs more in each block, (B, T) [currency/kWh]."""
        ...


@dataclass(frozen=True, slots=True)
class Effort:
    """When to stop, and how to search.

    Attributes
    ----------
    gap
        Relative distance of plan and bound that is good enough [1].
    rounds
        Most rounds.
    time_left
        Asked before each round [s].
    smoothing
        Weight of the best prices so far against the master's [0-1).
    grain
        How far apart the prices of blocks may be drawn to break ties [currency/kWh]; about 0.4 % of a usual price.
        0 where answers change gradually with prices: then all blocks are always asked at the same.
    seed
        Of the drawing.
    """

    gap: float = 1e-3
    rounds: int = 300
    time_left: Callable[[], float] = field(default=lambda: float("inf"))
    smoothing: float = 0.7
    grain: float = 1e-3
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Certificate:
    """What is proven of a plan.

    `primal` is its cost with penalties, `dual` a cost no plan goes below [currency]; `violation_kw` the most by which
    a limit is missed [kW]; `finished` whether the wanted gap was reached, or time or rounds ran out.
    """

    primal: float
    dual: float
    violation_kw: float
    rounds: int
    finished: bool

    @property
    def gap(self) -> float:
        """Relative distance of plan and bound [1]."""
        return max(0.0, self.primal - self.dual) / max(abs(self.dual), 1e-9)


@dataclass(frozen=True, slots=True)
class Mix:
    """Prices asked for (K of (B, T)) and the weight (K, B) with which each block follows each of them.

    `prices` (M, T) are the best dual prices [currency/kWh], `usage_kw` (B, T) is what the blocks then draw [kW].
    """

    asked: tuple[Floats, ...]
    weights: Floats
    prices: Floats
    usage_kw: Floats
    certificate: Certificate


def coordinate(
    oracle: Oracle, coupling: Coupling, *, effort: Effort | None = None, warm: Floats | None = None
) -> Mix:
    """Find prices and a mix of answers whose cost is within the gap of the optimum.

    Parameters
    ----------
    oracle
        The homes.
    coupling
        The limits; none means one round.
    effort
        When to stop.
    warm
        Prices (M, T) [currency/kWh] to begin with: those of the last run, or of a sample of the homes.

    Returns
    -------
    Mix
        At the deadline the best mix so far; there is always one, for the first round is never refused.
    """
    search = _Search(oracle, coupling, effort=effort or Effort())
    search.ask_all(coupling.clip(np.zeros(coupling.shape) if warm is None else warm))
    search.gains = [1.0, 0.0] if warm is None else [0.0, 1.0]
    while not search.done:
        before = search.missing
        apart = search.apart_is_better
        if apart:
            search.ask_apart()
        else:
            search.ask_all(search.between())
        search.learn(apart, before=before)
    return search.mix()


class _Search:
    def __init__(self, oracle: Oracle, coupling: Coupling, *, effort: Effort) -> None:
        self.oracle, self.coupling, self.effort = oracle, coupling, effort
        self.master = Master(coupling, zone_of_block=oracle.zone_of_block)
        self.chance = np.random.default_rng(effort.seed)
        self.asked: list[Floats] = []
        self.responses: list[Response] = []
        self.best_prices: Floats = np.zeros(coupling.shape)
        self.bound = -np.inf
        self.trust = effort.smoothing
        self.answer: MasterAnswer | None = None
        self.gains = [
            0.0,
            0.0,
        ]  # of the latest rounds together and apart: the logarithm of what the gap shrank by
        self.last = [0, 0]
        self.idle = 0

    @property
    def missing(self) -> float:
        """Distance of plan and bound [currency]."""
        return np.inf if self.answer is None else self.answer.objective - self.bound

    @property
    def reached(self) -> bool:
        """Whether the wanted gap is proven."""
        return self.missing <= self.effort.gap * max(abs(self.bound), 1e-9)

    @property
    def done(self) -> bool:
        """Whether the gap is reached, nothing improves any more, or no round is left."""
        if self.reached or self.idle > MOST_IDLE or len(self.asked) >= self.effort.rounds:
            return True
        return self.effort.time_left() <= 0

    def between(self) -> Floats:
        """Prices (M, T) between the best so far and the master's."""
        assert self.answer is not None
        return self.trust * self.best_prices + (1 - self.trust) * self.answer.prices

    def ask_all(self, prices: Floats) -> None:
        """A round of the same prices (M, T) for all, which proves a bound."""
        response = self._ask(self._of_blocks(prices))
        bound = float(response.bound.sum()) - self.coupling.worth(prices)
        gain = bound - self.bound
        if gain > 0:
            self.bound, self.best_prices = bound, prices
        if self.idle:
            self.trust = (
                self.trust / 2 if self.trust > 0.05 else 0.0
            )  # so near the best that nothing new came
        elif gain > 0:
            self.trust = self.effort.smoothing
        else:
            self.trust += 0.3 * (TRUST_MOST - self.trust)

    @property
    def apart_is_better(self) -> bool:
        """Which kind of round shrank the gap more lately; the other is tried again now and then."""
        rounds = len(self.asked)
        if self.effort.grain == 0:
            return False
        for kind in (0, 1):
            if rounds - self.last[kind] > TRIED_AGAIN:
                return bool(kind)
        return self.gains[1] > self.gains[0]

    def learn(self, apart: bool, *, before: float) -> None:
        """Remember what a round was good for."""
        gain = float(np.log(before / max(self.missing, 1e-12 * before))) if before > 0 else 0.0
        self.gains[apart] = 0.5 * self.gains[apart] + 0.5 * gain
        self.last[apart] = len(self.asked)

    def ask_apart(self) -> None:
        """A round in which each block has prices of its own between the best and the master's.

        At the optimum many steps cost the same, and homes at equal prices would all choose the same of them. Prices a
        grain apart make each block choose another; the master then has something to mix.
        """
        assert self.answer is not None
        grain, best = self.effort.grain, self._of_blocks(self.best_prices)
        far = self._of_blocks(self.answer.prices - self.best_prices)
        near = np.clip(far, -5 * grain, 5 * grain)
        step = np.where(np.arange(len(far))[:, None] % 2 == 0, near, (1 - self.effort.smoothing) * far)
        priced = (best != 0) | (step != 0)
        noise = grain * self.chance.normal(size=best.shape) * priced
        self._ask(best + self.chance.random((len(best), 1)) * step + noise)

    def _of_blocks(self, prices: Floats) -> Floats:
        return self.coupling.zone_prices(prices)[self.oracle.zone_of_block]

    def _ask(self, prices: Floats) -> Response:
        response = self.oracle.respond(prices)
        self.asked.append(prices)
        self.responses.append(response)
        added = self.master.add(response, reduced_by=self.answer)
        self.idle = 0 if added else self.idle + 1
        if added or self.answer is None:
            self.answer = self.master.solve()
        return response

    def mix(self) -> Mix:
        """The answer, with its certificate."""
        assert self.answer is not None
        blocks = len(self.oracle.zone_of_block)
        weights = np.zeros((len(self.asked), blocks))
        weights[: len(self.answer.weights)] = self.answer.weights
        usage = np.einsum("kb,kbt->bt", weights, np.stack([response.usage_kw for response in self.responses]))
        zone_kw = np.zeros((self.coupling.member.shape[1], usage.shape[1]))
        np.add.at(zone_kw, self.oracle.zone_of_block, usage)
        below, above = self.coupling.violation_kw(zone_kw)
        certificate = Certificate(
            primal=self.answer.objective,
            dual=self.bound,
            violation_kw=float(np.maximum(below, above).max(initial=0.0)),
            rounds=len(self.asked),
            finished=self.reached,
        )
        return Mix(tuple(self.asked), weights, self.best_prices, usage, certificate)
