"""A participant's account statement to keep: CSV and PDF; money exact, energy in Wh."""

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from apps.common.papers import Page, csv_text, latin
from apps.markets.books import NANO
from apps.markets.models import Participant, Posting
from apps.markets.selectors import account_before, statement_lines

WIDTHS = (38, 38, 38, 26, 50)
HEADER = ("at", "line", "delivery_starts_at", "energy_wh", "amount", "currency", "description")
CENT = Decimal("0.01")


@dataclasses.dataclass(frozen=True)
class AccountStatement:
    """What was booked in a half-open period, and what the account held before and after it [1e-9 of the currency]."""

    participant: Participant
    starts_at: datetime
    ends_at: datetime
    before_nano: int
    lines: Sequence[Posting]

    @property
    def after_nano(self) -> int:
        """What the account held at the end."""
        return self.before_nano + sum(line.amount_nano for line in self.lines)


def account_statement(
    *, participant: Participant, starts_at: datetime, ends_at: datetime
) -> AccountStatement:
    """Put a statement together."""
    return AccountStatement(
        participant,
        starts_at,
        ends_at,
        account_before(participant=participant, at=starts_at),
        list(statement_lines(participant=participant, starts_at=starts_at, ends_at=ends_at)),
    )


def statement_csv(*, statement: AccountStatement) -> str:
    """Return what was booked, one a line, between what the account held before and after."""
    currency = statement.participant.market.currency
    before = (
        statement.starts_at.isoformat(),
        "before",
        None,
        None,
        _plain(statement.before_nano),
        currency,
        None,
    )
    after = (statement.ends_at.isoformat(), "after", None, None, _plain(statement.after_nano), currency, None)
    lines = [
        (
            line.transfer.at.isoformat(), line.line, _delivery(line), line.energy_wh, _plain(line.amount_nano), currency,
            line.transfer.description,
        )
        for line in statement.lines
    ]  # fmt: skip
    return csv_text(HEADER, [before, *lines, after])


def statement_pdf(*, statement: AccountStatement, zone: ZoneInfo) -> bytes:
    """Return a statement as pages to print, in cents; the same statement gives the same bytes."""
    from fpdf import FPDF

    market = statement.participant.market
    begins, ends = (at.astimezone(zone) for at in (statement.starts_at, statement.ends_at))
    pdf = FPDF(format="A4")
    pdf.set_creation_date(statement.ends_at)
    pdf.set_title(latin(f"Account of {statement.participant.name}"))
    pdf.add_page()
    page = Page(pdf, widths=WIDTHS)
    page.line(market.organization.name, size=10)
    page.line(f"Account: {_cents(statement.after_nano)} {market.currency}", size=18)
    page.line(f"{statement.participant.name}, {market.name}", size=12)
    page.line(f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} ({zone.key})")
    page.row(("Booked", "For", "Delivered from", "Energy kWh", f"Amount {market.currency}"), bold=True)
    page.row(("Before", "", "", "", _cents(statement.before_nano)))
    for line in statement.lines:
        page.row(_cells(line, zone))
    page.row(("After", "", "", "", _cents(statement.after_nano)), bold=True)
    page.line("Amounts are rounded to cents one by one; the CSV statement has them exactly.", size=8)
    if page.changed:
        page.line("Some letters cannot be printed here; the CSV statement has them.", size=8)
    return bytes(pdf.output())


def _cells(line: Posting, zone: ZoneInfo) -> tuple[str, ...]:
    run = line.transfer.run
    delivered = f"{run.starts_at.astimezone(zone):%Y-%m-%d %H:%M}" if run else ""
    energy = f"{line.energy_wh / 1000:.3f}" if line.energy_wh else ""
    return (
        f"{line.transfer.at.astimezone(zone):%Y-%m-%d %H:%M}", line.line, delivered, energy, _cents(line.amount_nano),
    )  # fmt: skip


def _delivery(line: Posting) -> str | None:
    return line.transfer.run.starts_at.isoformat() if line.transfer.run else None


def _exact(nano: int) -> Decimal:
    return Decimal(nano) / NANO


def _plain(nano: int) -> str:
    return f"{_exact(nano).normalize():f}"


def _cents(nano: int) -> str:
    return f"{_exact(nano).quantize(CENT):+}"
