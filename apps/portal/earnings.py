"""What a home earned: line by line from events and its market account, what was paid, and a year's summary to keep."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from apps.common.papers import Page, csv_text, latin
from apps.markets.models import Participant, Posting
from apps.markets.selectors import participants_of_site, statement_lines
from apps.settlement.models import Payout, Statement
from apps.settlement.payouts import Owed, owed_to_site, payouts_of_site, unapproved_of_site
from apps.settlement.selectors import statements_of_site
from apps.sites.models import Site

NANO = Decimal(1_000_000_000)
CENT = Decimal("0.01")
WIDTHS = (26, 72, 28, 34, 30)
EVENT, MARKET = "event", "market"
K = TypeVar("K")


@dataclasses.dataclass(frozen=True)
class EarnedLine:
    """An event, or what a local day's trades and delivery put on the market account; exact, in the currency."""

    on: date
    kind: str
    text: str
    energy_kwh: Decimal
    amount: Decimal
    currency: str
    statement_id: int | None = None


@dataclasses.dataclass(frozen=True)
class YearEarnings:
    """A local year's lines and their sums by currency."""

    year: int
    lines: Sequence[EarnedLine]

    @property
    def totals(self) -> list[tuple[str, Decimal]]:
        return _sums((one.currency, one.amount) for one in self.lines)

    @property
    def by_kind(self) -> list[tuple[str, str, Decimal]]:
        found = _sums(((one.kind, one.currency), one.amount) for one in self.lines)
        return [(kind, currency, amount) for (kind, currency), amount in found]


@dataclasses.dataclass(frozen=True)
class EarningsPage:
    """All that the page shows."""

    shown: YearEarnings
    years: list[int]
    owed: list[Owed]
    unapproved: list[Owed]
    payouts: list[Payout]
    has_market: bool


def earnings_page(*, site: Site, year: int | None, now: datetime) -> EarningsPage:
    """Return a year's earnings of a home, with what waits for approval, is owed, and was paid."""
    this = now.astimezone(ZoneInfo(site.time_zone)).year
    begun = site.created_at.astimezone(ZoneInfo(site.time_zone)).year
    first = min([begun, *(one.on.year for one in _oldest(site))])
    chosen = year if year is not None and first <= year <= this else this
    return EarningsPage(
        shown=year_earnings(site=site, year=chosen),
        years=list(range(this, first - 1, -1)),
        owed=[one for one in owed_to_site(site=site) if one.amount],
        unapproved=[one for one in unapproved_of_site(site=site) if one.amount],
        payouts=list(payouts_of_site(site=site)[:100]),
        has_market=bool(participants_of_site(site=site)),
    )


def year_earnings(*, site: Site, year: int) -> YearEarnings:
    """Return all that a home earned in a local year, in order."""
    zone = ZoneInfo(site.time_zone)
    starts_at, ends_at = (datetime(one, 1, 1, tzinfo=zone).astimezone(UTC) for one in (year, year + 1))
    found = statements_of_site(site=site).filter(
        run__signal__starts_at__gte=starts_at, run__signal__starts_at__lt=ends_at
    )
    lines = [_of_event(one, zone) for one in found]
    for participant in participants_of_site(site=site):
        booked = statement_lines(participant=participant, starts_at=starts_at, ends_at=ends_at)
        lines += _of_market(participant, booked.exclude(line=Posting.Line.DEPOSIT), zone=zone)
    return YearEarnings(year, sorted(lines, key=lambda one: (one.on, one.kind, one.text)))


def year_csv(*, site: Site, earned: YearEarnings) -> str:
    """Return the lines and the sums, one a line, exact."""
    header = ("kind", "date", "description", "energy_kwh", "amount", "currency")
    lines: list[Sequence[object]] = [
        (one.kind, one.on.isoformat(), one.text, one.energy_kwh, plain(one.amount), one.currency)
        for one in earned.lines
    ]
    sums = [("total", earned.year, site.name, None, plain(amount), name) for name, amount in earned.totals]
    return csv_text(header, [*lines, *sums])


def year_pdf(*, site: Site, earned: YearEarnings, payouts: Iterable[Payout], made_at: datetime) -> bytes:
    """Return the year's summary as pages to print."""
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_creation_date(made_at)
    pdf.set_title(latin(f"Earnings {earned.year}"))
    pdf.add_page()
    said = Page(pdf, widths=WIDTHS)
    said.line(site.organization.name, size=10)
    said.line(_("Earnings of the year %(year)s") % {"year": earned.year}, size=18)
    said.line(site.name, size=12)
    for currency, amount in earned.totals:
        said.line(f"{_('Sum')}: {amount.quantize(CENT)} {currency} ({plain(amount)})", size=12)
    said.row((_("Date"), _("What for"), "kWh", _("Amount"), _("Currency")), bold=True)
    for one in earned.lines:
        said.row((one.on.isoformat(), one.text, f"{one.energy_kwh:.3f}", plain(one.amount), one.currency))
    for currency, amount in earned.totals:
        said.row((_("Sum"), "", "", plain(amount), currency), bold=True)
    paid = [one for one in payouts if one.paid_at.astimezone(ZoneInfo(site.time_zone)).year == earned.year]
    said.line(_("Paid out in this year"), size=12)
    for payout in paid:
        at = payout.paid_at.astimezone(ZoneInfo(site.time_zone))
        said.row((f"{at:%Y-%m-%d}", payout.reference, "", str(payout.amount), payout.currency))
    said.line(_("Energy sold is above zero, energy bought below. This is no tax advice."), size=8)
    if said.changed:
        said.line(_("Some letters cannot be printed here; the CSV has them."), size=8)
    return bytes(pdf.output())


def plain(amount: Decimal) -> str:
    """An exact amount with two decimals at least, and no zeros that say nothing."""
    text = f"{amount:.9f}".rstrip("0")
    whole, _dot, rest = text.partition(".")
    return f"{whole}.{rest.ljust(2, '0')}"


def _of_event(one: Statement, zone: ZoneInfo) -> EarnedLine:
    return EarnedLine(
        on=one.run.signal.starts_at.astimezone(zone).date(),
        kind=EVENT,
        text=one.run.signal.name or _("Event"),
        energy_kwh=one.delivered_kwh,
        amount=one.amount,
        currency=one.run.currency,
        statement_id=one.pk,
    )


def _of_market(participant: Participant, booked: Iterable[Posting], *, zone: ZoneInfo) -> list[EarnedLine]:
    days: dict[date, list[Posting]] = defaultdict(list)
    for one in booked:
        days[one.transfer.at.astimezone(zone).date()].append(one)
    return [
        EarnedLine(
            on=day,
            kind=MARKET,
            text=_("Market %(name)s") % {"name": participant.market.name},
            energy_kwh=Decimal(sum(one.energy_wh for one in found)) / 1000,
            amount=Decimal(sum(one.amount_nano for one in found)) / NANO,
            currency=participant.market.currency,
        )
        for day, found in days.items()
    ]


def _oldest(site: Site) -> list[EarnedLine]:
    oldest = statements_of_site(site=site).order_by("run__signal__starts_at").first()
    return [_of_event(oldest, ZoneInfo(site.time_zone))] if oldest else []


def _sums(pairs: Iterable[tuple[K, Decimal]]) -> list[tuple[K, Decimal]]:
    found: dict[K, Decimal] = {}
    for key, amount in pairs:
        found[key] = found.get(key, Decimal(0)) + amount
    return sorted(found.items(), key=lambda one: str(one[0]))
