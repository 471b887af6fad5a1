"""A plant whose inverter, or limit of export, cuts its peaks off: flat tops at one level, day after day.

The level is a high percentile of the daylight power; an interval is clipped when it lies within a narrow band about
the level in a row of such intervals. A bell-shaped clear day is flat for about three quarter-hours within half a
per cent of its top, so that four in a row tell the two apart. Source: the idea is that of `pvanalytics`
(geometric and level filters); the rule is ours. Curtailment by an order looks the same; leave those intervals out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import Bools, DiagnosticsError, Floats, checked, one_name_each
from vpp.diagnostics.finding import Finding
from vpp.diagnostics.runs import first, inside, stretches
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds
from vpp.intervals import Grid

_TOP_PERCENTILE = 99.0
_DAYLIGHT_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Clipping:
    """Of N plants: `clipped` (N, T), the plateau's `level_kw` (N,) [kW], and the share of energy in it (N,) [0-1]."""

    clipped: Bools
    level_kw: Floats
    energy_share: Floats


def clipping(generation_kw: ArrayLike, *, thresholds: Thresholds = DEFAULTS) -> Clipping:
    """Find the intervals in which plants generate at their plateau.

    Parameters
    ----------
    generation_kw
        (N, T) power [kW], positive when it generates, intervals of 5 to 15 min; NaN is missing.
    thresholds
        Of which the ones beginning with clipping count.

    Raises
    ------
    DiagnosticsError
        For infinite values.
    """
    generation = checked("generation", generation_kw, dimensions=2)
    made = np.maximum(np.nan_to_num(generation), 0.0)
    if not made.size:
        return Clipping(
            np.zeros(made.shape, np.bool_), np.full(len(made), np.nan), np.full(len(made), np.nan)
        )
    daylight = made > _DAYLIGHT_SHARE * made.max(axis=1, keepdims=True)
    level = np.full(len(made), np.nan)
    for plant in np.flatnonzero(daylight.any(axis=1)).tolist():
        level[plant] = np.percentile(made[plant, daylight[plant]], _TOP_PERCENTILE)
    near = np.abs(made / level[:, None] - 1.0) <= thresholds.clipping_level_share
    clipped = inside(stretches(near, thresholds.clipping_intervals), (made.shape[0], made.shape[1]))
    total = made.sum(axis=1)
    share = np.where(clipped, made, 0.0).sum(axis=1) / np.where(total > 0, total, np.nan)
    return Clipping(clipped, level, share)


def clipping_findings(
    found: Clipping, resources: Sequence[str], *, grid: Grid, thresholds: Thresholds = DEFAULTS
) -> list[Finding]:
    """Findings of plants that make more of their energy in the plateau than the threshold.

    Raises
    ------
    DiagnosticsError
        For names or a grid that do not fit.
    """
    one_name_each(resources, len(found.level_kw))
    if found.clipped.shape[1] != grid.count:
        raise DiagnosticsError(f"{found.clipped.shape[1]} intervals do not fit a grid of {grid.count}")
    starts = first(found.clipped)
    return [
        Finding(
            kind="clipping",
            resource=resources[plant],
            since=grid.interval(int(starts[plant])).starts_at,
            confidence=float(min(1.0, found.energy_share[plant] / (2 * thresholds.clipping_energy_share))),
            severity="info",
            sentence=(
                f"Stands at {found.level_kw[plant]:.2f} kW for {100 * found.energy_share[plant]:.0f} % of its "
                "energy: the inverter or a limit cuts the peaks off."
            ),
            evidence={
                "level_kw": float(found.level_kw[plant]),
                "energy_share_pct": float(100 * found.energy_share[plant]),
                "hours": float(found.clipped[plant].sum() * grid.hours),
            },
            action="Charge the battery or the car at noon; check whether a limit of export is still needed.",
        )
        for plant in np.flatnonzero(found.energy_share > thresholds.clipping_energy_share).tolist()
    ]
