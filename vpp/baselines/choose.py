"""Which of a site's days a baseline averages: masks of shape (S, D), most recent day first."""

import numpy as np

from vpp.baselines.days import BaselineError
from vpp.baselines.result import Bools, Floats


def latest(eligible: Bools, count: int) -> Bools:
    """Choose each site's `count` most recent eligible days."""
    if count < 1:
        raise BaselineError(f"cannot choose {count} days")
    return eligible & (np.cumsum(eligible, axis=1) <= count)


def highest(level_kw: Floats, among: Bools, *, count: int) -> Bools:
    """Choose the `count` days with the highest level; of equal days the one nearest to the event stays."""
    ascending_cost = np.where(among, -level_kw, np.inf)
    order = np.argsort(ascending_cost, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    return among & (rank < count)


def latest_without_low_usage(level_kw: Floats, eligible: Bools, *, count: int, share: float = 0.25) -> Bools:
    """Choose the latest days, replacing those below a share of the chosen days' mean by earlier ones.

    It is repeated until none is below. A site with a mean of zero or less (net export) loses no day: a share
    of a negative mean says nothing about low usage, and the sources are silent about it.

    Parameters
    ----------
    level_kw
        (S, D) mean power of each day's event intervals [kW].
    eligible
        (S, D) days that may be chosen.
    count
        How many days [1].
    share
        Share of the mean below which a day is left out, 0 to 1 [1].

    Raises
    ------
    BaselineError
        For another share, or no days.
    """
    if not 0 <= share <= 1:
        raise BaselineError(f"a share of {share} is not between 0 and 1")
    left = eligible
    while True:
        chosen = latest(left, count)
        total = np.where(chosen, level_kw, 0.0).sum(axis=1)
        mean = (total / np.maximum(chosen.sum(axis=1), 1))[:, None]
        low = chosen & (mean > 0) & (np.where(chosen, level_kw, 0.0) < share * mean)
        if not low.any():
            return chosen
        left = left & ~low
