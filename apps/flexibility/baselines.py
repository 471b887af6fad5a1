"""Every home's baseline for a grid signal, by the method its program has chosen."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.flexibility.models import SiteFlexibility
from apps.flexibility.rows import QUARTER, SignalIntervals, part_row, parts_of, rows_of_days
from apps.flexibility.selectors import flexibility_of_signal
from apps.sites.models import Site
from vpp.baselines.data import EventData
from vpp.baselines.days import day_type
from vpp.baselines.names import DEFAULT_METHOD
from vpp.baselines.registry import METHODS, Method, candidate_days, method_named

Floats = NDArray[np.float64]
# A batch's rows are held at once: 2000 homes x 32 days x 96 quarter-hours are 50 MB.
BATCH = 2000


@dataclasses.dataclass(frozen=True)
class BaselineRule:
    """How a program's baselines are made; days are local dates."""

    method: str = DEFAULT_METHOD
    holidays: frozenset[date] = frozenset()
    excluded_days: frozenset[date] = frozenset()


@dataclasses.dataclass(frozen=True)
class Baselines:
    """(S, T) baselines [kW], NaN where `reasons` says why a home has none."""

    baseline_kw: Floats
    reasons: list[str]


def baselines_compute(
    *,
    site_ids: Sequence[int],
    zone: ZoneInfo,
    intervals: SignalIntervals,
    rule: BaselineRule,
    final: bool = False,
) -> Baselines:
    """Compute baselines from stored measurements; before the event without what needs the hours after it."""
    found = [
        _batch(site_ids[first : first + BATCH], zone=zone, intervals=intervals, rule=rule, final=final)
        for first in range(0, len(site_ids), BATCH)
    ]
    empty = np.empty((0, intervals.count))
    return Baselines(
        np.concatenate([empty, *(one.baseline_kw for one in found)]),
        [reason for one in found for reason in one.reasons],
    )


def final_baselines(
    *,
    intervals: SignalIntervals,
    sites: Sequence[Site],
    excluded_days: Collection[date],
    holidays: Collection[date] = (),
    now: datetime,
) -> dict[int, list[float]]:
    """Return the baselines to settle a signal by [kW per interval].

    What was stored for the event stands, except where its method looks at hours after the event: once they are
    over, the baseline is computed again by the method on record, and a home for which that cannot be done has
    none. Homes without a stored baseline are not in the answer.
    """
    stored = {
        site_id: row
        for site_id, row in flexibility_of_signal(signal_id=intervals.signal_id).items()
        if fits(row, intervals=intervals)
    }
    final = {site.pk: stored[site.pk].baseline_kw for site in sites if site.pk in stored}
    again = [site for site in sites if site.pk in stored and _is_due(stored[site.pk], intervals, now=now)]

    def key(site: Site) -> tuple[str, str]:
        return stored[site.pk].baseline_method, site.time_zone

    for (method, zone), group in groupby(sorted(again, key=key), key=key):
        ids = [site.pk for site in group]
        rule = BaselineRule(method, frozenset(holidays), frozenset(excluded_days))
        found = baselines_compute(
            site_ids=ids, zone=ZoneInfo(zone), intervals=intervals, rule=rule, final=True
        )
        for site_id, row in zip(ids, found.baseline_kw, strict=True):
            if np.isnan(row).any():
                del final[site_id]
            else:
                final[site_id] = row.tolist()
    return final


def fits(row: SiteFlexibility, *, intervals: SignalIntervals) -> bool:
    """Whether a stored baseline is about these intervals."""
    return (row.starts_at, row.interval_s, len(row.baseline_kw)) == (
        intervals.starts_at,
        intervals.interval_s,
        intervals.count,
    )


def _is_due(row: SiteFlexibility, intervals: SignalIntervals, *, now: datetime) -> bool:
    method = METHODS.get(row.baseline_method)
    return (
        method is not None
        and method.final_needs_after
        and now >= intervals.ends_at + timedelta(hours=method.after_hours)
    )


def _batch(
    site_ids: Sequence[int], *, zone: ZoneInfo, intervals: SignalIntervals, rule: BaselineRule, final: bool
) -> Baselines:
    method = method_named(rule.method)
    known: dict[datetime, Floats] = {}
    reasons = [""] * len(site_ids)
    for part in parts_of(intervals):
        data, places = _event_data(site_ids, part, zone=zone, intervals=intervals, method=method, rule=rule)
        result = (method.calculate if final else method.before_event)(data)
        for at, place in places.items():
            known[at] = result.baseline_kw[:, place]
        for index, (good, why) in enumerate(zip(result.ok, result.reason, strict=True)):
            reasons[index] = reasons[index] or ("" if good else why)
    return Baselines(_on_intervals(known, sites=len(site_ids), intervals=intervals), reasons)


def _event_data(
    site_ids: Sequence[int],
    part: Sequence[datetime],
    *,
    zone: ZoneInfo,
    intervals: SignalIntervals,
    method: Method,
    rule: BaselineRule,
) -> tuple[EventData, Mapping[datetime, int]]:
    """Rows of a part of the event, and where in the event each quarter-hour of the part stands."""
    row = part_row(
        part, zone=zone, hours=(method.before_hours, method.after_hours), whole_day=method.whole_day
    )
    days = candidate_days(method, row.event_date, holidays=rule.holidays, excluded=rule.excluded_days)
    values = rows_of_days(
        site_ids=site_ids,
        row=row,
        days=[row.event_date, *days],
        hidden=(intervals.starts_at, intervals.ends_at),
    )
    data = EventData(
        values[:, 1:],
        values[:, 0],
        row.event_starts,
        row.event_ends,
        intervals_per_hour=timedelta(hours=1) // QUARTER,
        day_type=day_type(row.event_date, rule.holidays),
    )
    return data, {at: row.position(at) - row.event_starts for at in part}


def _on_intervals(known: Mapping[datetime, Floats], *, sites: int, intervals: SignalIntervals) -> Floats:
    """Mean of the quarter-hours that an interval reaches into, each by its share of the interval."""
    baseline = np.zeros((sites, intervals.count))
    for index in range(intervals.count):
        begin = intervals.starts_at + index * intervals.step
        end = begin + intervals.step
        for at, values in known.items():
            overlap = min(end, at + QUARTER) - max(begin, at)
            if overlap > timedelta(0):
                baseline[:, index] += values * (overlap / intervals.step)
    return baseline
