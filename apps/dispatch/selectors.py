"""Reads of plans and of what is delivered, for pages and APIs."""

import dataclasses
import functools
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from django.db.models import QuerySet

from apps.dispatch.models import Plan, Schedule, TrackingPoint
from apps.flexibility.models import SiteFlexibility
from apps.flexibility.selectors import flexibility_of_site
from apps.programs.models import GridSignal
from apps.programs.selectors import opted_out_site_ids
from apps.sites.models import Site
from apps.telemetry.selectors import latest_rows, snapshots

if TYPE_CHECKING:
    from apps.dispatch.homes_now import HomesNow

SILENT_AFTER = timedelta(minutes=3)


class NamedSite(NamedTuple):
    """What is told of a home among many."""

    pk: int
    name: str
    reserve_soc: float


class Order(NamedTuple):
    """The newest word on what a home's hub was told since the event came in."""

    state: str
    state_reason: str
    created_at: datetime
    acknowledged_at: datetime | None


class HomeInSignal(NamedTuple):
    """One home's part now: planned and delivered shed [kW], its battery's charge."""

    site: NamedSite
    shed_kw: float
    delivered_kw: float | None
    state: str  # delivering | not needed | silent | opted out | waiting
    order: Order | None
    soc: float | None

    @property
    def instruction_state(self) -> str:
        return self.order.state if self.order else ""


# So many homes of a signal are named where there may be any number.
SHOWN_HOMES: Final = 200


@dataclasses.dataclass(frozen=True)
class SignalView:
    """A signal with everything an operator asks about it."""

    signal: GridSignal
    plan: Plan | None
    plans: list[Plan]
    tracking: list[TrackingPoint]
    fleet: "HomesNow"
    delivered_kwh: float
    target_kwh: float

    @functools.cached_property
    def homes(self) -> list[HomeInSignal]:
        """Every home; of a large fleet ask `fleet` for the few that are shown."""
        return self.fleet.listed()

    @property
    def homes_most_asked(self) -> list[HomeInSignal]:
        """The homes that are asked most, by site: all of a small fleet."""
        return sorted(self.fleet.listed(self.fleet.asked_most(SHOWN_HOMES)), key=lambda home: home.site.pk)

    @property
    def homes_count(self) -> int:
        return len(self.fleet.site_id)


@dataclasses.dataclass(frozen=True)
class SiteSignalView:
    """One home's view of a signal; lists run over the signal's intervals, None is not measured yet [kW]."""

    signal: GridSignal
    opted_out: bool
    baseline_kw: list[float]
    asked_kw: list[float]
    given_kw: list[float | None]
    given_kwh: float
    note: str


def plan_by_number(*, plan_id: int) -> Plan | None:
    """Return a plan, for commands and tasks."""
    return Plan.objects.select_related("signal").filter(pk=plan_id).first()


def plan_of_signal(*, signal: GridSignal, revision: int) -> Plan | None:
    """Return a revision of a signal's plan."""
    return Plan.objects.select_related("signal").filter(signal=signal, revision=revision).first()


def plans_of_signal(*, signal: GridSignal) -> QuerySet[Plan]:
    """Return a signal's plans, the one in force first; what was known is left where it is."""
    return Plan.objects.filter(signal=signal).defer("inputs", "fleet").order_by("-revision")


def schedules_of_plan(*, plan: Plan) -> QuerySet[Schedule]:
    """Return each home's part in a plan."""
    return Schedule.objects.filter(plan=plan).order_by("site_id")


def newest_plan(*, signal_id: UUID) -> Plan | None:
    """Return the plan in force."""
    # What was known is large, and few who ask for the plan read it.
    return Plan.objects.filter(signal_id=signal_id).defer("inputs").order_by("-revision").first()


def plans_steering(*, signal: GridSignal) -> QuerySet[Plan]:
    """Return the plans that followed from a steered signal, newest first; each may hang on another of its program."""
    plans = Plan.objects.filter(signal__program_id=signal.program_id, steers__contains=[signal.pk])
    return plans.defer("inputs").order_by("-created_at", "-pk")


def note_of_home(*, plan: Plan, site_id: int) -> str:
    """Return why a steered plan leaves a home alone; nothing where it does not say."""
    notes = Plan.objects.filter(pk=plan.pk).values_list("inputs__notes", flat=True).first() or {}
    return str(notes.get(str(site_id), ""))


def newest_revision(*, signal_id: UUID) -> int:
    """Return the revision of the plan in force, 0 without one."""
    plan = newest_plan(signal_id=signal_id)
    return plan.revision if plan else 0


def newest_schedules(*, signal_id: UUID) -> dict[int, Schedule]:
    """Return the schedules of the plan in force, by site."""
    plan = newest_plan(signal_id=signal_id)
    if plan is None:
        return {}
    return {schedule.site_id: schedule for schedule in plan.schedules.all()}


def silent_site_ids(*, site_ids: list[int], now: datetime) -> set[int]:
    """Return the homes that have sent nothing lately."""
    heard = {
        site_id for site_id, at in latest_rows(site_ids=site_ids, columns=()) if at >= now - SILENT_AFTER
    }
    return set(site_ids) - heard


def asked_kw(*, signal: GridSignal, site_ids: Collection[int] | None = None) -> dict[int, list[float]]:
    """Return per home the mean shed asked in each interval of the signal: of these homes, or of all."""
    # Imported here: the web door starts without numpy.
    from apps.dispatch.asked import asked_of_homes

    found = asked_of_homes(signal=signal, site_ids=site_ids)
    return dict(zip(found.site_id.tolist(), found.shed_kw.tolist(), strict=True))


def baseline_kw(*, row: SiteFlexibility | None, signal: GridSignal) -> list[float] | None:
    """Return a home's baseline on the signal's intervals; None where it has none for these (yet)."""
    if row is None or (row.starts_at, row.interval_s) != (signal.starts_at, signal.interval_s):
        return None
    return row.baseline_kw if len(row.baseline_kw) == len(signal.target_kw) else None


def first_interval(*, plan: Plan, signal: GridSignal) -> int | None:
    """Return which interval of the signal a plan begins with; None for a plan on other intervals.

    A utility may change an event; plans made for the old one stay on record but do not fit any more.
    """
    steps, rest = divmod((plan.starts_at - signal.starts_at).total_seconds(), signal.interval_s)
    if rest or plan.interval_s != signal.interval_s or not 0 <= steps < len(signal.target_kw):
        return None
    return int(steps)


def interval_at(*, signal: GridSignal, at: datetime) -> int | None:
    """Return the index of the signal's interval that holds `at`."""
    index = int((at - signal.starts_at).total_seconds() // signal.interval_s)
    return index if 0 <= index < len(signal.target_kw) else None


def signal_view(*, signal: GridSignal, now: datetime) -> SignalView:
    """Return the operator's view of a signal."""
    # Imported here: the web door starts without numpy.
    from apps.dispatch.homes_now import homes_now

    plans = list(signal.plans.order_by("-revision"))
    tracking = list(signal.tracking.order_by("at"))
    hours = signal.interval_s / 3600
    delivered = sum(point.delivered_kw for point in tracking) / 60
    return SignalView(
        signal=signal,
        plan=plans[0] if plans else None,
        plans=plans,
        tracking=tracking,
        fleet=homes_now(signal=signal, now=now),
        delivered_kwh=delivered,
        target_kwh=sum(signal.target_kw) * hours,
    )


def site_signal_view(*, site: Site, signal: GridSignal, now: datetime) -> SiteSignalView:
    """Return one home's view of a signal."""
    flexibility = flexibility_of_site(signal_id=signal.pk, site_id=site.pk)
    count = len(signal.target_kw)
    baseline = baseline_kw(row=flexibility, signal=signal)
    asked = asked_kw(signal=signal, site_ids=[site.pk]).get(site.pk, [0.0] * count)
    given: list[float | None] = [None] * count
    if baseline is not None and now > signal.starts_at:
        given = _given_kw(site, signal, baseline=baseline)
    hours = signal.interval_s / 3600
    return SiteSignalView(
        signal=signal,
        opted_out=site.pk in opted_out_site_ids(signal_id=signal.pk),
        baseline_kw=list(baseline or [0.0] * count),
        asked_kw=asked,
        given_kw=given,
        given_kwh=sum(value for value in given if value is not None) * hours,
        note=flexibility.note if flexibility else "",
    )


def _given_kw(site: Site, signal: GridSignal, *, baseline: list[float]) -> list[float | None]:
    """Mean shed per interval from snapshots; an interval without any is unknown."""
    sums: dict[int, list[float]] = {}
    rows = snapshots(site_id=site.pk, starts_at=signal.starts_at, ends_at=signal.ends_at, columns=["grid_kw"])
    for at, grid_kw in rows:
        index = interval_at(signal=signal, at=at - timedelta(milliseconds=1))
        if index is not None and grid_kw is not None:
            sums.setdefault(index, []).append(grid_kw)
    return [
        baseline[index] - sum(sums[index]) / len(sums[index]) if index in sums else None
        for index in range(len(signal.target_kw))
    ]
