"""How each home answers when it is asked: does it, how much of it, and how soon; learned from what it did before.

Each home is described by three numbers: the probability that it responds at all, the factor [1] of what is asked that
it delivers when it does, and its delay. A home with few observations is taken for one of the fleet; with more it is
taken for what it has shown (empirical Bayes: normal about normal for the factor, beta-binomial for the probability).
"""

import math
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vpp.errors import VppError

Floats = NDArray[np.float64]
# A home responds when it delivers at least this share of what is asked.
RESPONDS: Final = 0.25
MOST_FACTOR: Final = 2.0
# What the fleet as a whole is taken for before anything is known, as if this many homes had shown it.
PRIOR_HOMES: Final = 5.0


class ResponsivenessError(VppError):
    """Histories that do not fit each other, or a prior that makes no sense."""

    code = "invalid_responsiveness"


@dataclass(frozen=True, slots=True)
class Prior:
    """What is believed of homes before anything was seen.

    `factor` and its standard deviations `between` homes and `within` a home from event to event [1]; `probability`
    [0-1] to respond, worth `strength` events; `delay_s` [s], likewise.
    """

    factor: float = 0.95
    between: float = 0.15
    within: float = 0.15
    probability: float = 0.95
    strength: float = 4.0
    delay_s: float = 60.0

    def __post_init__(self) -> None:
        numbers = [getattr(self, item.name) for item in fields(self)]
        if not all(math.isfinite(value) and value >= 0 for value in numbers):
            raise ResponsivenessError(f"{self} has a value that is no finite number of 0 or more")
        if not (self.between > 0 and self.within > 0 and self.strength > 0 and self.probability <= 1):
            raise ResponsivenessError(f"{self} makes no sense")


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of N homes, each (N,) and >= 0: sums over events, older ones counting less.

    `events` that asked something, `responses` among them; over the responses the sums of the factor [1], of its square
    and of the delay [s].
    """

    events: Floats
    responses: Floats
    factor_sum: Floats
    square_sum: Floats
    delay_sum_s: Floats

    def __post_init__(self) -> None:
        for item in fields(self):
            values = getattr(self, item.name)
            if values.shape != self.events.shape or values.ndim != 1:
                raise ResponsivenessError(f"{item.name} of shape {values.shape} does not fit")
            if not (np.isfinite(values) & (values >= 0)).all():
                raise ResponsivenessError(f"{item.name} is not a finite number of 0 or more for every home")
        if (self.responses > self.events + 1e-9).any():
            raise ResponsivenessError("a home has responded more often than it was asked")


@dataclass(frozen=True, slots=True)
class Responsiveness:
    """What to expect of N homes, each (N,).

    `factor` [1] of a home that responds and its standard deviation for the next event, `probability` [0-1] that it
    responds, `delay_s` [s].
    """

    factor: Floats
    deviation: Floats
    probability: Floats
    delay_s: Floats

    @property
    def expected(self) -> Floats:
        """(N,) mean of delivered over asked [1]."""
        return self.probability * self.factor

    @property
    def variance(self) -> Floats:
        """(N,) variance of delivered over asked [1], whether it responds included."""
        respond = self.probability
        return respond * self.deviation**2 + respond * (1.0 - respond) * self.factor**2


def nothing_known(homes: int) -> Memory:
    """The memory of homes that were never asked."""
    return Memory(*(np.zeros(homes) for _ in fields(Memory)))


def learn(
    memory: Memory, *, asked_kw: ArrayLike, delivered_kw: ArrayLike, step_s: float, forgetting: float = 0.9
) -> Memory:
    """The memory after one event more.

    A home that was asked nothing, or of which nothing was measured while it was asked, is left as it is. The others
    forget: what was known counts `forgetting` times what it did. The delay is the time from the first interval asked
    to the first in which at least half is delivered; the factor is taken from there on.

    Parameters
    ----------
    asked_kw, delivered_kw
        (N, L) over the event [kW]; NaN where not measured.
    step_s
        [s]
    forgetting
        [0-1]; 1 forgets nothing.

    Raises
    ------
    ResponsivenessError
        For shapes that do not fit, infinity, negative power asked, a step that is none.
    """
    asked, delivered = _history(asked_kw, delivered_kw, homes=len(memory.events))
    if not (math.isfinite(step_s) and step_s > 0 and 0 <= forgetting <= 1):
        raise ResponsivenessError(f"a step of {step_s} s, or forgetting by {forgetting}, makes no sense")
    known = (asked > 0) & ~np.isnan(delivered)
    seen = known.any(axis=1)
    steps = np.arange(asked.shape[1])
    first = np.where(asked > 0, steps, asked.shape[1]).min(axis=1, initial=asked.shape[1])
    begun = known & (np.where(known, delivered, 0.0) >= asked / 2)
    start = np.where(begun.any(axis=1), begun.argmax(axis=1) if asked.shape[1] else 0, first)
    counted = known & (steps >= start[:, None])
    energy = np.where(counted, asked, 0.0).sum(axis=1)
    given = np.where(counted, delivered, 0.0).sum(axis=1)
    factor = np.clip(np.divide(given, energy, out=np.zeros_like(given), where=energy > 0), 0.0, MOST_FACTOR)
    responds = seen & (factor >= RESPONDS)
    kept = np.where(seen, forgetting, 1.0)
    return Memory(
        events=kept * memory.events + seen,
        responses=kept * memory.responses + responds,
        factor_sum=kept * memory.factor_sum + responds * factor,
        square_sum=kept * memory.square_sum + responds * factor**2,
        delay_sum_s=kept * memory.delay_sum_s + responds * (start - first) * step_s,
    )


def estimate(memory: Memory, *, prior: Prior | None = None) -> Responsiveness:
    """What to expect of each home, those that showed little being pulled to the fleet's mean.

    The fleet's mean is itself pulled to the prior, as if `PRIOR_HOMES` more homes had shown it; so are the variances
    within and between homes, estimated by moments.

    Notes
    -----
    Efron, Morris, J. American Statistical Association 70:311 (1975), for the shrinkage. The weights of the prior are
    judgement; with forgetting the sums are no sufficient statistics any more, only recent ones.
    """
    prior = prior or Prior()
    n = memory.responses
    mean = np.divide(memory.factor_sum, n, out=np.full_like(n, prior.factor), where=n > 0)
    scatter = np.maximum(memory.square_sum - n * mean**2, 0.0)
    within = (PRIOR_HOMES * prior.within**2 + scatter.sum()) / (PRIOR_HOMES + np.maximum(n - 1.0, 0.0).sum())
    shown = n / (n + within / prior.between**2)
    fleet = (PRIOR_HOMES * prior.factor + (shown * mean).sum()) / (PRIOR_HOMES + shown.sum())
    spread = np.where(n > 0, (mean - fleet) ** 2 - np.divide(within, n, out=np.zeros_like(n), where=n > 0), 0)
    between = (PRIOR_HOMES * prior.between**2 + (shown * spread).sum()) / (PRIOR_HOMES + shown.sum())
    between = max(between, (prior.between / 10) ** 2)
    precision = n / within + 1.0 / between
    chance = _pulled(memory.responses, memory.events, to=prior.probability, strength=prior.strength)
    return Responsiveness(
        factor=(n * mean / within + fleet / between) / precision,
        deviation=np.sqrt(1.0 / precision + within),
        probability=np.clip(chance, 0.0, 1.0),
        delay_s=_pulled(memory.delay_sum_s, n, to=prior.delay_s, strength=prior.strength),
    )


def _pulled(sums: Floats, counts: Floats, *, to: float, strength: float) -> Floats:
    """Each home's mean, pulled to the fleet's, which is pulled to the prior."""
    fleet = (sums.sum() + to * strength * PRIOR_HOMES) / (counts.sum() + strength * PRIOR_HOMES)
    return np.asarray((sums + strength * fleet) / (counts + strength))


def _history(asked_kw: ArrayLike, delivered_kw: ArrayLike, *, homes: int) -> tuple[Floats, Floats]:
    asked, delivered = (np.asarray(values, dtype=np.float64) for values in (asked_kw, delivered_kw))
    if asked.ndim != 2 or asked.shape != delivered.shape or len(asked) != homes:
        raise ResponsivenessError(f"shapes {asked.shape} and {delivered.shape} do not fit {homes} homes")
    if not (np.isfinite(asked) & (asked >= 0)).all():
        raise ResponsivenessError("what was asked is not a finite number of 0 or more")
    if np.isinf(delivered).any():
        raise ResponsivenessError("what was delivered is infinite")
    return asked, delivered
