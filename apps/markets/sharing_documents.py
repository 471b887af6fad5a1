"""A home's sharing to keep: every interval as CSV, the days as a statement in PDF; energy in Wh and kWh."""

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from apps.common.papers import Page, csv_text, latin
from apps.markets.models import SharingCredit
from apps.sites.models import Site

HEADER = ("starts_at", "net_wh", "credited_wh", "given_wh", "key", "community", "settlement_version")
WIDTHS = (32, 30, 30, 30, 30, 38)


@dataclasses.dataclass(frozen=True)
class SharingStatement:
    """What a home was credited and gave, by the newest settlement of each day, the first day first."""

    site: Site
    since: date
    made_at: datetime
    days: Sequence[SharingCredit]

    def total(self, name: str) -> int:
        """Sum one of the days' figures up [Wh]."""
        return sum(int(getattr(one, name)) for one in self.days)


def sharing_csv(*, lines: Iterable[SharingCredit]) -> str:
    """Return the intervals of a home's credits, one a line, as they come."""
    return csv_text(HEADER, [row for one in lines for row in _rows(one)])


def sharing_pdf(*, statement: SharingStatement) -> bytes:
    """Return a statement as pages to print; the same statement gives the same bytes."""
    from fpdf import FPDF

    site, days = statement.site, statement.days
    pdf = FPDF(format="A4")
    pdf.set_creation_date(statement.made_at)
    pdf.set_title(latin(f"Shared energy of {site.name}"))
    pdf.add_page()
    page = Page(pdf, widths=WIDTHS)
    page.line(site.organization.name, size=10)
    page.line(f"Credited: {_kwh(statement.total('credited_sum_wh'))} kWh", size=18)
    names = ", ".join(sorted({one.run.community.name for one in days}))
    page.line(f"{site.name}, {names}" if names else site.name, size=12)
    page.line(f"Days from {statement.since:%Y-%m-%d} on, each by its newest settlement; energy in kWh")
    page.row(("Day", "Drawn", "Credited", "Fed in", "Given", "Settlement, log entry"), bold=True)
    for one in days:
        page.row(_cells(one))
    names_of_sums = ("drawn_sum_wh", "credited_sum_wh", "fed_sum_wh", "given_sum_wh")
    page.row(("All days", *(_kwh(statement.total(name)) for name in names_of_sums), ""), bold=True)
    page.line(
        "Credits are energy; what they are worth is the supplier's bill. Every day is sealed in a signed log.",
        size=8,
    )
    if page.changed:
        page.line("Some letters cannot be printed here; the CSV has them.", size=8)
    return bytes(pdf.output())


def _cells(one: SharingCredit) -> tuple[str, ...]:
    entry = one.run.entry
    sealed = f", {entry.index}" if entry is not None else ""
    return (
        f"{one.run.date:%Y-%m-%d}", _kwh(one.drawn_sum_wh), _kwh(one.credited_sum_wh), _kwh(one.fed_sum_wh),
        _kwh(one.given_sum_wh), f"version {one.run.version}{sealed}",
    )  # fmt: skip


def _kwh(wh: int) -> str:
    return f"{wh / 1000:.3f}"


def _rows(one: SharingCredit) -> list[tuple[object, ...]]:
    run = one.run
    return [
        (
            (run.starts_at + index * timedelta(seconds=run.community.interval_s)).isoformat(), net, credited, given,
            run.key, run.community.name, run.version,
        )
        for index, (net, credited, given) in enumerate(
            zip(one.net_wh, one.credited_wh, one.given_wh, strict=True)
        )
    ]  # fmt: skip
