"""Questions that take a worker: what the fleet would answer to a signal, what a plan would have been; and why a home acted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.jobs import JobSerializer, job_started
from apps.accounts.api.views import AggregatorView, actor_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.queries import Query, asked, sent
from apps.dispatch.api.serializers import WhatIfSerializer, WhySerializer
from apps.dispatch.api.views import plan_or_404
from apps.dispatch.errors import WhatIfInvalidError
from apps.dispatch.models import Plan
from apps.dispatch.questions import plan_question_ask, preview_ask
from apps.dispatch.why import why_at
from apps.programs import wishes
from apps.programs.api.serializers import WISH, WishSerializer
from apps.programs.api.signals import wished
from apps.sites.api.lookups import site_or_404


class SignalPreviewsView(AggregatorView):
    """POST /api/v1/signal-previews"""

    @describes(
        "Preview the fleet's answer to a signal", tag="signals", sends=WishSerializer, answers=JobSerializer, status=202,
        example=WISH, description="Nothing is stored and nobody told; the job's `result` has the answer.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        program, wish = wished(request)
        now = clock.now()
        wishes.draft_of(program=program, wish=wish, now=now)
        job = preview_ask(program=program, wish=wish, actor=actor_of(request), now=now)
        return job_started(request, job)


class PlanQuestionsView(AggregatorView):
    """POST /api/v1/signals/{id}/plans/{revision}/questions"""

    @describes(
        "Replay a plan, or ask what else could have been", tag="plans", sends=WhatIfSerializer, answers=JobSerializer,
        status=202, example={"without": [1]}, description="From what the plan knew then; nothing is stored.",
    )  # fmt: skip
    def post(self, request: Request, signal_id: UUID, revision: int) -> Response:
        plan = plan_or_404(request, signal_id, revision=revision)
        change = _change(plan, sent(request, WhatIfSerializer))
        job = plan_question_ask(plan=plan, change=change, actor=actor_of(request), now=clock.now())
        return job_started(request, job)


class WhyQuery(Query):
    at = serializers.DateTimeField(required=False, help_text="now if left out")


class WhyAnswerSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    orders = WhySerializer(many=True)


class WhyView(AggregatorView):
    """GET /api/v1/sites/{id}/why"""

    @describes(
        "Ask why a home does what it does", tag="sites", answers=WhyAnswerSerializer, query=WhyQuery,
        description="The orders its hub held at an instant, the one that is followed first, each with its plan and signals.",
    )  # fmt: skip
    def get(self, request: Request, site_id: int) -> Response:
        at: datetime = asked(request, WhyQuery).get("at") or clock.now()
        found = why_at(site=site_or_404(request, site_id), at=at)
        return Response(WhyAnswerSerializer({"at": at, "orders": found}).data)


def _change(plan: Plan, said: dict[str, Any]) -> dict[str, Any]:
    """Return what was sent as a change of a plan's question; what it does not name stays."""
    change = dict(said)
    if "target_kw" in change:
        count, values = len(plan.target_kw), change["target_kw"]
        if len(values) not in (1, count):
            raise WhatIfInvalidError(f"the target needs one number, or {count}: one for each interval")
        change["target_kw"] = values * count if len(values) == 1 else values
    known = set(plan.inputs.get("sites", ()))
    if missing := [one for one in change.get("without", ()) if one not in known]:
        raise WhatIfInvalidError(f"the plan knew no home {missing[0]}")
    return change
