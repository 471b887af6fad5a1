"""Statements to keep: CSV and PDF."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from apps.common.papers import Page, csv_text, latin
from apps.settlement.models import SettlementRun, Statement, StatementLine

PART_NAMES = {
    "energy": "Energy given",
    "event": "For taking part",
    "capacity": "Capacity",
    "penalty": "Penalty",
    "home_floor": "Up to the least a home gets",
    "event_floor": "Up to the least the event pays",
    "rounding": "Rounding",
}
WIDTHS = (38, 30, 30, 30, 62)


def run_csv(*, run: SettlementRun) -> str:
    """Return a run's statements, a home a line."""
    statements = run.statements.select_related("site").order_by("site_id")
    header = (
        "event", "starts_at", "version", "kind", "site_id", "site", "delivered_kwh", "committed_kwh", "amount",
        "adjustment", "currency", "input_hash",
    )  # fmt: skip
    rows = (
        (
            run.signal.name, run.signal.starts_at.isoformat(), run.version, run.kind, one.site_id, one.site.name,
            one.delivered_kwh, one.committed_kwh, one.amount, one.adjustment, run.currency, run.input_hash,
        )
        for one in statements
    )  # fmt: skip
    return csv_text(header, rows)


def statement_csv(*, statement: Statement) -> str:
    """Return a statement's intervals and parts, one a line."""
    run = statement.run
    header = (
        "line",
        "starts_at",
        "baseline_kwh",
        "metered_kwh",
        "delivered_kwh",
        "status",
        "note",
        "amount",
        "currency",
    )
    lines: list[Sequence[object]] = [
        (
            "interval", line.starts_at.isoformat(), line.baseline_kwh, line.metered_kwh, line.delivered_kwh,
            line.status, line.note, None, None,
        )
        for line in statement.lines.order_by("starts_at")
    ]  # fmt: skip
    lines += [
        (kind, None, None, None, None, None, None, amount, run.currency) for kind, amount in statement.parts
    ]
    total = (
        "total",
        None,
        None,
        None,
        statement.delivered_kwh,
        None,
        f"version {run.version}, inputs {run.input_hash}",
    )
    return csv_text(header, [*lines, (*total, statement.amount, run.currency)])


def statement_pdf(*, statement: Statement) -> bytes:
    """Return a statement as a page to print; the same statement gives the same bytes."""
    from fpdf import FPDF

    run, zone = statement.run, ZoneInfo(statement.site.time_zone)
    pdf = FPDF(format="A4")
    pdf.set_creation_date(run.created_at)
    pdf.set_title(latin(f"Statement {statement.pk}, version {run.version}"))
    pdf.add_page()
    said = Page(pdf, widths=WIDTHS)
    said.line(run.signal.organization.name, size=10)
    said.line(f"Statement: {statement.amount} {run.currency}", size=18)
    begins, ends = (at.astimezone(zone) for at in (run.signal.starts_at, run.signal.ends_at))
    said.line(statement.site.name, size=12)
    said.line(f"{run.signal.name or 'Event'}, {run.signal.program.name}")
    said.line(f"{begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M} ({statement.site.time_zone})")
    said.line(
        f"Version {run.version} ({run.get_kind_display()}), made {run.created_at.astimezone(zone):%Y-%m-%d %H:%M}"
    )
    if run.previous_id:
        said.line(f"Against the version before: {statement.adjustment:+} {run.currency}")
    said.row(("From", "Baseline kWh", "Metered kWh", "Given kWh", "Note"), bold=True)
    for line in statement.lines.order_by("starts_at"):
        said.row(_interval_cells(line, zone))
    said.row(("Sum", "", "", f"{statement.delivered_kwh}", ""), bold=True)
    for kind, amount in statement.parts:
        said.row((PART_NAMES.get(kind, kind), "", "", "", f"{amount} {run.currency}"))
    said.row(("Paid", "", "", "", f"{statement.amount} {run.currency}"), bold=True)
    said.line(
        "Rule: " + ", ".join(f"{name} {value}" for name, value in run.rule.items() if _is_set(value)), size=8
    )
    said.line(f"Hash of the inputs (SHA-256): {run.input_hash}", size=8)
    if said.changed:
        said.line("Some letters cannot be printed here; the CSV statement has them.", size=8)
    return bytes(pdf.output())


def _interval_cells(line: StatementLine, zone: ZoneInfo) -> tuple[str, ...]:
    metered = "missing" if line.metered_kwh is None else f"{line.metered_kwh:.3f}"
    local = line.starts_at.astimezone(zone)
    return f"{local:%H:%M %Z}", f"{line.baseline_kwh:.3f}", metered, f"{line.delivered_kwh:.3f}", line.note


def _is_set(value: object) -> bool:
    return value not in (None, [], "0")
