"""Which of two events a home serves: the one with the smaller priority number, then the one that came first."""

from datetime import datetime, timedelta
from typing import Final

from apps.accounts.models import Organization
from apps.dispatch.models import Schedule
from apps.dispatch.selectors import asked_kw, newest_plan
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_beside, signals_in_period

HOUR: Final = timedelta(hours=1)


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


def sites_asked(*, organization: Organization, starts_at: datetime, ends_at: datetime) -> dict[int, str]:
    """Return homes that a running or coming event asks for something in a period, with the event's name."""
    asked: dict[int, str] = {}
    for signal in signals_in_period(organization=organization, starts_at=starts_at, ends_at=ends_at):
        plan = newest_plan(signal_id=signal.pk)
        if plan is not None:
            homes = Schedule.objects.filter(plan=plan, counted=True).values_list("site_id", flat=True)
            asked.update({site_id: str(signal) for site_id in homes if site_id not in asked})
    return asked


def energy_promised_kwh(
    *, organization: Organization, starts_at: datetime, ends_at: datetime
) -> dict[int, float]:
    """Return how much homes are still to give to running and coming events in a period [kWh]."""
    promised: dict[int, float] = {}
    for signal in signals_in_period(organization=organization, starts_at=starts_at, ends_at=ends_at):
        length = timedelta(seconds=signal.interval_s)
        begins = [signal.starts_at + index * length for index in range(len(signal.target_kw))]
        inside = [max(timedelta(0), min(at + length, ends_at) - max(at, starts_at)) / HOUR for at in begins]
        for site_id, asked in asked_kw(signal=signal).items():
            energy = sum(max(0.0, kw) * hours for kw, hours in zip(asked, inside, strict=True))
            promised[site_id] = promised.get(site_id, 0.0) + energy
    return promised


def outranked(*, signal: GridSignal, now: datetime) -> list[GridSignal]:
    """Return planned events at the same time that have to make do with the homes this one leaves."""
    beside = signals_beside(signal=signal, now=now)
    return [
        other for other in beside if other.rank > signal.rank and other.state != GridSignal.State.ACCEPTED
    ]
