"""Seconds for the baselines of many sites in one event, beside a plain loop over sites on a sample of them."""

import argparse
import resource
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vpp.baselines.data import EventData
from vpp.baselines.registry import METHODS

BATCH = 2000  # what apps.flexibility calculates at once
SAMPLE = 1000
MISSING = 0.002
DAYS, QUARTERS, EVENT = 14, 40, (16, 24)  # 4 h before, 2 h of event, 4 h after
Floats = NDArray[np.float64]


def measure(options: list[str]) -> dict[str, Any]:
    """Time CAISO's 10-of-10 over all sites three times, and every other method once."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks baselines")
    parser.add_argument("--sites", type=int, default=100_000)
    sites = parser.parse_args(options).sites
    history, today = random_fleet(sites)
    runs = [_seconds("caiso_10_of_10", history, today) for _ in range(3)]
    others = {name: round(_seconds(name, history, today), 2) for name in METHODS if name != "caiso_10_of_10"}
    rss_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sample = min(sites, SAMPLE)
    started = time.perf_counter()
    looped = np.array([plain_ten_of_ten(history[site], today[site]) for site in range(sample)])
    loop_seconds = time.perf_counter() - started
    ours = METHODS["caiso_10_of_10"].calculate(_event(history[:sample], today[:sample])).baseline_kw
    return {
        "sites": sites,
        "days": DAYS,
        "intervals": EVENT[1] - EVENT[0],
        "seconds": round(min(runs), 3),
        "first_seconds": round(runs[0], 3),
        "loop_sites": sample,
        "loop_seconds": round(loop_seconds, 3),
        "loop_ratio": round(loop_seconds / sample / (min(runs) / sites), 1),
        "relative_error": float(f"{np.nanmax(np.abs(ours / looped - 1)):.1e}"),
        "same_sites_without": bool(np.array_equal(np.isnan(ours), np.isnan(looped))),
        "seconds_of_other_methods": others,
        "rss_mb": round(rss_mb, 1),
    }


def random_fleet(sites: int) -> tuple[Floats, Floats]:
    """Return (S, D, N) past days and (S, N) an event day [kW], with a few gaps."""
    chance = np.random.default_rng(0)
    history = chance.gamma(2.0, 0.5, (sites, DAYS, QUARTERS))
    history[chance.random(history.shape, dtype=np.float32) < MISSING] = np.nan
    return history, chance.gamma(2.0, 0.5, (sites, QUARTERS))


def plain_ten_of_ten(history: Floats, today: Floats) -> Floats:
    """One site as the tariff is read: ten complete days, their mean, times the morning's ratio within 20 %."""
    begin, end = EVENT
    window = slice(begin - 16, begin - 4)
    days = [day for day in history if not np.isnan(day[window]).any() and not np.isnan(day[begin:end]).any()]
    if len(days) < 5:
        return np.full(end - begin, np.nan)
    mean = np.mean(days[:10], axis=0)
    ratio = min(1.2, max(0.8, today[window].mean() / mean[window].mean()))
    return np.asarray(mean[begin:end] * ratio)


def _event(history: Floats, today: Floats) -> EventData:
    highs = np.full(history.shape[:2], 20.0)
    return EventData(
        history, today, *EVENT, intervals_per_hour=4, history_max_c=highs, event_day_max_c=highs[:, 0]
    )


def _seconds(name: str, history: Floats, today: Floats) -> float:
    started = time.perf_counter()
    for first in range(0, len(history), BATCH):
        METHODS[name].calculate(_event(history[first : first + BATCH], today[first : first + BATCH]))
    return time.perf_counter() - started
