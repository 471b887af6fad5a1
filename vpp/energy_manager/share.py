"""A role's power among several resources, by what each can take."""

from collections.abc import Sequence
from dataclasses import dataclass

_EPS = 1e-9


@dataclass(frozen=True, slots=True)
class Part:
    """The powers [kW] a resource can take, and how much of the whole it should get."""

    low_kw: float
    high_kw: float
    weight: float


def share(total_kw: float, parts: Sequence[Part]) -> list[float]:
    """Powers [kW] that sum up to the total as nearly as the parts allow, in proportion to their weights.

    A part at its limit stays there, and the others take the rest.
    """
    shares = [min(max(0.0, part.low_kw), part.high_kw) for part in parts]
    # Every turn ends it or brings a part to its limit; those without weight have their turn last.
    for _ in range(2 * len(parts)):
        rest = total_kw - sum(shares)
        up = rest > 0.0
        open_ = [
            place
            for place, part in enumerate(parts)
            if (shares[place] < part.high_kw - _EPS if up else shares[place] > part.low_kw + _EPS)
        ]
        if abs(rest) < _EPS or not open_:
            break
        _spread(rest, shares, parts=parts, places=open_)
    return shares


def _spread(rest: float, shares: list[float], *, parts: Sequence[Part], places: list[int]) -> None:
    weights = {place: parts[place].weight for place in places}
    total = sum(weights.values())
    if total <= _EPS:
        weights, total = dict.fromkeys(places, 1.0), float(len(places))
    for place in places:
        part = parts[place]
        wanted = shares[place] + rest * weights[place] / total
        shares[place] = min(max(wanted, part.low_kw), part.high_kw)
