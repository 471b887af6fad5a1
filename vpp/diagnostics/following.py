"""Whether a resource does what its setpoint says.

The error counts when it is more than the greater of 5 % of the rating and 100 W, for some intervals in a row; ramps
shorter than that are let pass. The two limits are the platform's own (its design notes), no grid code's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import (
    Bools,
    DiagnosticsError,
    Floats,
    checked,
    complete,
    one_name_each,
    same_shape,
)
from vpp.diagnostics.finding import Finding, severity_of
from vpp.diagnostics.runs import Stretches, first, inside, stretches
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds
from vpp.intervals import Grid


@dataclass(frozen=True, slots=True)
class Following:
    """Of N resources: stretches of `failed` intervals, `error_kw` (N, T) [kW] and whether one was `asked` (N, T)."""

    failed: Stretches
    error_kw: Floats
    asked: Bools


def setpoint_following(
    power_kw: ArrayLike, setpoint_kw: ArrayLike, *, rating_kw: ArrayLike, thresholds: Thresholds = DEFAULTS
) -> Following:
    """Compare power with the setpoint wherever both are known.

    Parameters
    ----------
    power_kw, setpoint_kw
        (N, T) [kW], load convention; NaN is missing, or no setpoint. Either ends a stretch.
    rating_kw
        (N,) greatest power of the resource [kW].
    thresholds
        Of which the ones beginning with following count.

    Raises
    ------
    DiagnosticsError
        For shapes that do not fit, infinite values, or a negative or missing rating.
    """
    power = checked("power", power_kw, dimensions=2)
    setpoint = checked("setpoint", setpoint_kw, dimensions=2)
    rating = complete("rating", rating_kw, dimensions=1, least=0.0)
    same_shape("setpoint", setpoint, shape=power.shape)
    same_shape("rating", rating, shape=power.shape[:1])
    error = power - setpoint
    allowed = np.maximum(thresholds.following_share * rating, thresholds.following_kw)
    failed = stretches(np.abs(error) > allowed[:, None], thresholds.following_intervals)
    return Following(failed, error, ~np.isnan(error))


def following_findings(found: Following, resources: Sequence[str], *, grid: Grid) -> list[Finding]:
    """One finding for each resource that failed to follow, since the first time.

    Raises
    ------
    DiagnosticsError
        For names or a grid that do not fit.
    """
    one_name_each(resources, len(found.error_kw))
    if found.error_kw.shape[1] != grid.count:
        raise DiagnosticsError(f"{found.error_kw.shape[1]} intervals do not fit a grid of {grid.count}")
    failed = inside(found.failed, (len(found.error_kw), grid.count))
    starts = first(failed)
    findings = []
    for row in np.flatnonzero(starts >= 0).tolist():
        error = found.error_kw[row, failed[row]]
        share = 100.0 * failed[row].sum() / found.asked[row].sum()
        findings.append(
            Finding(
                kind="setpoint_not_followed",
                resource=resources[row],
                since=grid.interval(int(starts[row])).starts_at,
                # Half at the shortest stretch, certain where no setpoint at all was followed.
                confidence=float(0.5 + share / 200.0),
                severity=severity_of(share, warning=5.0, critical=50.0),
                sentence=f"Did not follow its setpoint in {share:.0f} % of the intervals, by {np.abs(error).mean():.2f} kW.",
                evidence={
                    "failed_pct": float(share),
                    "mean_error_kw": float(error.mean()),
                    "mean_absolute_error_kw": float(np.abs(error).mean()),
                    "intervals": float(failed[row].sum()),
                },
                action="Check limits set on the device, its operation mode and whether the order reaches it.",
            )
        )
    return findings
