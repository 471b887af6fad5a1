"""Baseline methods of programs and their reports, as operators see them."""

import dataclasses
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.common.charts import Chart, Series, chart, stepped
from apps.programs.errors import ProgramInvalidError
from apps.programs.models import BaselineReport, Program
from apps.programs.reports import UNDER_WAY, baseline_report_request, reports_of_program
from apps.programs.selectors import programs_of_organization
from apps.programs.services import program_set_baseline
from vpp.baselines.names import PROGRAM_METHODS, TITLES

QUARTER_S = 900


@dataclasses.dataclass(frozen=True)
class ProgramRow:
    program: Program
    title: str
    report: BaselineReport | None


@dataclasses.dataclass(frozen=True)
class ProgramPage:
    """A program's choice and its newest report; the chart shows the best method's mean placebo event."""

    program: Program
    title: str
    choices: list[tuple[str, str]]
    holidays: str
    report: BaselineReport | None
    under_way: bool
    chart: Chart | None


def program_rows(*, organization: Organization) -> list[ProgramRow]:
    """Return every program with its method and newest report."""
    return [
        ProgramRow(
            program,
            TITLES[program.baseline_method],
            reports_of_program(program=program).defer("result").first(),
        )
        for program in programs_of_organization(organization=organization)
    ]


def program_of_organization(*, organization: Organization, program_id: int) -> Program | None:
    """Return the tenant's program."""
    return programs_of_organization(organization=organization).filter(pk=program_id).first()


def program_page(*, program: Program, zone: ZoneInfo) -> ProgramPage:
    """Return what the page of one program's baseline shows."""
    report = reports_of_program(program=program).first()
    return ProgramPage(
        program=program,
        title=TITLES[program.baseline_method],
        choices=[(name, TITLES[name]) for name in PROGRAM_METHODS],
        holidays=" ".join(day.isoformat() for day in program.holidays),
        report=report,
        under_way=report is not None and report.state in UNDER_WAY,
        chart=_chart(report, chosen=program.baseline_method, zone=zone) if report else None,
    )


def choose_baseline(*, user: User, program: Program, sent: Mapping[str, str], now: datetime) -> Program:
    """Set a program's method and holidays from a form; viewers may not."""
    _operator_only(user, program)
    try:
        holidays = [date.fromisoformat(word) for word in sent.get("holidays", "").replace(",", " ").split()]
    except ValueError as error:
        raise ProgramInvalidError(f"holidays: {error}") from error
    return program_set_baseline(
        program=program, method=sent.get("method", ""), holidays=holidays, actor=user.email, now=now
    )


def ask_for_report(*, user: User, program: Program, sent: Mapping[str, str], now: datetime) -> BaselineReport:
    """Ask for a report from a form; viewers may not."""
    _operator_only(user, program)
    try:
        wanted: dict[str, Any] = {
            "starts": time.fromisoformat(sent.get("starts", "")),
            "minutes": int(sent.get("minutes", "")),
            "placebo_days": int(sent.get("placebo_days", "")),
        }
    except ValueError as error:
        raise ProgramInvalidError(str(error)) from error
    return baseline_report_request(
        program=program, day_type=sent.get("day_type", ""), actor=user.email, now=now, **wanted
    )


def _operator_only(user: User, program: Program) -> None:
    if not is_operator(user=user, organization=program.organization):
        raise OperatorOnlyError("only an operator can change or work out a program's baseline")


def _chart(report: BaselineReport, *, chosen: str, zone: ZoneInfo) -> Chart | None:
    if not report.result or not any(fit["known"] for fit in report.result["fits"]):
        return None
    fits = {fit["method"]: fit for fit in report.result["fits"]}
    best = report.result["fits"][0]
    starts_at = datetime.combine(date.fromisoformat(report.result["placebo_dates"][0]), report.starts, zone)
    starts_at = starts_at.astimezone(UTC)

    def steps(values: list[float | None]) -> list[tuple[datetime, float | None]]:
        return stepped(starts_at, QUARTER_S, values=values)

    series = [
        Series("used", "Drawn, mean of the days", steps(best["actual_kw"]), "area"),
        Series("planned", best["title"], steps(best["portfolio_kw"])),
    ]
    if chosen in fits and chosen != best["method"]:
        title = f"{fits[chosen]['title']} (the program's)"
        series.append(Series("target", title, steps(fits[chosen]["portfolio_kw"])))
    return chart(
        title="Mean placebo event: what homes drew, and what methods said",
        period=(starts_at, starts_at + timedelta(seconds=QUARTER_S * len(best["actual_kw"]))),
        series=series,
        zone=zone,
    )
