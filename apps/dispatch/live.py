"""A running signal at this minute: what is asked, delivered and to be expected, and which homes give less and why."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from apps.dispatch.models import TrackingPoint
from apps.dispatch.selectors import HomeInSignal, first_interval, interval_at, signal_view
from apps.flexibility.selectors import notes_of_signal
from apps.programs.models import GridSignal

SHORT_SHARE: Final = 0.8
LEAST_KW: Final = 0.1
LOW_SOC: Final = 0.12
NOT_TAKEN: Final = {
    "queued": "its hub has not fetched the order",
    "sent": "its hub has not answered the order",
}


@dataclasses.dataclass(frozen=True)
class ShortHome:
    """A home that gives less than is asked of it [kW], and the likeliest reason."""

    site_id: int
    name: str
    asked_kw: float
    delivered_kw: float | None
    reason_code: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Live:
    """A signal now; what is not known yet is None."""

    signal: GridSignal
    phase: str
    interval_starts_at: datetime | None
    target_kw: float | None
    planned_kw: float | None
    delivered_kw: float | None
    target_kwh: float
    delivered_kwh: float
    latest: TrackingPoint | None
    plan_revision: int
    plan_reason: str
    counts: dict[str, int]
    short: Sequence[ShortHome]


def signal_live(*, signal: GridSignal, now: datetime) -> Live:
    """Return a signal as it stands now."""
    view = signal_view(signal=signal, now=now)
    index = interval_at(signal=signal, at=now)
    latest = view.tracking[-1] if view.tracking else None
    first = first_interval(plan=view.plan, signal=signal) if view.plan else None
    planned = None
    if (
        view.plan
        and first is not None
        and index is not None
        and 0 <= index - first < len(view.plan.planned_kw)
    ):
        planned = view.plan.planned_kw[index - first]
    step = (signal.ends_at - signal.starts_at) / max(1, len(signal.target_kw))
    return Live(
        signal=signal, phase=_phase(signal, now=now),
        interval_starts_at=None if index is None else signal.starts_at + step * index,
        target_kw=None if index is None else signal.target_kw[index], planned_kw=planned,
        delivered_kw=latest.delivered_kw if latest and index is not None else None,
        target_kwh=view.target_kwh, delivered_kwh=view.delivered_kwh, latest=latest,
        plan_revision=view.plan.revision if view.plan else 0, plan_reason=view.plan.reason if view.plan else "",
        counts=view.fleet.counts(),
        short=_short(signal, view.homes) if index is not None else [],
    )  # fmt: skip


def _phase(signal: GridSignal, *, now: datetime) -> str:
    if signal.state == GridSignal.State.CANCELED:
        return "canceled"
    return "coming" if now < signal.starts_at else "running" if now < signal.ends_at else "past"


def _short(signal: GridSignal, homes: Sequence[HomeInSignal]) -> list[ShortHome]:
    found = [home for home in homes if _is_short(home)]
    notes = notes_of_signal(signal_id=signal.pk)
    shown = []
    for home in found:
        code, reason = _reason(home, note=notes.get(home.site.pk, ""))
        shown.append(ShortHome(home.site.pk, home.site.name, home.shed_kw, home.delivered_kw, code, reason))
    return sorted(shown, key=lambda one: (one.delivered_kw or 0.0) - one.asked_kw)


def _is_short(home: HomeInSignal) -> bool:
    if home.shed_kw < LEAST_KW:
        return False
    return home.delivered_kw is None or home.delivered_kw < SHORT_SHARE * home.shed_kw


def _reason(home: HomeInSignal, *, note: str) -> tuple[str, str]:
    if home.state == "opted out":
        return "opted_out", "the household said no"
    if home.state == "silent":
        return "offline", "its hub has sent nothing lately"
    if home.instruction_state in NOT_TAKEN:
        return "not_acknowledged", NOT_TAKEN[home.instruction_state]
    if home.instruction_state == "rejected":
        return "rejected", "its hub refused the order"
    if home.soc is not None and home.soc <= LOW_SOC:
        return "battery_empty", f"its battery is at {home.soc:.0%}"
    if home.delivered_kw is None:
        return "not_measured", note or "there is no baseline to measure it against"
    return "less_than_planned", "it draws more than was forecast"
