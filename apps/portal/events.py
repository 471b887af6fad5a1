"""Events and earnings as a household sees them."""

import dataclasses
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.common.charts import Chart, Note, Series, chart, stepped
from apps.common.language import separated
from apps.dispatch.selectors import SiteSignalView, interval_at, site_signal_view
from apps.portal.phrases import say
from apps.portal.signals import HomeSignal, home_signal
from apps.programs.models import GridSignal
from apps.programs.selectors import signals_of_site
from apps.settlement.documents import PART_NAMES
from apps.settlement.models import Dispute, Statement, StatementLine
from apps.settlement.selectors import disputes_of_statement, statement_of_site, statements_of_site
from apps.sites.models import Site

LATELY = timedelta(hours=36)
FADING = timedelta(hours=12)
SOON = timedelta(hours=24)
NOT_SHOWN = 9


@dataclasses.dataclass(frozen=True)
class EventRow:
    """One interval of an event [kW]."""

    starts_at: datetime
    ends_at: datetime
    baseline_kw: float
    asked_kw: float
    given_kw: float | None


@dataclasses.dataclass(frozen=True)
class HomeEvent:
    """An event with this home's part; phase is coming, running or past."""

    phase: str
    view: SiteSignalView
    rows: list[EventRow]
    asked_kwh: float
    present: EventRow | None
    chart: Chart | None
    statement: Statement | None

    @property
    def signal(self) -> GridSignal:
        return self.view.signal

    @property
    def opted_out(self) -> bool:
        return self.view.opted_out

    @property
    def can_opt_out(self) -> bool:
        return self.phase != "past" and not self.view.opted_out

    @property
    def asks_nothing(self) -> bool:
        return self.asked_kwh < 0.005

    @property
    def share_percent(self) -> int:
        """How much of the asked energy was given, for the bar."""
        return round(min(max(self.view.given_kwh / self.asked_kwh, 0.0), 1.0) * 100) if self.asked_kwh else 0


@dataclasses.dataclass(frozen=True)
class HomeEvents:
    """The event that matters now, and those beside it."""

    focus: HomeEvent | HomeSignal | None
    others: list[GridSignal]
    alerts: list[GridSignal]


@dataclasses.dataclass(frozen=True)
class Earnings:
    totals: list[tuple[str, Decimal]]
    delivered_kwh: Decimal
    statements: list[Statement]


@dataclasses.dataclass(frozen=True)
class StatementPage:
    """A statement with each line's amount before rounding."""

    statement: Statement
    lines: list[tuple[StatementLine, Decimal]]
    energy_price: Decimal
    event_payment: Decimal
    baseline_kwh: float
    metered_kwh: float
    parts: list[tuple[str, str]]
    disputes: list[Dispute]
    newer: Statement | None

    @property
    def may_object(self) -> bool:
        return self.newer is None and all(one.state != Dispute.State.OPEN for one in self.disputes)


def phase_of(signal: GridSignal, now: datetime) -> str:
    """Return coming, running or past."""
    return "coming" if now < signal.starts_at else "running" if now < signal.ends_at else "past"


def home_events(*, site: Site, now: datetime) -> HomeEvents:
    """Return the event to show on the home's page: what asks most of the home now, next, or did lately."""
    near = list(signals_of_site(site=site).filter(ends_at__gt=now - LATELY).order_by("starts_at"))
    ahead = [signal for signal in near if now < signal.ends_at]
    behind = [signal for signal in near if signal.ends_at <= now]
    ranked = sorted((_rank(signal, now), place) for place, signal in enumerate(near))
    chosen = next((near[place] for rank, place in ranked if rank < NOT_SHOWN), None)
    return HomeEvents(
        focus=part_of_home(site=site, signal=chosen, now=now) if chosen else None,
        others=[signal for signal in [*ahead, *behind[::-1]] if signal != chosen],
        alerts=[signal for signal in ahead if "alert" in signal.detail and signal != chosen],
    )


def _rank(signal: GridSignal, now: datetime) -> int:
    """What a household wants to see first: what is measured and paid, then alerts, then what steers the battery."""
    phase, alert = phase_of(signal, now), "alert" in signal.detail
    if phase == "past":
        return (2 if signal.is_shed else 6) if now - signal.ends_at < FADING else NOT_SHOWN
    if phase == "running":
        return 0 if signal.is_shed else 1 if alert else 4
    return 3 if signal.is_shed and signal.starts_at - now < SOON else 5


def part_of_home(*, site: Site, signal: GridSignal, now: datetime) -> "HomeEvent | HomeSignal":
    """Return the home's part in a signal of any kind."""
    if signal.is_shed:
        return home_event(site=site, signal=signal, now=now)
    return home_signal(site=site, signal=signal, phase=phase_of(signal, now), now=now)


def signal_of_home(*, site: Site, signal_id: UUID) -> GridSignal | None:
    """Return the signal if the home takes part in its program."""
    return signals_of_site(site=site).filter(pk=signal_id).first()


def home_event(*, site: Site, signal: GridSignal, now: datetime) -> HomeEvent:
    """Return the home's part in `signal`."""
    view = site_signal_view(site=site, signal=signal, now=now)
    rows = _rows(view)
    index = interval_at(signal=signal, at=now)
    return HomeEvent(
        phase=phase_of(signal, now),
        view=view,
        rows=rows,
        asked_kwh=sum(view.asked_kw) * signal.interval_s / 3600,
        present=rows[index] if index is not None and index < len(rows) else None,
        chart=_chart(view, rows, zone=ZoneInfo(site.time_zone), now=now) if _has_part(view) else None,
        statement=next((s for s in _newest_statements(site) if s.run.signal_id == signal.pk), None),
    )


def earnings(*, site: Site) -> Earnings:
    """Return what the home has earned, by currency, and the statements behind it."""
    statements = _newest_statements(site)
    totals: dict[str, Decimal] = {}
    for statement in statements:
        currency = statement.run.currency
        totals[currency] = totals.get(currency, Decimal(0)) + statement.amount
    return Earnings(
        totals=sorted(totals.items()),
        delivered_kwh=sum((statement.delivered_kwh for statement in statements), Decimal(0)),
        statements=statements,
    )


def statement_page(*, site: Site, statement_id: int) -> StatementPage | None:
    """Return one of the home's statements with its lines."""
    statement = statement_of_site(site=site, statement_id=statement_id)
    if statement is None:
        return None
    rule, program = statement.run.rule, statement.run.signal.program
    price = Decimal(str(rule.get("energy_price", program.energy_price)))
    lines = list(statement.lines.order_by("starts_at"))
    newest = next(s for s in _newest_statements(site) if s.run.signal_id == statement.run.signal_id)
    return StatementPage(
        statement=statement,
        lines=[(line, Decimal(str(line.delivered_kwh)) * price) for line in lines],
        energy_price=price,
        event_payment=Decimal(str(rule.get("event_payment", program.event_payment))),
        baseline_kwh=sum(line.baseline_kwh for line in lines),
        metered_kwh=sum(line.metered_kwh or 0.0 for line in lines),
        parts=[(say(PART_NAMES.get(kind, kind)), amount) for kind, amount in statement.parts],
        disputes=list(disputes_of_statement(statement=statement)),
        newer=None if newest == statement else newest,
    )


def _newest_statements(site: Site) -> list[Statement]:
    return list(statements_of_site(site=site))


def _has_part(view: SiteSignalView) -> bool:
    return any(view.asked_kw) or any(value is not None for value in view.given_kw)


def _rows(view: SiteSignalView) -> list[EventRow]:
    signal, length = view.signal, timedelta(seconds=view.signal.interval_s)
    return [
        EventRow(signal.starts_at + index * length, signal.starts_at + (index + 1) * length, *values)
        for index, values in enumerate(zip(view.baseline_kw, view.asked_kw, view.given_kw, strict=False))
    ]


def _chart(view: SiteSignalView, rows: list[EventRow], *, zone: ZoneInfo, now: datetime) -> Chart:
    signal = view.signal
    step = signal.interval_s
    return chart(
        title=_("Asked and given in each interval of the event"),
        period=(signal.starts_at, signal.ends_at),
        series=[
            Series("asked", _("Asked of you"), [(row.starts_at, row.asked_kw) for row in rows], "bars", step),
            Series("given", _("Given"), [(row.starts_at, row.given_kw) for row in rows], "bars", step, 0.24),
            Series(
                "baseline",
                _("Usual draw from the grid"),
                stepped(signal.starts_at, step, values=view.baseline_kw),
            ),
        ],
        zone=zone,
        now=now,
        notes=[_note(row, zone) for row in rows],
    )


def _note(row: EventRow, zone: ZoneInfo) -> Note:
    begin, end = (at.astimezone(zone).strftime("%H:%M") for at in (row.starts_at, row.ends_at))
    given = (
        _("not measured yet") if row.given_kw is None else _("gave %(kw)s kW") % {"kw": _two(row.given_kw)}
    )
    said = _("%(begin)s to %(end)s: asked %(asked)s kW, %(given)s, usual draw %(usual)s kW")
    facts = {
        "begin": begin,
        "end": end,
        "asked": _two(row.asked_kw),
        "given": given,
        "usual": _two(row.baseline_kw),
    }
    return Note(row.starts_at, row.ends_at, said % facts)


def _two(kw: float) -> str:
    return separated(f"{kw:.2f}")
