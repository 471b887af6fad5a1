"""Questions about a plan that a worker answers: asked by a page, kept for an hour, stored nowhere."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.core.cache import cache

from apps.common.errors import DomainError
from apps.common.queue import enqueue_on_commit
from apps.dispatch.errors import AnswerUnderWayError, PlanUnknownError
from apps.dispatch.models import Plan
from apps.dispatch.selectors import plan_by_number
from vpp.errors import VppError

ANSWER_TASK = "dispatch.answer_plan"
KEPT_S = 3600
# One at a time per plan; a worker that died is waited for no longer than this.
BUSY_S = 60
WAITING: Mapping[str, Any] = {"kind": "waiting"}


def answer_request(*, plan: Plan, change: Mapping[str, Any]) -> str:
    """Ask for a replay, or with a change for what it would do; return the answer's name."""
    token = uuid4().hex
    if not cache.add(_busy(plan.pk), token, BUSY_S):
        raise AnswerUnderWayError("this plan is being looked at already; try again in a minute")
    cache.set(_key(plan.pk, token), dict(WAITING), KEPT_S)
    enqueue_on_commit(ANSWER_TASK, plan_id=plan.pk, token=token, change=dict(change))
    return token


def answer_work(*, plan_id: int, token: str, change: Mapping[str, Any]) -> None:
    """Answer; what cannot be answered says why."""
    from apps.dispatch.kept import change_from
    from apps.dispatch.replay import answer

    plan = plan_by_number(plan_id=plan_id)
    try:
        if plan is None:
            raise PlanUnknownError("there is no such plan any more")
        found = answer(plan=plan, change=change_from(change))
    except (DomainError, VppError) as error:
        found = {"kind": "problem", "detail": error.detail}
    cache.set(_key(plan_id, token), found, KEPT_S)
    cache.delete(_busy(plan_id))


def answer_found(*, plan: Plan, token: str) -> dict[str, Any] | None:
    """Return an answer, `waiting` while it is worked out, None where it is not known (any more)."""
    found: dict[str, Any] | None = cache.get(_key(plan.pk, token))
    return found


def _key(plan_id: int, token: str) -> str:
    return f"plan-answer:{plan_id}:{token[:32]}"


def _busy(plan_id: int) -> str:
    return f"plan-answer-busy:{plan_id}"
