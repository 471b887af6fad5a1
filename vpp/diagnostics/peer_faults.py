"""Soiling and failing strings: a plant that falls behind its peers, slowly or at once.

Two alarms: the robust z below its limit for some measured days in a row, and a one-sided tabular CUSUM (Page
1954) of the same z, which sees slow declines earlier. What it is, is told by which of two lines lies nearer to the
days (least absolute errors): level and then a step down, or level and then an even decline. The first is a string, fuse or
inverter; the second is dirt.
The limits of the CUSUM were set on other random numbers than those the tests score. No public source gives labeled data
of home plants, so the choice between the two was checked on injected faults only. Snow, new shade and a change
of orientation look like a string.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vpp.diagnostics.checks import Bools, DiagnosticsError, Floats, Ints, median_of_rows, one_name_each
from vpp.diagnostics.finding import Finding, Kind, severity_of
from vpp.diagnostics.peers import PeerRatio
from vpp.diagnostics.runs import first, run_lengths
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds
from vpp.intervals import Grid

_RECENT_DAYS = 7
_HISTORY_DAYS = 30  # measured before the alarm, to see the level it fell from
_SIDE = 5  # days on either side of a recovery
_LEAST_RECOVERY = 0.04
_ACTIONS: dict[Kind, str] = {
    "soiling": "Have the modules cleaned if rain does not do it.",
    "failing_string": "Have strings, fuses and connectors looked at; look for new shade.",
    "plant_outage": "Look at the inverter: it stands still.",
}


@dataclass(frozen=True, slots=True)
class PeerFaults:
    """Faults of N plants, (N,) each; positions are days from the start of the data, -1 for no fault.

    `detected` is the day of the alarm, `since` the day it began; `declines` tells a slow decline from a step;
    `loss` is the median loss since then and `loss_now` that of the latest week [0-1]; `step_error` and
    `decline_error` are the mean absolute errors of the two lines [1]; `share_below` is how many of the days
    since lie more than a spread below the usual [0-1].
    """

    detected: Ints
    since: Ints
    declines: Bools
    loss: Floats
    loss_now: Floats
    step_error: Floats
    decline_error: Floats
    share_below: Floats


def peer_faults(peers: PeerRatio, *, thresholds: Thresholds = DEFAULTS) -> PeerFaults:
    """Find the plants that fell behind their peers after their reference days, and say how.

    Parameters
    ----------
    peers
        Of `peer_ratio`.
    thresholds
        Of which the ones beginning with peer and cusum count.
    """
    detected = _alarms(peers, thresholds)
    count = len(detected)
    since, declines = np.full(count, -1), np.zeros(count, dtype=np.bool_)
    numbers = np.full((5, count), np.nan)
    for plant in np.flatnonzero(detected >= 0).tolist():
        performance = peers.ratio[plant] / peers.usual[plant]
        measured = np.flatnonzero(~np.isnan(performance))
        alarm = int(np.searchsorted(measured, detected[plant]))
        starts = int(measured[max(0, alarm - _HISTORY_DAYS)])
        ends = _episode_ends(performance, detected=int(detected[plant]))
        step, decline = _best_lines(performance[starts:ends])
        declines[plant] = decline.error < step.error
        line = decline if declines[plant] else step
        since[plant] = starts + line.day
        below = peers.z[plant, since[plant] : ends]
        numbers[:, plant] = (
            1.0 - np.nanmedian(performance[since[plant] : ends]) / line.level,
            1.0 - np.median(performance[measured[-_RECENT_DAYS:]]) / line.level,
            step.error,
            decline.error,
            (below < -1).sum() / max((~np.isnan(below)).sum(), 1),
        )
    return PeerFaults(detected, since, declines, *numbers)


def peer_fault_findings(
    found: PeerFaults, resources: Sequence[str], *, days: Grid, thresholds: Thresholds = DEFAULTS
) -> list[Finding]:
    """Findings of plants that fell behind; `days` is the grid of the data's days.

    Raises
    ------
    DiagnosticsError
        For names that are not as many as the plants, or a grid that does not reach over a fault.
    """
    one_name_each(resources, len(found.detected))
    if len(found.detected) and found.detected.max() >= days.count:
        raise DiagnosticsError(f"a grid of {days.count} days does not reach over the data")
    return [
        _finding(found, plant, resource=resources[plant], days=days, thresholds=thresholds)
        for plant in np.flatnonzero(found.detected >= 0).tolist()
    ]


def _finding(found: PeerFaults, plant: int, *, resource: str, days: Grid, thresholds: Thresholds) -> Finding:
    loss_pct, now_pct = 100.0 * float(found.loss[plant]), 100.0 * float(found.loss_now[plant])
    kind: Kind = "soiling" if found.declines[plant] else "failing_string"
    if kind == "failing_string" and loss_pct >= thresholds.outage_loss_pct:
        kind = "plant_outage"
    how = "has been falling behind" if kind == "soiling" else "dropped at once below"
    return Finding(
        kind=kind,
        resource=resource,
        since=days.interval(int(found.since[plant])).starts_at,
        confidence=float(found.share_below[plant]),
        severity=severity_of(loss_pct, warning=thresholds.peer_loss_pct, critical=30.0),
        sentence=f"Yield {how} its neighbors: {loss_pct:.0f} % less than usual, {now_pct:.0f} % in the latest week.",
        evidence={
            "loss_pct": loss_pct,
            "loss_now_pct": now_pct,
            "detected_day": float(found.detected[plant]),
            "step_error": float(found.step_error[plant]),
            "decline_error": float(found.decline_error[plant]),
        },
        action=_ACTIONS[kind],
    )


def _alarms(peers: PeerRatio, thresholds: Thresholds) -> Ints:
    """(N,) day of the first alarm, -1 without."""
    missing = np.isnan(peers.z)
    after = np.arange(peers.z.shape[1]) >= peers.reference_ends[:, None]
    z = np.where(missing, 0.0, peers.z)
    lost = 100.0 * (1.0 - peers.ratio / peers.usual[:, None])
    loses = after & (lost >= thresholds.peer_loss_pct)
    run = run_lengths(loses & (z < -thresholds.peer_z), skip=missing) >= thresholds.peer_days
    # A single day counts no more than the limit, so that one wild day is no alarm.
    fall = np.clip(-z, -thresholds.peer_z, thresholds.peer_z) - thresholds.cusum_slack
    fall = np.where(after & ~missing, fall, 0.0)
    sums, total = np.zeros(z.shape), np.zeros(len(z))
    for day in range(z.shape[1]):
        total = np.maximum(0.0, total + fall[:, day])
        sums[:, day] = total
    # Slow drift of the seasons reaches the sum too; a loss that does not matter is no alarm.
    matters = run_lengths(loses, skip=missing) >= 2
    return first(run | ((sums > thresholds.cusum_limit) & matters))


def _episode_ends(performance: Floats, *, detected: int) -> int:
    """End of the days that belong to the fault: its greatest recovery, if that takes back half of the loss."""
    candidates = np.arange(detected + 1, len(performance) - _SIDE + 1)
    windows = median_of_rows(np.lib.stride_tricks.sliding_window_view(performance, _SIDE))
    before, after = windows[candidates - _SIDE], windows[candidates]
    rise = np.nan_to_num(np.where(before < 1, (after - before) / (1.0 - before), 0.0))
    # Small losses are noise, of which any half may come back.
    rise[np.nan_to_num(before, nan=1.0) > 1.0 - _LEAST_RECOVERY] = 0.0
    best = int(np.argmax(rise)) if len(rise) else 0
    return int(candidates[best]) if len(rise) and rise[best] > 0.5 else len(performance)


@dataclass(frozen=True, slots=True)
class _Line:
    """The day a line leaves its `level`, and its mean absolute error."""

    day: int
    level: float
    error: float


def _best_lines(performance: Floats) -> tuple[_Line, _Line]:
    """Return the best step and the best decline: level until a day, from there on lower, or falling evenly."""
    days = np.flatnonzero(~np.isnan(performance))
    known = performance[days]
    steps, declines = [], []
    for at in range(min(_SIDE, len(known) - 1), len(known)):
        level = float(np.median(known[:at]))
        before = np.abs(known[:at] - level).sum()
        low = min(level, float(np.median(known[at:])))
        gone = days[at:] - days[at] + 1.0
        slope = max(0.0, float((gone * (level - known[at:])).sum() / (gone**2).sum()))
        after = np.abs(known[at:] - level + slope * gone).sum()
        steps.append(_Line(int(days[at]), level, float(before + np.abs(known[at:] - low).sum()) / len(known)))
        declines.append(_Line(int(days[at]), level, float(before + after) / len(known)))
    return min(steps, key=lambda line: line.error), min(declines, key=lambda line: line.error)
