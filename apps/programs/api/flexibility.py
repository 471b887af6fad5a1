"""What a portfolio can give between two instants, at what cost, how sure."""

from typing import TYPE_CHECKING, Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, organization_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.queries import Query, asked
from apps.flexibility.question import ASSUMPTIONS, LONGEST, Question
from apps.programs.portfolio import Scope, portfolio_flexibility

if TYPE_CHECKING:
    from apps.flexibility.portfolio import Answer
    from vpp.flexibility.portfolio import Given


class DirectionSerializer(serializers.Serializer[Any]):
    sustained_kw = serializers.FloatField()
    sure_kw = serializers.FloatField()
    sure_probability = serializers.FloatField()
    most_kw = serializers.FloatField()
    deviation_kw = serializers.FloatField()
    by_interval_kw = serializers.ListField(child=serializers.FloatField())
    energy_kwh = serializers.FloatField()
    cost_curve = serializers.ListField(child=serializers.DictField())


class FlexibilitySerializer(serializers.Serializer[Any]):
    """What homes can give in a window; docs/reference/flexibility.md has its fields."""

    to = serializers.DateTimeField()
    interval_s = serializers.FloatField()
    shed = DirectionSerializer()
    more_load = DirectionSerializer()
    asked = serializers.DictField(allow_null=True)
    homes = serializers.DictField()
    assumptions = serializers.ListField(child=serializers.CharField())

    def get_fields(self) -> dict[str, Any]:
        """Add the two whose names are words of Python or of serializers."""
        return {
            **super().get_fields(),
            "from": serializers.DateTimeField(),
            "data": serializers.DictField(),
        }


class ScopeQuery(Query):
    program = serializers.IntegerField(required=False)
    grid_area = serializers.IntegerField(required=False)


class QuestionQuery(ScopeQuery):
    """The query: `from`, `to`, and what narrows it."""

    kw = serializers.FloatField(required=False, min_value=0)

    def get_fields(self) -> dict[str, Any]:
        """Add the two whose names are words of Python."""
        return {
            **super().get_fields(),
            "from": serializers.DateTimeField(),
            "to": serializers.DateTimeField(),
        }


class FlexibilityView(AggregatorView):
    """GET /api/v1/flexibility?from=…&to=…[&kw=…][&program=…][&grid_area=…]"""

    @describes(
        "Ask what homes can give", tag="flexibility", answers=FlexibilitySerializer, query=QuestionQuery
    )
    def get(self, request: Request) -> Response:
        wanted = asked(request, QuestionQuery)
        question = Question(starts_at=wanted["from"], ends_at=wanted["to"], kw=wanted.get("kw"))
        return _answered(request, question, wanted=wanted)


class CapacityView(AggregatorView):
    """GET /api/v1/capacity: the same for the 24 hours from now on, in both directions"""

    @describes(
        "Show the capacity of the next 24 hours", tag="flexibility", answers=FlexibilitySerializer, query=ScopeQuery,
        description="By quarter-hour: `shed` is less load, `more_load` more; each hour stands for itself.",
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        wanted, now = asked(request, ScopeQuery), clock.now()
        return _answered(request, Question(starts_at=now, ends_at=now + LONGEST), wanted=wanted)


def _answered(request: Request, question: Question, *, wanted: dict[str, Any]) -> Response:
    answer = portfolio_flexibility(
        organization=organization_of(request),
        question=question,
        scope=Scope(program_id=wanted.get("program"), grid_area_id=wanted.get("grid_area")),
        now=clock.now(),
    )
    return Response(_shown(answer))


def _shown(answer: "Answer") -> dict[str, Any]:
    question = answer.question
    return {
        "from": question.starts_at,
        "to": question.ends_at,
        "interval_s": question.step.total_seconds(),
        "shed": _direction(answer.shed),
        "more_load": _direction(answer.more_load),
        "asked": _asked(answer),
        "homes": {
            "asked_about": answer.homes,
            "counted": answer.counted,
            "by_resource": answer.by_kind,
            "left_out": answer.left_out,
        },
        "data": {
            "computed_at": answer.computed_at,
            "stale": answer.stale,
            "median_age_s": answer.median_s,
            "oldest_age_s": answer.oldest_s,
        },
        "assumptions": ASSUMPTIONS,
    }


def _direction(given: "Given") -> dict[str, Any]:
    return {
        "sustained_kw": round(given.expected_kw, 3),
        "sure_kw": round(given.sure_kw, 3),
        "sure_probability": given.sure_probability,
        "most_kw": round(given.most_kw, 3),
        "deviation_kw": round(given.deviation_kw, 3),
        "by_interval_kw": [round(float(kw), 3) for kw in given.by_interval_kw],
        "energy_kwh": round(given.energy_kwh, 3),
        "cost_curve": [
            {
                "resource": step.kind,
                "kw": round(step.kw, 3),
                "up_to_kw": round(step.up_to_kw, 3),
                "price_per_kwh": round(step.price_per_kwh, 4),
            }
            for step in given.steps
        ],
    }


def _asked(answer: "Answer") -> dict[str, Any] | None:
    kw, found = answer.question.kw, answer.feasibility
    if kw is None or found is None:
        return None
    return {
        "kw": kw,
        "feasible": found.feasible,
        "probability": round(answer.shed.probability(kw), 4),
        "shortfall_kwh": round(found.shortfall_kwh, 3),
        "sentence": found.sentence,
    }
