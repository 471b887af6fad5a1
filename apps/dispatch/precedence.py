"""Which of two events a home serves: the one with the smaller priority number, then the one that came first."""

from datetime import datetime

from apps.dispatch.models import Schedule
from apps.dispatch.selectors import newest_plan
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_beside


def busy_site_ids(*, signal: GridSignal, now: datetime) -> set[int]:
    """Return homes that are asked for something, at the same time, by an event that goes first."""
    busy: set[int] = set()
    for other in signals_beside(signal=signal, now=now):
        if other.rank >= signal.rank:
            break
        plan = newest_plan(signal_id=other.pk)
        if plan is not None:
            asked = Schedule.objects.filter(plan=plan, counted=True)
            busy.update(asked.values_list("site_id", flat=True))
    return busy


def outranked(*, signal: GridSignal, now: datetime) -> list[GridSignal]:
    """Return planned events at the same time that have to make do with the homes this one leaves."""
    beside = signals_beside(signal=signal, now=now)
    return [
        other for other in beside if other.rank > signal.rank and other.state != GridSignal.State.ACCEPTED
    ]
