"""The shed that setpoints and levels come to, once it is known what homes draw and can give."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from apps.flexibility.services import FleetFlexibility
from apps.programs.models import GridSignal
from vpp.flexibility.envelope import ShedEnvelope

Floats = NDArray[np.float64]


def target_asked(*, signal: GridSignal, fleet: FleetFlexibility, away: Collection[int]) -> list[float]:
    """Return the shed to be planned in each interval of a signal [kW].

    A setpoint asks for what all homes' baselines are above it; a level for the program's share of what the homes that
    are there can hold for as long as the signal asks for anything.
    """
    if signal.kind == GridSignal.Kind.SHED:
        return signal.target_kw
    values = np.array([np.nan if value is None else value for value in signal.values], dtype=np.float64)
    if signal.kind == GridSignal.Kind.SETPOINT:
        drawn = np.nan_to_num(fleet.envelope.baseline_kw).sum(axis=0)
        asked: Floats = np.maximum(0.0, drawn - values)
    else:
        there = np.array([site.pk not in away for site in fleet.sites], dtype=np.bool_)
        shares = np.array([0.0, *signal.program.level_shares])
        level = np.nan_to_num(values).astype(np.intp)
        asked = shares[level] * held_kw(fleet.envelope.select(there), intervals=int((level > 0).sum()))
    return [float(kw) for kw in np.nan_to_num(asked).round(4)]


def held_kw(envelope: ShedEnvelope, *, intervals: int) -> Floats:
    """(T,) shed that homes can hold for so many intervals, their energy spread evenly [kW]."""
    part = envelope.select(envelope.usable)
    hours = max(1, intervals) * part.hours
    battery = np.minimum(part.battery_kw, part.battery_kwh[:, None] / hours)
    heat = np.minimum(part.heat_kw, part.heat_kwh[:, None] / hours)
    held = part.idle_shed_kw + np.minimum(part.headroom_kw, battery + part.ev_kw + heat)
    total: Floats = np.maximum(0.0, held).sum(axis=0)
    return total
