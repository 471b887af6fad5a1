"""How fast a PV plant loses yield, by comparing each day with the same day a year later.

Rate = median over t of (P(t + 1 year) - P(t)) / (median of P in the first year), in % per year.

Source: the year-on-year method of Hasselbrink and others (2013) and Jordan, Deline, Kurtz, Kimball and Anderson,
"Robust PV Degradation Methodology and Application", IEEE J. Photovoltaics 8 (2018), from memory; the outside
implementation is `rdtools`, with which a test compares. A year is 365 days here, without its leap days and without
its search for the nearest day within eight. Making a daily performance index (irradiance, temperature, filters) is the
caller's work.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vpp.diagnostics.checks import DiagnosticsError, Floats, Ints, checked, median_of_rows, one_name_each
from vpp.diagnostics.finding import Finding, severity_of
from vpp.diagnostics.thresholds import DEFAULTS, Thresholds

DAYS_PER_YEAR = 365


@dataclass(frozen=True, slots=True)
class Degradation:
    """Rates [%/year] of N plants, (N,) each, negative where yield is lost; NaN where nothing could be compared.

    `low` and `high` bound the rate with the asked confidence, `pairs` is how many days were compared [1], and
    `resampled` (N, R) holds the rates of the bootstrap.
    """

    rate_pct: Floats
    low_pct: Floats
    high_pct: Floats
    pairs: Ints
    resampled_pct: Floats


def year_on_year(
    performance: ArrayLike,
    *,
    confidence: float = 0.95,
    resamples: int = 400,
    block_days: int = 30,
    least_pairs: int = 180,
    seed: int = 0,
) -> Degradation:
    """Estimate each plant's rate of degradation and its bootstrap interval.

    The bootstrap draws circular blocks of year-on-year slopes, because the slopes of neighboring days share
    the weather and single days would promise too much.

    Parameters
    ----------
    performance
        (N, D) daily yield divided by what was to be expected [1], at least two years; NaN is missing.
    confidence
        Of the interval [0-1].
    resamples, block_days, seed
        Of the bootstrap [1], [d], and its random numbers.
    least_pairs
        Fewest days that must have a partner a year later [1].

    Raises
    ------
    DiagnosticsError
        For less than two years, negative or infinite performance, or a bootstrap that makes no sense.
    """
    index = checked("performance", performance, dimensions=2, least=0.0)
    if index.shape[1] < 2 * DAYS_PER_YEAR:
        raise DiagnosticsError(f"{index.shape[1]} days are less than two years")
    if not 0 < confidence < 1 or resamples < 1 or block_days < 1 or least_pairs < 1 or seed < 0:
        raise DiagnosticsError("a bootstrap needs a confidence within 0 and 1, and counts of at least one")
    first_year = median_of_rows(index[:, :DAYS_PER_YEAR])
    first_year = np.where(first_year > 0, first_year, np.nan)
    slopes = 100.0 * (index[:, DAYS_PER_YEAR:] - index[:, :-DAYS_PER_YEAR]) / first_year[:, None]
    pairs = (~np.isnan(slopes)).sum(axis=1)
    resampled = np.full((len(index), resamples), np.nan)
    rate = np.full(len(index), np.nan)
    chance = np.random.default_rng(seed)
    for plant in np.flatnonzero(pairs >= least_pairs):
        known = slopes[plant, ~np.isnan(slopes[plant])]
        rate[plant] = np.median(known)
        resampled[plant] = _block_medians(known, resamples=resamples, block=block_days, chance=chance)
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(resampled, [tail, 100.0 - tail], axis=1)
    return Degradation(rate, low, high, pairs, resampled)


def degradation_findings(
    found: Degradation, resources: Sequence[str], *, thresholds: Thresholds = DEFAULTS
) -> list[Finding]:
    """Findings of plants that more likely than not lose more than is usual.

    Raises
    ------
    DiagnosticsError
        For names that are not as many as the plants.
    """
    one_name_each(resources, len(found.rate_pct))
    limit = thresholds.degradation_pct
    sure = (found.resampled_pct < -limit).mean(axis=1)
    return [
        Finding(
            kind="pv_degradation",
            resource=resources[plant],
            since=None,
            confidence=float(sure[plant]),
            severity=severity_of(-found.rate_pct[plant], warning=limit, critical=3 * limit),
            sentence=f"Loses {-found.rate_pct[plant]:.1f} % of its yield a year; up to {limit:g} % is usual.",
            evidence={
                "rate_pct": float(found.rate_pct[plant]),
                "low_pct": float(found.low_pct[plant]),
                "high_pct": float(found.high_pct[plant]),
                "pairs": float(found.pairs[plant]),
            },
            action="Compare with the modules' warranty; have strings measured if it goes on.",
        )
        for plant in np.flatnonzero((found.rate_pct < -limit) & (sure > 0.5)).tolist()
    ]


def _block_medians(slopes: Floats, *, resamples: int, block: int, chance: np.random.Generator) -> Floats:
    """Medians of samples that are put together from circular blocks of neighboring slopes."""
    blocks = -(-len(slopes) // block)
    starts = chance.integers(0, len(slopes), (resamples, blocks, 1))
    picked = (starts + np.arange(block)).reshape(resamples, -1)[:, : len(slopes)] % len(slopes)
    return np.asarray(np.median(slopes[picked], axis=1))
