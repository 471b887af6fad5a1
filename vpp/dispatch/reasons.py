"""Why each home gives what it gives."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vpp.dispatch.problem import AllocationError, Floats
from vpp.flexibility.envelope import ShedEnvelope

TOLERANCE_KW: Final = 1e-3
TOLERANCE_KWH: Final = 2e-3
UNKNOWN: Final = "its data is not complete"
NOTHING: Final = "nothing to give"
NOT_NEEDED: Final = "not needed"
RESERVE: Final = "gives all its battery has above the reserve"
EXPORT: Final = "held by its export limit"
HEAT: Final = "puts off as much heat as allowed"
POWER: Final = "gives all its power"
PART: Final = "gives part of what it could"


def home_reasons(
    envelope: ShedEnvelope,
    *,
    active: NDArray[np.bool_],
    ev_cut_kw: Floats,
    heat_cut_kw: Floats,
    shed_kw: Floats,
) -> list[str]:
    """Say of each home what holds it, the tightest first: data, reserve, heat, export limit, power.

    Parameters
    ----------
    envelope
        What N homes could give over T intervals.
    active
        (N,) homes that the plan asks for something.
    ev_cut_kw, heat_cut_kw, shed_kw
        (N, T) their parts: load put off, and what comes of all at the meter [kW].

    Returns
    -------
    N sentences without a subject.

    Raises
    ------
    AllocationError
        For arrays that do not fit the envelope.
    """
    shape = envelope.baseline_kw.shape
    for array in (ev_cut_kw, heat_cut_kw, shed_kw):
        if array.shape != shape:
            raise AllocationError(f"parts of shape {array.shape} do not fit an envelope of {shape}")
    if active.shape != shape[:1]:
        raise AllocationError(f"{shape[0]} homes do not fit {active.shape} marks")
    with np.errstate(invalid="ignore"):
        cuts = shed_kw - envelope.idle_shed_kw
        given = np.maximum(0.0, cuts - ev_cut_kw - heat_cut_kw).sum(axis=1) * envelope.hours
        put_off = heat_cut_kw.sum(axis=1) * envelope.hours
        possible = np.minimum(envelope.battery_kw + envelope.ev_kw + envelope.heat_kw, envelope.headroom_kw)
        full = cuts >= possible - TOLERANCE_KW
        capped = envelope.headroom_kw < envelope.battery_kw + envelope.ev_kw + envelope.heat_kw - TOLERANCE_KW
        rules = (
            (~envelope.usable, UNKNOWN),
            (~active & ~(possible > TOLERANCE_KW).any(axis=1), NOTHING),
            (~active, NOT_NEEDED),
            ((given > TOLERANCE_KWH) & (given >= envelope.battery_kwh - TOLERANCE_KWH), RESERVE),
            ((put_off > TOLERANCE_KWH) & (put_off >= envelope.heat_kwh - TOLERANCE_KWH), HEAT),
            ((capped & full & (possible > TOLERANCE_KW)).any(axis=1), EXPORT),
            ((full & (possible > TOLERANCE_KW)).any(axis=1), POWER),
        )
    return [str(one) for one in np.select([held for held, _ in rules], [text for _, text in rules], PART)]
