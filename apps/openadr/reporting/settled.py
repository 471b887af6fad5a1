"""Settlements of events without end, of which every week is settled by itself, and what reports on them are called."""

from uuid import UUID

from apps.programs.endless import endless_signals
from apps.programs.events import PART
from apps.programs.models import SHED_KINDS
from apps.settlement.selectors import SettledSignal


def weeks_settled(*, source: str) -> dict[UUID, str]:
    """Return the source of each settled shed that is a week of an event without end, of the sources that begin so."""
    weeks = endless_signals(source=source).filter(kind__in=SHED_KINDS, settlement_runs__isnull=False)
    return dict(weeks.values_list("pk", "source").distinct())


def report_name(settled: SettledSignal, *, weeks: dict[UUID, str]) -> str:
    """Return a settlement's report's name; one of a later week says which."""
    name = f"settlement {settled.version}"
    is_later = weeks.get(settled.signal_id, "").count(PART) > 1
    return f"{name} from {settled.starts_at:%Y-%m-%d %H:%M}" if is_later else name
