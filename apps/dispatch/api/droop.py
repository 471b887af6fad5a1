"""A program's answer to the grid's frequency."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.dispatch.droop import droop_set, droop_states
from apps.programs.api.views import program_or_404


class CurveSerializer(serializers.Serializer[Any]):
    nominal_hz = serializers.FloatField()
    dead_band_hz = serializers.FloatField()
    slope_kw_per_hz = serializers.FloatField()
    most_kw = serializers.FloatField()
    recovery_kw_per_s = serializers.FloatField()


class DroopSerializer(serializers.Serializer[Any]):
    settings = CurveSerializer(allow_null=True)
    ends_at = serializers.DateTimeField()


class DroopView(AggregatorView):
    """GET, PUT /api/v1/programs/{id}/droop"""

    scopes = {"GET": "api", "PUT": "api"}

    def get(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        return Response({"hubs": droop_states(program=program, now=clock.now())})

    def put(self, request: Request, program_id: int) -> Response:
        program = program_or_404(request, program_id)
        serializer = DroopSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent: dict[str, Any] = serializer.validated_data
        told = droop_set(
            program=program,
            settings=sent["settings"],
            ends_at=sent["ends_at"],
            actor=f"client {partner(request).name}",
            now=clock.now(),
        )
        return Response({"hubs_told": told})
