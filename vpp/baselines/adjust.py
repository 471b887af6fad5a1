"""Average the chosen days and correct the average by hours of the event day."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from vpp.baselines.data import EventData, Positions
from vpp.baselines.days import BaselineError
from vpp.baselines.result import (
    NO_USABLE_WINDOW,
    WINDOW_OUTSIDE,
    BaselineResult,
    Bools,
    Floats,
    assemble,
)

Adjustment = Literal["additive", "ratio", "none"]
Cap = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Correction:
    """How a same-day adjustment is made.

    Parameters
    ----------
    kind
        ``"additive"`` moves, ``"ratio"`` multiplies, ``"none"`` leaves the average as it is.
    hours, gap_hours
        Length of the window, and its distance from the event [h].
    after
        Whether as many hours after the event count as well, at the same distance.
    cap
        Least and greatest ratio [1]; (0, inf) for none.

    Raises
    ------
    BaselineError
        For an empty window, or bounds that are reversed or exclude every ratio.
    """

    kind: Adjustment = "additive"
    hours: int = 3
    gap_hours: int = 1
    after: bool = False
    cap: Cap = (0.0, np.inf)

    def __post_init__(self) -> None:
        if self.hours < 1 or self.gap_hours < 0:
            raise BaselineError(f"no window of {self.hours} h at {self.gap_hours} h from the event")
        if not 0 <= self.cap[0] <= self.cap[1] or not self.cap[1] > 0:
            raise BaselineError(f"ratio bounds {self.cap} are reversed or not positive")

    def window(self, data: EventData) -> Positions | None:
        """Positions of the window in a day; None where a part of it leaves the data."""
        before = data.before(hours=self.hours, gap_hours=self.gap_hours)
        if before is None or not self.after:
            return before
        after = data.after(hours=self.hours, gap_hours=self.gap_hours)
        return None if after is None else np.concatenate([before, after])

    def usable_days(self, data: EventData) -> Bools:
        """(S, D) whether a past day misses nothing in the event's intervals and in this window."""
        complete = data.has(np.arange(data.event_starts, data.event_ends))
        window = None if self.kind == "none" else self.window(data)
        return complete if window is None else complete & data.has(window)


def correction_of(past_kw: Floats, actual_kw: Floats, *, ratio: bool, cap: Cap) -> Floats:
    """Per site what to add [kW] or to multiply by [1]; NaN where that cannot be told."""
    if not ratio:
        return actual_kw - past_kw
    quotient = np.divide(actual_kw, past_kw, out=np.full(len(past_kw), np.nan), where=past_kw > 0)
    clipped: Floats = np.clip(quotient, *cap)
    return clipped


def mean_of_days(values: Floats, used: Bools, *, weights: Floats | None = None) -> Floats:
    """(S, T) mean over each site's used days, with weights (S, D) that need not sum to one."""
    share = used.astype(np.float64) if weights is None else np.where(used, weights, 0.0)
    total: Floats = np.einsum("sd,sdt->st", share, np.where(used[:, :, None], values, 0.0))
    weight = share.sum(axis=1)
    mean: Floats = total / np.where(weight > 0, weight, 1.0)[:, None]
    return mean


def average_and_correct(
    data: EventData,
    used: Bools,
    *,
    eligible: Bools,
    min_days: int,
    correction: Correction,
    weights: Floats | None = None,
) -> BaselineResult:
    """Average the used days of each site, and apply the same-day adjustment.

    A site whose window is not completely measured on the event day, or for the ratio whose average there is
    zero or less, keeps its unadjusted baseline; so do all sites where the data ends before the window does.

    Parameters
    ----------
    data
        The event's meter data.
    used, eligible
        (S, D) days averaged, and days they were chosen from.
    min_days
        How few eligible days are enough [1].
    correction
        The adjustment.
    weights
        (S, D) weights of the days [1]; equal without.
    """
    counts = {"days_used": used.sum(axis=1), "eligible": eligible.sum(axis=1)}
    unadjusted = mean_of_days(data.event_history_kw, used, weights=weights)
    if correction.kind == "none":
        return assemble(unadjusted, **counts, min_days=min_days)
    ratio = correction.kind == "ratio"
    window = correction.window(data)
    if window is None:
        found = np.full(len(used), np.nan)
    else:
        past = mean_of_days(data.history_kw[:, :, window], used, weights=weights).mean(axis=1)
        actual = data.event_day_kw[:, window].mean(axis=1)
        found = correction_of(past, actual, ratio=ratio, cap=correction.cap)
    why = WINDOW_OUTSIDE if window is None else NO_USABLE_WINDOW
    return assemble(unadjusted, **counts, min_days=min_days, found=found, ratio=ratio, not_found=why)
