"""What a plan of a shed begins with: the homes it is for, what they can give, and who is left out."""

from datetime import datetime
from zoneinfo import ZoneInfo

from apps.common.progress import Begins, unheard
from apps.dispatch.precedence import busy_site_ids
from apps.dispatch.question import Request, events_asked
from apps.dispatch.selectors import silent_site_ids
from apps.dispatch.targets import target_asked
from apps.flexibility.rows import SignalIntervals
from apps.flexibility.services import FleetFlexibility, flexibility_compute
from apps.programs.models import GridSignal
from apps.programs.selectors import earlier_event_days, enrolled_site_ids, opted_out_site_ids
from apps.sites.models import Site
from apps.sites.selectors import sites_named, sites_of_organization
from vpp.dispatch.problem import AllocationResult

LONGEST_SENTENCE = 300


def fleet_of(*, signal: GridSignal, now: datetime, store: bool, begins: Begins = unheard) -> FleetFlexibility:
    """Compute what the homes that a signal is for can give; it may be one that is not saved, then nothing is stored."""
    sites = _sites(signal, now=now)
    zone = ZoneInfo(sites[0].time_zone if sites else "UTC")
    return flexibility_compute(
        intervals=SignalIntervals(signal.starts_at, signal.interval_s, len(signal.target_kw), signal.pk),
        sites=sites,
        excluded_days=earlier_event_days(signal=signal, zone=zone),
        now=now,
        freeze_baseline=now >= signal.starts_at,
        method=signal.program.baseline_method,
        holidays=signal.program.holidays,
        store=store,
        begins=begins,
    )


def _sites(signal: GridSignal, *, now: datetime) -> list[Site]:
    site_ids = enrolled_site_ids(program=signal.program, at=now)
    sites = list(sites_of_organization(organization=signal.organization).filter(pk__in=site_ids))
    if signal.targets:
        named = sites_named(organization=signal.organization, names=signal.targets)
        sites = [site for site in sites if site.pk in named]
    return sites


def request_of(*, signal: GridSignal, fleet: FleetFlexibility, reason: str, now: datetime) -> Request:
    """Say which part of a signal is to be decided and without whom; works out the target where it is not fixed yet."""
    opted_out = frozenset(opted_out_site_ids(signal_id=signal.pk))
    silent = frozenset(silent_site_ids(site_ids=[site.pk for site in fleet.sites], now=now)) - opted_out
    busy = frozenset(busy_site_ids(signal=signal, now=now))
    if not (now >= signal.starts_at and any(signal.target_kw)):
        signal.target_kw = target_asked(signal=signal, fleet=fleet, away=silent | opted_out | busy)
    return Request(
        signal=signal,
        first=max(0, int((now - signal.starts_at).total_seconds() // signal.interval_s)),
        silent=silent,
        opted_out=opted_out,
        busy=busy,
        reason=reason,
        asked_before=events_asked(program=signal.program, before=signal),
    )


def explanation_of(request: Request, fleet: FleetFlexibility, *, result: AllocationResult) -> list[str]:
    """Return a decision's reasons in sentences, with what is known of single homes."""
    found = list(result.explanation)
    if not fleet.sites:
        found.insert(0, "No home takes part in this program, so nothing can be given.")
    found += [f"{site.name}: {fleet.notes[site.pk]}" for site in fleet.sites if site.pk in fleet.notes]
    if request.busy:
        found.append(_busy(len(request.busy)))
    if request.spent:
        found.append(_left_alone(len(request.spent), most=request.signal.program.most_events))
    return [sentence[:LONGEST_SENTENCE] for sentence in found]


def _busy(homes: int) -> str:
    return f"{homes} home{' serves' if homes == 1 else 's serve'} another event that goes first."


def _left_alone(homes: int, *, most: int | None) -> str:
    who, verb = ("1 home has had its", "is") if homes == 1 else (f"{homes} homes have had their", "are")
    return f"{who} share of {most} event{'' if most == 1 else 's'} lately and {verb} not asked."
