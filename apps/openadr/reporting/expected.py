"""What homes are expected to draw, would have drawn, and could give: (homes, …) powers [kW], NaN where not known."""

from datetime import date, timedelta
from itertools import groupby
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from apps.dispatch.asked import asked_of_homes
from apps.dispatch.battery_plans import PlannedBatteries, batteries_planned
from apps.flexibility.available import homes_available
from apps.flexibility.baselines import BaselineRule, baselines_compute
from apps.flexibility.forecast_selectors import means_of_sites, run_known
from apps.flexibility.models import ForecastRun
from apps.flexibility.portfolio import AHEAD
from apps.flexibility.rows import SignalIntervals
from apps.flexibility.selectors import flexibility_of_signal
from apps.openadr.reporting.homes import Asked, Floats
from apps.openadr.reporting.steps import Steps, means, quarters_over, shares
from apps.programs.models import GridSignal
from apps.programs.selectors import earlier_event_days, event_days_of_program

Bools = NDArray[np.bool_]
DAY = 96
# A baseline looks at a month of days for each day of a report.
MOST_BASELINE_DAYS = 31
LATELY = timedelta(hours=1)


def forecast_kw(asked: Asked, steps: Steps) -> Floats:
    """(homes, quarter-hours) what the newest forecast says."""
    found = np.full((len(asked.homes), steps.count), np.nan)
    run = run_known(
        organization_id=asked.homes.organization.pk, quantity=ForecastRun.Quantity.NET, as_of=asked.now
    )
    if run is None or run.step_s != steps.step_s:
        return found
    first = (steps.starts_at - run.starts_at) // steps.step
    covered = range(max(0, first), min(run.count, first + steps.count))
    if not covered:
        return found
    held = means_of_sites(run=run, site_ids=asked.homes.site_ids, intervals=covered)
    known = [place for place, site_id in enumerate(asked.homes.site_ids) if site_id in held]
    rows = [held[asked.homes.site_ids[place]] for place in known]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(covered))
    found[known, covered.start - first : covered.stop - first] = table
    return found


def available_kw(asked: Asked, *, more: bool) -> Floats:
    """(homes, intervals) what each could draw less, or more, for the longest of the intervals."""
    steps = quarters_over(asked.intervals)
    found = np.full((len(asked.homes), steps.count), np.nan)
    for first in range(0, steps.count, DAY):
        starts_at = steps.starts_at + steps.step * first
        count = min(DAY, steps.count - first)
        if starts_at + steps.step * count <= asked.now - LATELY or starts_at > asked.now + AHEAD:
            continue
        part = homes_available(
            organization=asked.homes.organization, site_ids=asked.homes.site_ids, starts_at=starts_at, count=count,
            hold_h=float(asked.hours.max()), now=asked.now,
        )  # fmt: skip
        found[:, first : first + count] = part.more_kw if more else part.shed_kw
    return means(found, shares(steps, asked.intervals))[0]


def dispatched_kw(asked: Asked) -> tuple[Floats, Bools]:
    """(homes, intervals) what plans expect of batteries, discharging positive; and where they speak of all of it."""
    planned = _planned(asked)
    return 0.0 - planned.power_kw, np.asarray(planned.share > 1 - 1e-9)


def steered_kw(asked: Asked) -> Floats:
    """(homes, intervals) what follows from prices, limits and charge states: less draw is positive."""
    return 0.0 - _planned(asked).steered_kw


def baseline_kw(asked: Asked) -> tuple[Floats, Bools]:
    """(homes, intervals) baselines, and where they are whole: what was stored for the event, else by the program's method."""
    found = np.full((len(asked.homes), len(asked.intervals)), np.nan)
    stored = _stored_baseline(asked, asked.signal) if asked.signal is not None else found
    if not np.isnan(stored).any():
        return stored, ~np.isnan(stored)
    computed, whole = _computed_baseline(asked)
    known = ~np.isnan(stored)
    return np.where(known, stored, computed), np.asarray(known | whole)


def curtailed(asked: Asked) -> tuple[Bools, Bools]:
    """(homes, intervals) where the event asked a home for something; (intervals,) which lie in the event."""
    signal = asked.signal
    found = np.zeros((len(asked.homes), len(asked.intervals)), dtype=bool)
    if signal is None:
        return found, np.zeros(len(asked.intervals), dtype=bool)
    share = shares(_steps_of(signal), asked.intervals)
    plan = asked_of_homes(signal=signal, site_ids=asked.homes.site_ids)
    here, there = asked.homes.places(plan.site_id)
    found[here] = plan.shed_kw[there] @ share > 0
    return found, np.asarray(share.sum(axis=0) > 0)


def _planned(asked: Asked) -> PlannedBatteries:
    periods = [(one.period.starts_at, one.period.ends_at) for one in asked.intervals]
    return batteries_planned(program=asked.program, site_ids=asked.homes.site_ids, periods=periods)


def _stored_baseline(asked: Asked, signal: GridSignal) -> Floats:
    steps = _steps_of(signal)
    rows = flexibility_of_signal(signal_id=signal.pk)
    held = np.full((len(asked.homes), steps.count), np.nan)
    for place, site_id in enumerate(asked.homes.site_ids):
        row = rows.get(site_id)
        if row is not None and (row.starts_at, row.interval_s) == (steps.starts_at, steps.step_s):
            held[place] = row.baseline_kw if len(row.baseline_kw) == steps.count else np.nan
    share = shares(steps, asked.intervals)
    inside = np.abs(share.sum(axis=0) * steps.step_s / 3600 - asked.hours) < 1e-9
    return np.where(inside, means(held, share)[0], np.nan)


def _computed_baseline(asked: Asked) -> tuple[Floats, Bools]:
    steps = quarters_over(asked.intervals)
    found = np.full((len(asked.homes), steps.count), np.nan)
    if steps.count > MOST_BASELINE_DAYS * DAY:
        return means(found, shares(steps, asked.intervals))
    intervals = SignalIntervals(steps.starts_at, steps.step_s, steps.count, signal_id=UUID(int=0))
    homes = sorted(zip(asked.homes.zones, asked.homes.site_ids, strict=True))
    place = {site_id: index for index, site_id in enumerate(asked.homes.site_ids)}
    for name, group in groupby(homes, key=lambda home: home[0]):
        site_ids = [site_id for _, site_id in group]
        zone = ZoneInfo(name)
        excluded = _event_days(asked, zone)
        rule = BaselineRule(
            asked.program.baseline_method, frozenset(asked.program.holidays), frozenset(excluded)
        )
        made = baselines_compute(site_ids=site_ids, zone=zone, intervals=intervals, rule=rule)
        found[[place[site_id] for site_id in site_ids]] = made.baseline_kw
    return means(found, shares(steps, asked.intervals))


def _event_days(asked: Asked, zone: ZoneInfo) -> set[date]:
    if asked.signal is not None:
        return set(earlier_event_days(signal=asked.signal, zone=zone))
    return set(event_days_of_program(program=asked.program, zone=zone))


def _steps_of(signal: GridSignal) -> Steps:
    return Steps(signal.starts_at, signal.interval_s, len(signal.target_kw))
