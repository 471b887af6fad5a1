"""How well findings meet the faults that were put in."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Score:
    """Shares of right findings and of found faults [1], and the median delay of the found ones [d]."""

    precision: float
    recall: float
    delay_days: float


def score(injected: Mapping[int, float], found: Mapping[int, float]) -> Score:
    """Compare positions with a fault, and the day it began, with positions and days of findings."""
    right = injected.keys() & found.keys()
    delays = [found[position] - injected[position] for position in right]
    return Score(
        precision=len(right) / len(found) if found else 1.0,
        recall=len(right) / len(injected) if injected else 1.0,
        delay_days=float(median(delays)) if delays else float("nan"),
    )
