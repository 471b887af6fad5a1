"""What plans expect of homes' batteries over any periods: of every home the schedule that its hub follows."""

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from apps.common.copying import copy_out
from apps.dispatch.asked import CELL, HEAD
from apps.dispatch.models import Plan
from apps.dispatch.orders import ALERT, STEERED, priority_of
from apps.dispatch.steering_wish import HORIZON
from apps.programs.models import GridSignal, Program

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Period = tuple[datetime, datetime]
# Of a steered plan the battery does all of the shed. Cells beyond what is held are not known.
BATTERY = """SELECT site_id, (battery_kw || array_fill('NaN'::float8, ARRAY[%s]))[%s:%s] FROM dispatch_schedule
WHERE plan_id = %s AND site_id = ANY(%s)"""
SHED = """SELECT site_id, (shed_kw || array_fill('NaN'::float8, ARRAY[%s]))[%s:%s] FROM dispatch_schedule
WHERE plan_id = %s AND site_id = ANY(%s)"""


@dataclasses.dataclass(frozen=True)
class PlannedBatteries:
    """(homes, periods) mean planned power [kW], charging positive, and the shares of a period that plans speak of.

    `power_kw` is the mean over what plans speak of and NaN where they say nothing. A home that a plan of its program
    leaves alone counts with 0. `steered_kw` counts only what follows from prices, limits and charge states.
    """

    power_kw: Floats
    share: Floats
    steered_kw: Floats


@dataclasses.dataclass(frozen=True)
class _Word:
    """A plan over the time in which it was the last word of its subject."""

    plan: Plan
    starts_at: datetime
    ends_at: datetime


@dataclasses.dataclass(frozen=True)
class _Homes:
    """The homes asked about, rising, and the seconds of the bounds between which nothing changes."""

    site_ids: NDArray[np.int64]
    edges_s: Floats

    def table(self) -> Floats:
        return np.full((len(self.site_ids), len(self.edges_s) - 1), np.nan)

    def between(self, starts_at: datetime, ends_at: datetime) -> slice:
        first, last = np.searchsorted(self.edges_s, [starts_at.timestamp(), ends_at.timestamp()])
        return slice(int(first), int(last))


def batteries_planned(
    *, program: Program, site_ids: Sequence[int], periods: Sequence[Period]
) -> PlannedBatteries:
    """Return what running, coming and past events of the program's organization plan for batteries.

    A home that several ask follows the one that goes first, as its hub does; a canceled event counts no more. `site_ids`
    must rise.
    """
    subjects = _subjects(program, periods)
    homes = _Homes(np.array(site_ids, dtype=np.int64), _edges(subjects, periods))
    covered = np.zeros(len(homes.edges_s) - 1, dtype=bool)
    power, steered = homes.table(), homes.table()
    for words in subjects:
        said = _layer(words, homes)
        for word in words:
            if word.plan.signal.program_id == program.pk:
                covered[homes.between(word.starts_at, word.ends_at)] = True
        power = np.where(np.isnan(said), power, said)
        follows = said if words[0].plan.is_steered else np.zeros_like(said)
        steered = np.where(np.isnan(said), steered, follows)
    power = np.where(np.isnan(power) & covered, 0.0, power)
    mean, share = _over(power, homes, periods=periods)
    return PlannedBatteries(mean, share, np.nan_to_num(_over(steered, homes, periods=periods)[0]))


def _subjects(program: Program, periods: Sequence[Period]) -> list[list[_Word]]:
    """Plans by what they answer, in the order of time; what goes first comes last."""
    window = min(start for start, _ in periods), max(end for _, end in periods)
    held: dict[UUID | int, list[Plan]] = {}
    for plan in _plans(program, window):
        held.setdefault(plan.signal.program_id if plan.is_steered else plan.signal_id, []).append(plan)
    subjects = sorted(held.values(), key=lambda plans: _rank(plans[-1]), reverse=True)
    return [words for plans in subjects if (words := list(_words(plans, window)))]


def _plans(program: Program, window: Period) -> list[Plan]:
    sheds = Q(steers=[], signal__ends_at__gt=window[0])
    steered = ~Q(steers=[]) & Q(starts_at__gte=window[0] - HORIZON)
    found = Plan.objects.filter(
        sheds | steered, signal__organization_id=program.organization_id, starts_at__lt=window[1]
    )
    held = ("signal", "created_at", "starts_at", "interval_s", "steers", "target_kw", "revision")
    plans = list(found.select_related("signal").only(*held).order_by("created_at", "pk"))
    asked = {plan.signal_id for plan in plans}.union(*(plan.steers for plan in plans))
    signals = GridSignal.objects.filter(pk__in=asked).exclude(state=GridSignal.State.CANCELED)
    alive = set(signals.values_list("pk", flat=True))
    return [plan for plan in plans if alive.intersection(plan.steers or [plan.signal_id])]


def _rank(plan: Plan) -> tuple[int, datetime]:
    if not plan.is_steered:
        return priority_of(plan.signal), plan.signal.received_at
    return (ALERT if "alert" in plan.signal.detail else STEERED), plan.signal.received_at


def _words(plans: Sequence[Plan], window: Period) -> Iterator[_Word]:
    """Each plan counts from when it was made, until the next one is."""
    followers = [*(plan.created_at for plan in plans[1:]), window[1]]
    for plan, followed_at in zip(plans, followers, strict=True):
        starts_at = max(window[0], plan.starts_at, plan.created_at)
        ends_at = min(window[1], followed_at, _end(plan))
        if starts_at < ends_at:
            yield _Word(plan, starts_at, ends_at)


def _end(plan: Plan) -> datetime:
    return plan.starts_at + timedelta(seconds=plan.interval_s) * len(plan.target_kw)


def _edges(subjects: Sequence[Sequence[_Word]], periods: Sequence[Period]) -> Floats:
    """Bounds [s] between which neither a plan, nor its interval, nor a period changes."""
    found = {at.timestamp() for period in periods for at in period}
    for word in (one for words in subjects for one in words):
        first, last = word.starts_at.timestamp(), word.ends_at.timestamp()
        begin, step = word.plan.starts_at.timestamp(), word.plan.interval_s
        inner = np.arange(np.ceil((first - begin) / step), np.ceil((last - begin) / step)) * step + begin
        found |= {first, last, *inner.tolist()}
    return np.array(sorted(found))


def _layer(words: Sequence[_Word], homes: _Homes) -> Floats:
    """(homes, pieces) what the plans of one subject say, NaN where nothing."""
    said = homes.table()
    for word in words:
        place = homes.between(word.starts_at, word.ends_at)
        begins = homes.edges_s[place] - word.plan.starts_at.timestamp()
        cell = np.floor(begins / word.plan.interval_s + 1e-9).astype(np.intp)
        first, count = int(cell[0]), int(cell[-1] - cell[0] + 1)
        found, cells = _scheduled(word.plan, homes.site_ids, first=first, count=count)
        said[np.searchsorted(homes.site_ids, found), place] = cells[:, cell - first]
    return said


def _scheduled(
    plan: Plan, site_ids: NDArray[np.int64], *, first: int, count: int
) -> tuple[NDArray[np.int64], Floats]:
    """Homes with a schedule and (N, count) powers of their batteries."""
    rows = copy_out(
        SHED if plan.is_steered else BATTERY,
        [first + count, first + 1, first + count, plan.pk, site_ids.tolist()],
        fields=[("site", ">i8"), ("kw", np.dtype([("head", ">i4", HEAD), ("cells", CELL, (count,))]))],
    )
    powers = rows["kw"]["cells"]["value"].astype(np.float64)
    return rows["site"].astype(np.int64), -powers if plan.is_steered else powers


def _over(powers: Floats, homes: _Homes, *, periods: Sequence[Period]) -> tuple[Floats, Floats]:
    """(homes, periods) means over the pieces that are known, and which share of each period these are."""
    bounds = np.array([[at.timestamp() for at in period] for period in periods])
    begins, ends = homes.edges_s[:-1, None], homes.edges_s[1:, None]
    seconds = np.clip(np.minimum(ends, bounds[:, 1]) - np.maximum(begins, bounds[:, 0]), 0.0, None)
    known = (~np.isnan(powers)).astype(np.float64) @ seconds
    with np.errstate(invalid="ignore"):
        mean = np.where(known > 0, np.nan_to_num(powers) @ seconds / known, np.nan)
    return mean, known / (bounds[:, 1] - bounds[:, 0])
