"""Homes that leave a program, or all of one that is paused, are not asked for anything any more."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from apps.dispatch.passed_on import is_passed_on, signal_take_back
from apps.dispatch.services import schedules_release
from apps.dispatch.steered import homes_let_go as steered_let_go
from apps.programs.models import GridSignal, Program
from apps.programs.selectors import program_by_number, site_ids_ever_enrolled
from apps.programs.services import RUNNING

REASON = "the home does not take part any more"
PAUSED = "the program is paused"


@transaction.atomic
def homes_let_go(*, program_id: int, site_ids: Sequence[int] | None, now: datetime) -> None:
    """Take back what hubs hold of the program's running signals: those of `site_ids`, or all."""
    program = program_by_number(program_id=program_id)
    reason = REASON if site_ids is not None else PAUSED
    chosen = site_ids_ever_enrolled(program=program) if site_ids is None else list(site_ids)
    signals = list(_running(program, now=now))
    for signal in signals:
        if is_passed_on(signal):
            signal_take_back(signal=signal, reason=reason, now=now, site_ids=chosen)
        if signal.is_shed:
            schedules_release(signal_id=signal.pk, site_ids=chosen, reason=reason, now=now)
    if any(signal.is_steered for signal in signals):
        steered_let_go(program=program, site_ids=chosen, reason=reason, now=now)


def _running(program: Program, *, now: datetime) -> Sequence[GridSignal]:
    found = program.signals.filter(state__in=RUNNING, ends_at__gt=now).select_related("program")
    return list(found.order_by("pk"))
