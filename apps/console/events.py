"""Events as operators see them."""

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from apps.accounts.models import Organization
from apps.common.charts import Chart, Point, Series, chart, stepped
from apps.console.shortfall import Redispatch, Shortfall, redispatches, shortfall
from apps.dispatch.models import Plan, TrackingPoint
from apps.dispatch.selectors import (
    SHOWN_HOMES,
    HomeInSignal,
    SignalView,
    first_interval,
    interval_at,
    signal_view,
)
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_of_organization
from apps.settlement.models import SettlementRun
from apps.settlement.selectors import runs_of_organization

if TYPE_CHECKING:
    from apps.console.event_results import HomeResult

NEWEST = 100


@dataclasses.dataclass(frozen=True)
class IntervalRow:
    """One interval of a signal [kW]; delivered is the mean of its tracked minutes."""

    starts_at: datetime
    target_kw: float
    planned_kw: float
    delivered_kw: float | None

    @property
    def missing_kw(self) -> float | None:
        return None if self.delivered_kw is None else max(self.target_kw - self.delivered_kw, 0.0)


@dataclasses.dataclass(frozen=True)
class SignalPage:
    """Everything the event page shows."""

    view: SignalView
    phase: str
    rows: list[IntervalRow]
    present: IntervalRow | None
    delivered_now_kw: float | None
    planned_short_kw: float
    counts: dict[str, int]
    chart: Chart
    settlement: SettlementRun | None
    short: Shortfall | None
    redispatches: list[Redispatch]
    shown_homes: list[HomeInSignal]
    results: "list[HomeResult]"

    @property
    def signal(self) -> GridSignal:
        return self.view.signal

    @property
    def opted_out(self) -> int:
        return self.counts.get("opted out", 0)

    @property
    def outlook(self) -> TrackingPoint | None:
        """The latest look, where it says what to expect at the end of a running event."""
        latest = self.view.tracking[-1] if self.present is not None and self.view.tracking else None
        return latest if latest and latest.expected_kwh is not None else None

    @property
    def share_percent(self) -> int:
        """How much of the whole event's target is delivered by now."""
        target = self.view.target_kwh
        return round(self.view.delivered_kwh / target * 100) if target else 0


def signals_newest(*, organization: Organization) -> list[GridSignal]:
    """Return the tenant's newest signals."""
    return list(signals_of_organization(organization=organization)[:NEWEST])


def signal_of_organization(*, organization: Organization, signal_id: UUID) -> GridSignal | None:
    """Return the tenant's signal."""
    return signals_of_organization(organization=organization).filter(pk=signal_id).first()


def signal_page(*, signal: GridSignal, zone: ZoneInfo, now: datetime) -> SignalPage:
    """Return the event page of `signal`."""
    from apps.console.event_results import home_results

    view = signal_view(signal=signal, now=now)
    planned = planned_kw(signal, view.plans)
    rows = _rows(view, planned)
    index = interval_at(signal=signal, at=now)
    phase = _phase(signal, now)
    run = runs_of_organization(organization=signal.organization).filter(signal=signal).first()
    is_past = phase == "past"
    return SignalPage(
        view=view,
        phase=phase,
        rows=rows,
        present=rows[index] if index is not None else None,
        delivered_now_kw=view.tracking[-1].delivered_kw if index is not None and view.tracking else None,
        planned_short_kw=max(view.plan.shortfall_kw, default=0.0) if view.plan else 0.0,
        counts=view.fleet.counts(),
        chart=_chart(view, planned, zone=zone, now=now),
        settlement=run,
        short=shortfall(view=view, now=now) if index is not None else None,
        redispatches=redispatches(view=view),
        shown_homes=[] if is_past else view.fleet.listed(view.fleet.asked_most(SHOWN_HOMES)),
        results=home_results(signal=signal, fleet=view.fleet, run=run) if is_past else [],
    )


def planned_kw(signal: GridSignal, plans: list[Plan]) -> list[float]:
    """Return what was planned for each interval, the newest revision that decides it counting."""
    planned = [0.0] * len(signal.target_kw)
    for plan in sorted(plans, key=lambda plan: plan.revision):
        first = first_interval(plan=plan, signal=signal)
        if first is not None:
            planned[first:] = plan.planned_kw[: len(planned) - first]
    return planned


def _phase(signal: GridSignal, now: datetime) -> str:
    if signal.state == GridSignal.State.CANCELED:
        return "canceled"
    return "coming" if now < signal.starts_at else "running" if now < signal.ends_at else "past"


def _rows(view: SignalView, planned: list[float]) -> list[IntervalRow]:
    signal = view.signal
    minutes: dict[int, list[float]] = {}
    for point in view.tracking:
        # A point stands at the end of its minute.
        index = int(((point.at - signal.starts_at).total_seconds() - 1) // signal.interval_s)
        minutes.setdefault(index, []).append(point.delivered_kw)
    starts = [at for at, _ in stepped(signal.starts_at, signal.interval_s, values=signal.target_kw)[::2]]
    return [
        IntervalRow(
            starts_at=at,
            target_kw=signal.target_kw[index],
            planned_kw=planned[index],
            delivered_kw=sum(minutes[index]) / len(minutes[index]) if index in minutes else None,
        )
        for index, at in enumerate(starts)
    ]


def _expected(view: SignalView, *, now: datetime) -> list[Series]:
    """Draw the power that the rest of a running event is expected to give, nine times in ten within the band."""
    latest, ends_at = view.tracking[-1] if view.tracking else None, view.signal.ends_at
    if latest is None or latest.expected_kwh is None or not now < ends_at:
        return []
    hours = (ends_at - latest.at).total_seconds() / 3600
    if hours <= 0:
        return []

    def level(kwh: float | None) -> list[Point]:
        kw = max(((kwh or 0.0) - view.delivered_kwh) / hours, 0.0)
        return [(latest.at, kw), (ends_at, kw)]

    band = level(latest.expected_high_kwh)
    low = level(latest.expected_low_kwh)
    return [
        Series("grid", "nine times in ten", band, "band", lower=low),
        Series("baseline", "Expected to the end", level(latest.expected_kwh)),
    ]


def _chart(view: SignalView, planned: list[float], *, zone: ZoneInfo, now: datetime) -> Chart:
    signal = view.signal
    series = [
        Series(
            "delivered", "Delivered, by the minute", [(p.at, p.delivered_kw) for p in view.tracking], "area"
        ),
        Series("planned", "Planned", stepped(signal.starts_at, signal.interval_s, values=planned)),
        Series("target", "Target", stepped(signal.starts_at, signal.interval_s, values=signal.target_kw)),
    ]
    return chart(
        title="Target, planned and delivered load reduction",
        period=(signal.starts_at, signal.ends_at),
        series=[*(series if view.tracking else series[1:]), *_expected(view, now=now)],
        zone=zone,
        now=now,
    )
