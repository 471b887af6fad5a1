"""A program's answer to the grid's frequency."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.queries import Strict
from apps.dispatch.droop import droop_set, droop_states
from apps.programs.api.lookups import program_or_404


class CurveSerializer(Strict):
    nominal_hz = serializers.FloatField()
    dead_band_hz = serializers.FloatField()
    slope_kw_per_hz = serializers.FloatField()
    most_kw = serializers.FloatField()
    recovery_kw_per_s = serializers.FloatField()


class DroopSerializer(Strict):
    settings = CurveSerializer(allow_null=True)
    ends_at = serializers.DateTimeField()


class DroopStatesSerializer(serializers.Serializer[Any]):
    hubs = serializers.JSONField()


class DroopToldSerializer(serializers.Serializer[Any]):
    hubs_told = serializers.IntegerField()


class DroopView(AggregatorView):
    """GET, PUT /api/v1/programs/{id}/droop"""

    @describes("Show how many hubs answer the frequency", tag="programs", answers=DroopStatesSerializer)
    def get(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        return Response({"hubs": droop_states(program=program, now=clock.now())})

    @describes(
        "Set the answer to the grid's frequency", tag="programs", sends=DroopSerializer, answers=DroopToldSerializer,
        example={
            "settings": {
                "nominal_hz": 50.0, "dead_band_hz": 0.02, "slope_kw_per_hz": 20.0, "most_kw": 4.0, "recovery_kw_per_s": 0.1,
            },
            "ends_at": "2030-01-16T00:00:00Z",
        },
    )  # fmt: skip
    def put(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        serializer = DroopSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent: dict[str, Any] = serializer.validated_data
        told = droop_set(
            program=program,
            settings=sent["settings"],
            ends_at=sent["ends_at"],
            actor=actor_of(request),
            now=clock.now(),
        )
        return Response({"hubs_told": told})
