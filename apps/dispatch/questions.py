"""Questions of API clients about what is not (yet) decided, each a job: previews of signals, replays of plans."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from django.db import transaction

from apps.common import clock
from apps.common.jobs import Tell, job_request, job_work
from apps.common.models import Job
from apps.common.progress import Begins, waiting
from apps.dispatch.errors import PlanUnknownError
from apps.dispatch.models import Plan
from apps.dispatch.preview import SHED_STAGES, STEERED_STAGES, Wished, signal_preview
from apps.dispatch.selectors import plan_by_number
from apps.programs.models import SHED_KINDS, Program
from apps.programs.selectors import program_by_number
from apps.programs.wishes import Wish, draft_of

TASK: Final = "dispatch.work_question"
PREVIEW: Final = "signal preview"
QUESTION: Final = "plan question"


@transaction.atomic
def preview_ask(*, program: Program, wish: Wish, actor: str, now: datetime) -> Job:
    """Have the fleet's answer to a wish worked out."""
    arguments = {"program_id": program.pk, "wish": msgspec.to_builtins(wish)}
    return job_request(
        organization=program.organization, kind=PREVIEW, task=TASK, arguments=arguments, actor=actor, now=now
    )


@transaction.atomic
def plan_question_ask(*, plan: Plan, change: Mapping[str, Any], actor: str, now: datetime) -> Job:
    """Have a plan computed again, or with a change."""
    arguments = {"plan_id": plan.pk, "change": dict(change)}
    return job_request(
        organization=plan.signal.organization, kind=QUESTION, task=TASK, arguments=arguments, actor=actor, now=now
    )  # fmt: skip


def question_work(*, job_id: UUID) -> None:
    """Work a question out."""
    job_work(job_id=job_id, work=_work)


def _work(job: Job, tell: Tell) -> Any:
    return _preview(job.arguments, tell) if job.kind == PREVIEW else _question(job.arguments)


def _preview(arguments: Mapping[str, Any], tell: Tell) -> Any:
    program, now = program_by_number(program_id=arguments["program_id"]), clock.now()
    wish = msgspec.convert(arguments["wish"], Wish)
    stages = SHED_STAGES if wish.kind in SHED_KINDS else STEERED_STAGES
    wished = Wished(draft_of(program=program, wish=wish, now=now), wish.priority, wish.targets)
    found = signal_preview(program=program, wished=wished, now=now, begins=_begins(stages, tell))
    return msgspec.to_builtins(found)


def _begins(stages: Mapping[str, str], tell: Tell) -> Begins:
    def begins(stage: str) -> None:
        said = waiting(stages, stage)
        tell(said["stage"], said["share_pct"])

    return begins


def _question(arguments: Mapping[str, Any]) -> Any:
    from apps.dispatch.kept import change_from
    from apps.dispatch.replay import answer

    plan = plan_by_number(plan_id=arguments["plan_id"])
    if plan is None:
        raise PlanUnknownError("there is no such plan any more")
    return msgspec.to_builtins(answer(plan=plan, change=change_from(arguments["change"])))
