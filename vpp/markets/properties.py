"""What a mechanism promises; property tests hold it to that."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Properties:
    """Properties of a mechanism; Myerson and Satterthwaite (1983): never all four in full.

    Attributes
    ----------
    efficient
        No other fills have more welfare, orders taken at their word.
    individually_rational
        Nobody pays more than bid or gets less than offered.
    budget
        `strong`: payments sum to zero; `weak`: what is left over is never negative.
    truthful
        No participant gains by another price than its true one; `conditions` says for whom.
    conditions
        Under what the above holds, in one sentence; empty where always.
    """

    efficient: bool
    individually_rational: bool
    budget: Literal["strong", "weak"]
    truthful: bool
    conditions: str = ""
