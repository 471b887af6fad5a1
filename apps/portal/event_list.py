"""A home's events in three lists: running, coming, and past ones page by page."""

import dataclasses
from datetime import UTC, datetime, timedelta
from uuid import UUID

from apps.programs.models import GridSignal
from apps.programs.selectors import signals_left, signals_of_site_page
from apps.settlement.models import Statement
from apps.settlement.selectors import statements_of_site
from apps.sites.models import Site

PAGE = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclasses.dataclass(frozen=True)
class EventItem:
    """One event in a list; `statement` says what it gave and earned."""

    signal: GridSignal
    phase: str
    is_out: bool
    statement: Statement | None


@dataclasses.dataclass(frozen=True)
class EventPage:
    """A stretch of past events, and where the next one begins."""

    items: list[EventItem]
    after: str


@dataclasses.dataclass(frozen=True)
class EventLists:
    """What the page shows first."""

    running: list[EventItem]
    coming: list[EventItem]
    past: EventPage

    @property
    def is_empty(self) -> bool:
        return not (self.running or self.coming or self.past.items)


def event_lists(*, site: Site, now: datetime) -> EventLists:
    """Return what runs and comes, and the first stretch of what is over."""
    running, coming = (
        signals_of_site_page(site=site, phase=phase, now=now, limit=100) for phase in ("running", "coming")
    )
    return EventLists(
        running=_items(site, running, phase="running"),
        coming=_items(site, coming, phase="coming"),
        past=past_events(site=site, now=now),
    )


def past_events(*, site: Site, now: datetime, after: str = "") -> EventPage:
    """Return past events from a place on, the newest first; a place that makes no sense is the beginning."""
    found = signals_of_site_page(site=site, phase="past", now=now, after=_place(after), limit=PAGE + 1)
    shown = found[:PAGE]
    return EventPage(_items(site, shown, phase="past"), after=_named(shown[-1]) if len(found) > PAGE else "")


def _items(site: Site, signals: list[GridSignal], *, phase: str) -> list[EventItem]:
    statements = statements_of_site(site=site).filter(run__signal__in=signals)
    by_signal = {one.run.signal_id: one for one in statements}
    out = signals_left(site=site, signals=signals)
    return [EventItem(one, phase, one.pk in out, by_signal.get(one.pk)) for one in signals]


def _named(signal: GridSignal) -> str:
    return f"{(signal.ends_at - _EPOCH) // _MICROSECOND}.{signal.pk.hex}"


def _place(text: str) -> tuple[datetime, UUID] | None:
    at, _, key = text.partition(".")
    try:
        return _EPOCH + int(at) * _MICROSECOND, UUID(hex=key)
    except (ValueError, OverflowError):
        return None
