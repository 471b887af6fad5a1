"""Which baseline method fits homes, from their stored measurements."""

import dataclasses
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.flexibility.rows import QUARTER, rows_of_days, wall_row
from apps.sites.models import Site
from vpp.baselines.days import DayType
from vpp.baselines.registry import method_named
from vpp.baselines.suitability import DayHistory, Fit, suitability

Floats = NDArray[np.float64]
# More homes do not change which method fits; rows of 110 days of these are some 60 MB.
MOST_HOMES = 300
AT_ONCE = 50


@dataclasses.dataclass(frozen=True)
class Question:
    """Which of `methods` guesses best between two local times on the latest days of a type."""

    starts: time
    minutes: int
    of_type: DayType
    placebo_days: int
    methods: Sequence[str]
    holidays: Collection[date]
    excluded_days: Collection[date]


def suitability_compute(
    *, sites: Sequence[Site], question: Question, today: date, progress: Callable[[float], None]
) -> dict[str, Any]:
    """Return the report as JSON; `progress` is told the share of homes whose past has been read."""
    chosen = _sample(sites)
    history = _history(chosen, question, today=today, progress=progress)
    placebo = history.placebo_dates(question.placebo_days, of_type=question.of_type)
    found = suitability(history, question.methods, placebo_dates=placebo)
    return {
        "homes": len(sites),
        "site_ids": [site.pk for site in chosen],
        "placebo_dates": [day.isoformat() for day in found.placebo_dates],
        "sentences": list(found.sentences),
        "fits": [_fit(fit) for fit in found.fits],
    }


def _sample(sites: Sequence[Site]) -> list[Site]:
    """Evenly spread homes, those of a time zone together."""
    count = min(len(sites), MOST_HOMES)
    spread = [sites[index * len(sites) // count] for index in range(count)]
    return sorted(spread, key=lambda site: (site.time_zone, site.pk))


def _history(
    sites: Sequence[Site], question: Question, *, today: date, progress: Callable[[float], None]
) -> DayHistory:
    methods = [method_named(name) for name in question.methods]
    hours = (max(one.before_hours for one in methods), max(one.after_hours for one in methods))
    # A type of day comes twice a week at least; twice the placebo days would miss weekends.
    length = max(one.look_back_days for one in methods) + 4 * question.placebo_days
    days = [today - timedelta(days=back) for back in range(1, length + 1)]
    begin = datetime.combine(today, question.starts)
    rows: list[Floats] = []
    # The longest list of zones is short; a batch has homes of one zone.
    for zone, batch in _batches(sites):
        row = wall_row(
            begin, begin + timedelta(minutes=question.minutes), zone=zone, hours=hours, whole_day=True
        )
        rows.append(rows_of_days(site_ids=[site.pk for site in batch], row=row, days=days))
        progress(sum(len(done) for done in rows) / len(sites))
    return DayHistory(
        np.concatenate(rows),
        days,
        row.event_starts,
        row.event_ends,
        midnight=(datetime.combine(today, time()) - row.starts) // QUARTER,
        intervals_per_hour=timedelta(hours=1) // QUARTER,
        holidays=question.holidays,
        excluded=question.excluded_days,
    )


def _batches(sites: Sequence[Site]) -> Iterable[tuple[ZoneInfo, list[Site]]]:
    for zone in sorted({site.time_zone for site in sites}):
        there = [site for site in sites if site.time_zone == zone]
        for first in range(0, len(there), AT_ONCE):
            yield ZoneInfo(zone), there[first : first + AT_ONCE]


def _fit(fit: Fit) -> dict[str, Any]:
    found = fit.accuracy
    return {
        "method": fit.method,
        "title": fit.title,
        "rrmse": _number(found.portfolio_rrmse),
        "cvrmse": _number(found.portfolio_cvrmse),
        "bias": _number(found.portfolio_bias),
        "within": fit.within,
        "known": _number(fit.known),
        "sites": fit.sites,
        "sites_within": fit.sites_within,
        "site_rrmse": [_number(value) for value in found.rrmse],
        "site_cvrmse": [_number(value) for value in found.cvrmse],
        "site_bias": [_number(value) for value in found.bias],
        "portfolio_kw": [_number(value) for value in fit.portfolio_kw],
        "actual_kw": [_number(value) for value in fit.actual_kw],
    }


def _number(value: float) -> float | None:
    return round(float(value), 5) if math.isfinite(value) else None
