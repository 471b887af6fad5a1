"""What the fleet can give in a window, as operators ask for it."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from apps.accounts.models import Organization
from apps.common.charts import Chart, Series, chart, stepped
from apps.common.errors import DomainError
from apps.flexibility.question import ASSUMPTIONS, Question
from apps.programs.models import Program
from apps.programs.portfolio import Scope, portfolio_flexibility
from apps.programs.selectors import programs_of_organization

if TYPE_CHECKING:
    from apps.flexibility.portfolio import Answer

REASONS = {
    "no_measurement": "never sent a measurement",
    "stale_measurement": "silent for more than 15 minutes",
    "not_described": "a resource is not described, or wrongly",
    "no_meter": "no meter tells what the home draws",
    "nothing_to_give": "no battery whose charge is known, no car, no heat pump",
}


@dataclasses.dataclass(frozen=True)
class Form:
    """What stands in the fields, as text."""

    starts: str
    ends: str
    kw: str
    program: str


@dataclasses.dataclass(frozen=True)
class CapabilityPage:
    """The form, and the answer or why there is none."""

    form: Form
    programs: list[Program]
    answer: "Answer | None" = None
    problem: str = ""
    chart: Chart | None = None
    probability: float | None = None
    left_out: tuple[tuple[str, int], ...] = ()
    assumptions: tuple[str, ...] = ASSUMPTIONS


def capability_page(
    *, organization: Organization, asked: Mapping[str, str], zone: ZoneInfo, now: datetime
) -> CapabilityPage:
    """Ask what `asked` says; without a window, the two hours from the next full hour on."""
    form = _form(asked, zone=zone, now=now)
    page = CapabilityPage(form, list(programs_of_organization(organization=organization)))
    try:
        question, scope = _question(form, zone=zone)
        answer = portfolio_flexibility(organization=organization, question=question, scope=scope, now=now)
    except DomainError as error:
        return dataclasses.replace(page, problem=error.detail)
    except ValueError:
        return dataclasses.replace(page, problem="A field is not a time or a number.")
    return dataclasses.replace(
        page,
        answer=answer,
        chart=_chart(answer, zone=zone),
        probability=None if question.kw is None else answer.shed.probability(question.kw),
        left_out=tuple((REASONS[reason], count) for reason, count in answer.left_out.items() if count),
    )


def _form(asked: Mapping[str, str], *, zone: ZoneInfo, now: datetime) -> Form:
    hour = now.astimezone(zone).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return Form(
        starts=asked.get("from", "") or f"{hour:%Y-%m-%dT%H:%M}",
        ends=asked.get("to", "") or f"{hour + timedelta(hours=2):%Y-%m-%dT%H:%M}",
        kw=asked.get("kw", ""),
        program=asked.get("program", ""),
    )


def _question(form: Form, *, zone: ZoneInfo) -> tuple[Question, Scope]:
    """Read the fields; raise ValueError for text that is no time or number."""
    question = Question(
        starts_at=datetime.fromisoformat(form.starts).replace(tzinfo=zone),
        ends_at=datetime.fromisoformat(form.ends).replace(tzinfo=zone),
        kw=float(form.kw) if form.kw else None,
    )
    return question, Scope(program_id=int(form.program) if form.program else None)


def _chart(answer: "Answer", *, zone: ZoneInfo) -> Chart:
    question, shed = answer.question, answer.shed
    seconds, count = question.step.total_seconds(), question.count
    at_once = [float(kw) for kw in shed.by_interval_kw]
    starts = [question.starts_at + question.step * index for index in range(count)]
    return chart(
        title="Less load that the fleet can give",
        period=(question.starts_at, question.ends_at),
        series=[
            Series("asked", "Most in one interval", list(zip(starts, at_once, strict=True)), "bars", seconds),
            Series(
                "planned",
                "Held all through, expected",
                stepped(question.starts_at, seconds, values=[shed.expected_kw] * count),
            ),
            Series(
                "delivered",
                "Held, 90 % sure",
                stepped(question.starts_at, seconds, values=[shed.sure_kw] * count),
            ),
        ],
        zone=zone,
    )
