"""What vpp is asked: the remaining intervals, the homes that take part, and what binds them."""

import dataclasses
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from apps.accounts.models import Organization
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.shards import employ_shards
from apps.flexibility.services import FleetFlexibility
from apps.programs.models import GridSignal, Program
from apps.sites.models import GridArea, Site
from apps.sites.selectors import grid_areas_of_organization
from vpp.dispatch.allocate import Employ, allocate
from vpp.dispatch.coupling import Floats, Limit
from vpp.dispatch.problem import AllocationProblem, AllocationResult
from vpp.dispatch.reserve import hold_back
from vpp.dispatch.shed_fleet import USUAL
from vpp.flexibility.envelope import ShedEnvelope
from vpp.scheduling.battery_oracle import Spread

Flags = NDArray[np.bool_]
SOLVER_LIMIT_S = 10.0
# What it is worth to keep a limit or the reserve: more than any shortfall.
LIMIT_PENALTY = 50.0
SHARDED_FROM_HOMES = 5000
ASKED_STATES = [GridSignal.State.ACTIVE, GridSignal.State.ENDED, GridSignal.State.SETTLED]


@dataclasses.dataclass(frozen=True)
class Request:
    """Which part of a signal is to be decided, and without whom."""

    signal: GridSignal
    first: int
    silent: frozenset[int]
    opted_out: frozenset[int]
    reason: str
    busy: frozenset[int] = frozenset()
    asked_before: Mapping[int, int] = dataclasses.field(default_factory=dict)

    @property
    def spent(self) -> frozenset[int]:
        """Homes that have had their events."""
        most = self.signal.program.most_events
        return frozenset(
            site for site, times in self.asked_before.items() if most is not None and times >= most
        )

    @property
    def away(self) -> frozenset[int]:
        """Homes the plan does not count on."""
        return self.silent | self.opted_out | self.spent | self.busy

    @property
    def starts_at(self) -> datetime:
        return self.signal.starts_at + timedelta(seconds=self.first * self.signal.interval_s)

    @property
    def count(self) -> int:
        """How many intervals are to be decided."""
        return len(self.signal.target_kw) - self.first


def events_asked(*, program: Program, before: GridSignal) -> dict[int, int]:
    """Return how many of the program's events each home was asked for lately, `before` not counted."""
    since = before.starts_at - timedelta(days=program.most_events_days)
    rows = (
        Schedule.objects.filter(plan__signal__program=program, plan__signal__starts_at__gte=since)
        .filter(plan__signal__state__in=ASKED_STATES, plan__signal__starts_at__lt=before.starts_at)
        .exclude(plan__signal=before)
        .values_list("site_id", "plan__signal_id")
        .distinct()
    )
    counted: dict[int, int] = {}
    for site_id, _ in rows:
        counted[site_id] = counted.get(site_id, 0) + 1
    return counted


@dataclasses.dataclass(frozen=True)
class Decision:
    """An answer with a row for every home of the fleet, and what bound it besides the homes themselves."""

    result: AllocationResult
    zones: list[int]
    problem: AllocationProblem

    @property
    def limits(self) -> tuple[Limit, ...]:
        return self.problem.limits

    @property
    def limit_prices(self) -> dict[str, list[float]]:
        """The duals of the limits by name."""
        prices = self.result.limit_prices
        if prices is None:
            return {}
        return {limit.name: row.tolist() for limit, row in zip(self.limits, prices, strict=True)}

    def known(self, request: Request) -> dict[str, Any]:
        """What has to be kept beside the fleet's flexibility so that the question can be asked again."""
        return {
            "away": sorted(request.away),
            "silent": sorted(request.silent),
            "opted_out": sorted(request.opted_out),
            "busy": sorted(request.busy),
            "first": request.first,
            "asked_before": {str(site): times for site, times in request.asked_before.items()},
            "reserve_kw": request.signal.program.reserve_kw,
            "zones": self.zones,
            "limits": [kept_limit(limit) for limit in self.limits],
            "labels": list(self.problem.labels),
            "weights": dataclasses.asdict(self.problem.weights),
        }


def kept_limit(limit: Limit) -> dict[str, Any]:
    """Return a limit as a plan's inputs keep it."""

    def finite(values: Floats) -> list[float | None]:
        return [value if math.isfinite(value) else None for value in values.tolist()]

    kept = {name: finite(getattr(limit, name)) for name in ("least_kw", "most_kw")}
    return dataclasses.asdict(limit) | kept


def limit_from(kept: Mapping[str, Any]) -> Limit:
    """Return a limit that a plan's inputs keep."""
    bounds = {
        name: np.array([none if value is None else value for value in kept[name]], dtype=np.float64)
        for name, none in (("least_kw", -np.inf), ("most_kw", np.inf))
    }
    zones = None if kept["zones"] is None else tuple(kept["zones"])
    return Limit(**{**kept, **bounds, "zones": zones})


def decide(request: Request, fleet: FleetFlexibility, *, last: Plan | None) -> Decision:
    """Ask vpp who gives what."""
    takes_part = np.array([site.pk not in request.away for site in fleet.sites], dtype=np.bool_)
    problem, zones = question_of(request, fleet, takes_part=takes_part)
    result = solve(problem, warm=prices_of_plan(last, request=request, limits=problem.limits))
    return Decision(_in_all_rows(result, takes_part), zones=zones.tolist(), problem=problem)


def solve(problem: AllocationProblem, *, warm: Floats | None = None) -> AllocationResult:
    """Answer within the solver's time, on all cores."""
    end = time.monotonic() + SOLVER_LIMIT_S
    effort = dataclasses.replace(USUAL, time_left=lambda: end - time.monotonic())
    with threads() as spread:
        return allocate(problem, time_limit_s=SOLVER_LIMIT_S, effort=effort, spread=spread, warm=warm)


def _employ(*, homes: int) -> Employ | None:
    shards: int = settings.DISPATCH_SHARDS
    return employ_shards(shards) if shards > 1 and homes >= SHARDED_FROM_HOMES else None


def question_of(
    request: Request, fleet: FleetFlexibility, *, takes_part: Flags
) -> tuple[AllocationProblem, NDArray[np.intp]]:
    """The problem of the homes that take part, over the remaining intervals, and the zone of every home."""
    whole = rest_of(fleet.envelope, first=request.first)
    envelope = whole.select(takes_part)
    sites = [site for site, there in zip(fleet.sites, takes_part, strict=True) if there]
    zones, limits = area_limits(
        organization=request.signal.organization,
        sites=fleet.sites,
        takes_part=takes_part,
        idle_kw=whole.idle_net_kw,
    )
    program = request.signal.program
    if program.reserve_kw > 0:
        usable = envelope.usable
        held, limit = hold_back(envelope.select(usable), reserve_kw=program.reserve_kw, penalty=LIMIT_PENALTY)
        energy = envelope.battery_kwh.copy()
        energy[usable] = held.battery_kwh
        envelope, limits = dataclasses.replace(envelope, battery_kwh=energy), [*limits, limit]
    asked = np.array([request.asked_before.get(site.pk, 0) for site in sites], dtype=np.float64)
    problem = AllocationProblem(
        target_kw=np.array(request.signal.target_kw[request.first :]),
        envelope=envelope,
        labels=_labels(request, sites=fleet.sites),
        share_weight=1.0 / (1.0 + asked),
        limits=tuple(limits),
        zone_of_home=zones[takes_part],
    )
    return problem, zones


def rest_of(envelope: ShedEnvelope, *, first: int) -> ShedEnvelope:
    """The envelope from an interval on."""
    names = ("baseline_kw", "idle_net_kw", "battery_kw", "ev_kw", "heat_kw", "headroom_kw")
    return dataclasses.replace(envelope, **{name: getattr(envelope, name)[:, first:] for name in names})


def area_limits(
    *, organization: Organization, sites: Sequence[Site], takes_part: Flags, idle_kw: Floats
) -> tuple[NDArray[np.intp], list[Limit]]:
    """The zone of each home, and the limits of grid areas less what their homes draw that do not take part.

    Homes behind an area that are not in the fleet are not known; the limits given must leave room for them.
    """
    ids = [site.grid_area_id or 0 for site in sites]
    numbers = {area_id: number for number, area_id in enumerate(sorted(set(ids)))}
    zones = np.array([numbers[area_id] for area_id in ids], dtype=np.intp)
    areas = {area.pk: area for area in grid_areas_of_organization(organization=organization)}
    limits = []
    for area in areas.values():
        if area.import_limit_kw is None and area.export_limit_kw is None:
            continue
        inside = tuple(
            number for area_id, number in numbers.items() if _is_below(area_id, area.pk, areas=areas)
        )
        if not inside:
            continue
        others = np.nan_to_num(idle_kw[np.isin(zones, inside) & ~takes_part]).sum(axis=0)
        limits.append(_limit(area, zones=inside, others_kw=others))
    return zones, limits


def _limit(area: GridArea, *, zones: tuple[int, ...], others_kw: Floats) -> Limit:
    most = np.inf if area.import_limit_kw is None else area.import_limit_kw
    least = -np.inf if area.export_limit_kw is None else -area.export_limit_kw
    return Limit(
        name=area.name,
        least_kw=least - others_kw,
        most_kw=most - others_kw,
        zones=zones,
        penalty_least=LIMIT_PENALTY,
        penalty_most=LIMIT_PENALTY,
    )


def _is_below(area_id: int, top: int, *, areas: Mapping[int, GridArea]) -> bool:
    """Whether an area is `top` or fed by it; a ring of parents ends the search."""
    seen: set[int] = set()
    current: int | None = area_id
    while current is not None and current not in seen and current in areas:
        if current == top:
            return True
        seen.add(current)
        current = areas[current].parent_id
    return False


def prices_of_plan(plan: Plan | None, *, request: Request, limits: Sequence[Limit]) -> Floats | None:
    """What the last plan's prices were over the remaining intervals, for a new run to begin with."""
    if plan is None or plan.interval_s != request.signal.interval_s or not any(plan.price_per_kwh):
        return None
    skipped = round((request.starts_at - plan.starts_at).total_seconds() / plan.interval_s)
    if not 0 <= skipped < len(plan.price_per_kwh) or len(plan.price_per_kwh) - skipped != request.count:
        return None
    nothing = [0.0] * len(plan.price_per_kwh)
    rows = [plan.price_per_kwh, *(plan.limit_prices.get(limit.name, nothing) for limit in limits)]
    return -np.array(rows)[:, skipped:]


@contextmanager
def threads() -> Iterator[Spread]:
    """All cores, for vpp's machine code, which holds no lock."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield pool.map


def _labels(request: Request, *, sites: Sequence[Site]) -> tuple[str, ...]:
    zone = ZoneInfo(sites[0].time_zone) if sites else ZoneInfo("UTC")
    step = timedelta(seconds=request.signal.interval_s)
    return tuple(
        (request.starts_at + index * step).astimezone(zone).strftime("%H:%M")
        for index in range(request.count)
    )


def _in_all_rows(result: AllocationResult, rows: Flags) -> AllocationResult:
    """Put a result over some homes into the rows of all."""

    def whole(values: NDArray[np.generic], empty: float) -> NDArray[np.generic]:
        out = np.full((len(rows), *values.shape[1:]), empty, dtype=values.dtype)
        out[rows] = values
        return out

    changed = {
        name: whole(getattr(result, name), 0.0)
        for name in ("shed_kw", "discharge_kw", "ev_cut_kw", "heat_cut_kw", "active")
    }
    return dataclasses.replace(result, site_kw=whole(result.site_kw, np.nan), **changed)  # type: ignore[arg-type]
