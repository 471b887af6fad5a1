"""Allocation without a solver: what is asked for is shared in proportion to head-room.

It takes milliseconds for any fleet and always ends. It looks ahead only by keeping energy for the intervals
to come where the target allows it, so it can fall short where the linear program does not.
"""

import numpy as np

from vpp.dispatch.problem import AllocationProblem, Cuts, Floats


def share_in_proportion(problem: AllocationProblem) -> Cuts:
    """Go through the intervals once: hold the baselines, then share the target.

    Batteries come first, then EVs, then heat pumps; each kind gives in proportion to what each home can
    give evenly until the end, and beyond that in proportion to what it can give at once.

    Returns
    -------
    Cuts
        Within every bound; no prices (0) and no objective.
    """
    envelope = problem.envelope
    shape = envelope.baseline_kw.shape
    cuts = {kind: np.zeros(shape) for kind in ("battery", "ev", "heat")}
    left_kwh = {
        "battery": envelope.battery_kwh.copy(),
        "ev": np.full(shape[0], np.inf),
        "heat": envelope.heat_kwh.copy(),
    }
    power = {"battery": envelope.battery_kw, "ev": envelope.ev_kw, "heat": envelope.heat_kw}
    for t in range(shape[1]):
        room = envelope.headroom_kw[:, t].copy()
        hours_left = (shape[1] - t) * envelope.hours
        idle = envelope.idle_shed_kw[:, t]
        limit = np.minimum(envelope.battery_kw[:, t], left_kwh["battery"] / envelope.hours)
        hold = np.minimum(np.maximum(0.0, -idle), np.minimum(limit, room))
        cuts["battery"][:, t] = hold
        left_kwh["battery"] -= hold * envelope.hours
        room -= hold
        missing = float(problem.target_kw[t] - (idle + hold).sum())
        for kind in ("battery", "ev", "heat"):
            for hours in (hours_left, envelope.hours):
                limit = np.minimum(power[kind][:, t] - cuts[kind][:, t], left_kwh[kind] / hours)
                part = _share(missing, np.maximum(0.0, np.minimum(limit, room)))
                cuts[kind][:, t] += part
                left_kwh[kind] -= part * envelope.hours
                room -= part
                missing -= float(part.sum())
    return Cuts(
        discharge_kw=cuts["battery"],
        ev_kw=cuts["ev"],
        heat_kw=cuts["heat"],
        price_per_kwh=np.zeros(shape[1]),
        objective=None,
        solver="proportional",
    )


def _share(wanted_kw: float, capacity_kw: Floats) -> Floats:
    """Split what is wanted [kW] in proportion to capacity, never beyond it."""
    total = float(capacity_kw.sum())
    if wanted_kw <= 0 or total <= 0:
        return np.zeros_like(capacity_kw)
    return capacity_kw * min(1.0, wanted_kw / total)
