"""Hold power and energy of a fleet back, for what comes unannounced."""

import math
from dataclasses import replace

import numpy as np

from vpp.dispatch.coupling import Limit, at_least
from vpp.dispatch.problem import AllocationError
from vpp.flexibility.envelope import ShedEnvelope

NAME = "the reserve"


def hold_back(
    envelope: ShedEnvelope, *, reserve_kw: float, hours: float = 1.0, penalty: float = 1.0
) -> tuple[ShedEnvelope, Limit]:
    """Leave the fleet able to shed `reserve_kw` more than it is asked for, for some hours after any interval.

    Energy is held back in the batteries in proportion to what each can give, and the fleet's shed is limited to what
    it could shed in each interval less the reserve. Both are sufficient, not necessary (an inner approximation): cars
    and heat pumps that could be cut count for power, not for energy.

    Parameters
    ----------
    envelope
        N usable homes, T intervals.
    reserve_kw, hours
        What to keep [kW], and for how long it must last [h].
    penalty
        What it is worth [currency/kWh]; where the target is worth more, the reserve is spent on it and the plan says so.

    Returns
    -------
    The envelope with less energy, and a limit for `AllocationProblem.limits`.

    Raises
    ------
    AllocationError
        For values that are negative or not finite.
    """
    for name, value in (("reserve_kw", reserve_kw), ("hours", hours)):
        if not (math.isfinite(value) and value >= 0):
            raise AllocationError(f"{name} is {value!r}, must be finite and at least 0")
    total = float(envelope.battery_kwh.sum())
    held = min(1.0, reserve_kw * hours / total) if total > 0 else 0.0
    power = envelope.baseline_kw.sum(axis=0) - np.maximum(0.0, envelope.max_shed_kw.sum(axis=0) - reserve_kw)
    lessened = replace(envelope, battery_kwh=envelope.battery_kwh * (1.0 - held))
    return lessened, at_least(NAME, power, penalty=penalty)
