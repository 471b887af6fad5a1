"""An aggregator's grid areas and their limits."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.accounts.api.views import AggregatorView
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.sites.models import GridArea
from apps.sites.selectors import grid_areas_of_organization
from apps.sites.services import grid_area_create, grid_area_set


class GridAreaSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=120)
    parent = serializers.IntegerField(  # type: ignore[assignment]  # fields are taken off the class
        source="parent_id", required=False, allow_null=True
    )
    import_limit_kw = serializers.FloatField(required=False, allow_null=True, min_value=0)
    export_limit_kw = serializers.FloatField(required=False, allow_null=True, min_value=0)


class GridAreasView(AggregatorView):
    """GET, POST /api/v1/grid-areas"""

    def get(self, request: Request) -> Response:
        found = grid_areas_of_organization(organization=partner(request).organization)
        return Response(GridAreaSerializer(found, many=True).data)

    def post(self, request: Request) -> Response:
        serializer = GridAreaSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        sent: dict[str, Any] = serializer.validated_data
        area = grid_area_create(organization=partner(request).organization, name=sent.pop("name"))
        if sent:
            area = grid_area_set(area=area, changes=sent, actor=_actor(request), now=clock.now())
        return Response(GridAreaSerializer(area).data, status=201)


class GridAreaView(AggregatorView):
    """PATCH /api/v1/grid-areas/{id}: its limits, its name, and what feeds it"""

    def patch(self, request: Request, area_id: int) -> Response:
        areas = grid_areas_of_organization(organization=partner(request).organization)
        area: GridArea | None = areas.filter(pk=area_id).first()
        if area is None:
            raise NotFoundError("no such grid area")
        serializer = GridAreaSerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        changed = grid_area_set(
            area=area, changes=serializer.validated_data, actor=_actor(request), now=clock.now()
        )
        return Response(GridAreaSerializer(changed).data)


def _actor(request: Request) -> str:
    return f"client {partner(request).name}"
