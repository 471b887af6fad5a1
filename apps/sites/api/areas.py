"""An aggregator's grid areas and their limits."""

from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, Strict, asked, sent
from apps.sites.models import GridArea
from apps.sites.selectors import grid_areas_of_organization
from apps.sites.services import grid_area_create, grid_area_set


class GridAreaSerializer(Strict):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=120)
    parent = serializers.IntegerField(  # type: ignore[assignment]  # fields are taken off the class
        source="parent_id", required=False, allow_null=True
    )
    import_limit_kw = serializers.FloatField(required=False, allow_null=True, min_value=0)
    export_limit_kw = serializers.FloatField(required=False, allow_null=True, min_value=0)


AREA = {"name": "Feeder 7", "parent": None, "import_limit_kw": 250.0, "export_limit_kw": None}


class AreaQuery(Query):
    name = serializers.CharField(required=False, help_text="part of the name")
    fed_by = serializers.IntegerField(required=False, help_text="the area that feeds it")


class GridAreasView(AggregatorView):
    """GET, POST /api/v1/grid-areas"""

    @describes("List grid areas", tag="grid areas", answers=GridAreaSerializer, pages=True, query=AreaQuery)
    def get(self, request: Request) -> Response:
        wanted = asked(request, AreaQuery, paged=True)
        found = grid_areas_of_organization(organization=organization_of(request))
        if "name" in wanted:
            found = found.filter(name__icontains=wanted["name"])
        if "fed_by" in wanted:
            found = found.filter(parent_id=wanted["fed_by"])
        return paged(request, found, order=("pk",), shown=GridAreaSerializer)

    @describes(
        "Create a grid area", tag="grid areas", sends=GridAreaSerializer, answers=GridAreaSerializer, status=201,
        example=AREA,
    )  # fmt: skip
    @transaction.atomic
    def post(self, request: Request) -> Response:
        body = sent(request, GridAreaSerializer)
        area = grid_area_create(organization=organization_of(request), name=body.pop("name"))
        if body:
            area = grid_area_set(area=area, changes=body, actor=actor_of(request), now=clock.now())
        return tagged(request, GridAreaSerializer(area).data, status=201)


class GridAreaView(AggregatorView):
    """GET, PATCH /api/v1/grid-areas/{id}: its limits, its name, and what feeds it"""

    @describes("Show a grid area", tag="grid areas", answers=GridAreaSerializer)
    def get(self, request: Request, area_id: int) -> Response:
        asked(request, Query)
        return tagged(request, GridAreaSerializer(_area(request, area_id)).data)

    @describes(
        "Change a grid area", tag="grid areas", sends=GridAreaSerializer, answers=GridAreaSerializer, tagged=True,
        example={"import_limit_kw": 200.0},
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, area_id: int) -> Response:
        area = _area(request, area_id, locked=True)
        check_if_match(request, GridAreaSerializer(area).data)
        changes = sent(request, GridAreaSerializer, partial=True)
        changed = grid_area_set(area=area, changes=changes, actor=actor_of(request), now=clock.now())
        return tagged(request, GridAreaSerializer(changed).data)


def _area(request: Request, area_id: int, *, locked: bool = False) -> GridArea:
    areas = grid_areas_of_organization(organization=organization_of(request))
    rows = areas.select_for_update() if locked else areas
    area: GridArea | None = rows.filter(pk=area_id).first()
    if area is None:
        raise NotFoundError("no such grid area")
    return area
