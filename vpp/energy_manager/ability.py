"""What a resource can do right now, in kW."""

from collections.abc import Collection
from dataclasses import dataclass, field

from vpp.energy_manager.combine import Combo

# Actuator and operation mode (or power sequence) that were rejected lately.
Excluded = Collection[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """The powers [kW] a resource can be told to take, and why not more.

    `combos` are the choices of a resource with operation modes; a resource with envelopes takes limits between
    `low_kw` and `high_kw`, and one that is told nothing has both at what it does anyway.
    """

    low_kw: float
    high_kw: float
    combos: tuple[Combo, ...] = ()
    reasons: tuple[str, ...] = ()
    is_controllable: bool = True
    fill: float | None = field(default=None)


def unable(reason: str, *, kw: float = 0.0, fill: float | None = None) -> Ability:
    """A resource that can be told nothing now."""
    return Ability(low_kw=kw, high_kw=kw, reasons=(reason,), is_controllable=False, fill=fill)
