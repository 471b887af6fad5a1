"""A running signal at this minute: what is asked, delivered and to be expected, and which homes give less and why."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from apps.dispatch.models import TrackingPoint
from apps.dispatch.selectors import HomeInSignal, first_interval, interval_at, signal_view
from apps.flexibility.selectors import notes_of_signal
from apps.programs.models import GridSignal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from apps.dispatch.homes_now import HomesNow

# So many homes that are short are named; the others are counted.
SHOWN: Final = 100
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
class Short:
    """The homes that miss most, how many are short in all, and by how much [kW]."""

    homes: Sequence[ShortHome]
    count: int
    missing_kw: float


class HomeShown(NamedTuple):
    """A home of a signal, and why it is short if it is."""

    home: HomeInSignal
    reason_code: str | None
    reason: str | None


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
    short: Short


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
        short=_short(signal, view.fleet) if index is not None else Short([], 0, 0.0),
    )  # fmt: skip


def _phase(signal: GridSignal, *, now: datetime) -> str:
    if signal.state == GridSignal.State.CANCELED:
        return "canceled"
    return "coming" if now < signal.starts_at else "running" if now < signal.ends_at else "past"


def homes_page(
    *, signal: GridSignal, only_short: bool, after: int, limit: int, now: datetime
) -> tuple[list[HomeShown], int | None]:
    """Return homes of a signal, by number beyond `after`, and after which the next page begins."""
    import numpy as np  # here: the web door starts without it

    from apps.dispatch.homes_now import homes_now

    fleet = homes_now(signal=signal, now=now)
    running = interval_at(signal=signal, at=now) is not None
    short = _is_short(fleet) & running
    places = np.flatnonzero((fleet.site_id > after) & (short | (not only_short)))
    notes = notes_of_signal(signal_id=signal.pk)
    found = [
        HomeShown(home, *(_reason(home, note=notes.get(home.site.pk, "")) if short[place] else (None, None)))
        for home, place in zip(fleet.listed(places[:limit]), places, strict=False)
    ]
    return found, found[-1].home.site.pk if len(places) > limit else None


def _short(signal: GridSignal, fleet: "HomesNow") -> Short:
    """Return the homes that give less than asked, those that miss most by name."""
    import numpy as np  # here: the web door starts without it

    places = np.flatnonzero(_is_short(fleet))
    missing_kw = fleet.missing_kw[places]
    most = places[np.argsort(-missing_kw, kind="stable")][:SHOWN]
    notes = notes_of_signal(signal_id=signal.pk)
    named = [
        ShortHome(
            home.site.pk, home.site.name, home.shed_kw, home.delivered_kw, *_reason(home, note=notes.get(home.site.pk, ""))
        )
        for home in fleet.listed(most)
    ]  # fmt: skip
    return Short(named, len(places), float(missing_kw.sum()))


def _is_short(fleet: "HomesNow") -> "NDArray[np.bool_]":
    import numpy as np

    enough = fleet.delivered_kw >= SHORT_SHARE * fleet.shed_kw  # False where nothing is known
    return np.asarray((fleet.shed_kw >= LEAST_KW) & ~enough)


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
