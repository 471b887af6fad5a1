"""Communities that share their generation."""

from datetime import date
from typing import Any, Final

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, organization_of
from apps.common import clock
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.markets.api.lookups import actor
from apps.markets.api.sharing_serializers import (
    CommunitySendSerializer,
    CommunitySerializer,
    CreditSerializer,
    DaySerializer,
    KeySerializer,
    MemberSetSerializer,
    SharingMemberSerializer,
    SharingRunQuery,
    SharingRunSerializer,
    WholeCommunitySerializer,
    WholeSharingRunSerializer,
)
from apps.markets.errors import SharingInvalidError, SharingUnknownError
from apps.markets.models import SharingCommunity, SharingRun
from apps.markets.sharing import (
    community_create,
    community_lock,
    day_settle,
    key_set,
    member_remove,
    member_set,
)
from apps.markets.sharing_selectors import (
    communities_of_organization,
    credits_of_run,
    members_of_community,
    runs_of_community,
)
from apps.sites.selectors import grid_areas_of_organization, sites_of_organization

TAG: Final = "energy sharing"
EXAMPLE: Final = {
    "grid_area_id": 1,
    "name": "Hill Street shares",
    "key": "dynamic",
    "time_zone": "Europe/Berlin",
}


class CommunitiesView(AggregatorView):
    """GET, POST /api/v1/sharing-communities"""

    @describes("List communities", tag=TAG, answers=CommunitySerializer, pages=True)
    def get(self, request: Request) -> Response:
        asked(request, Query, paged=True)
        found = communities_of_organization(organization=organization_of(request))
        return paged(request, found, order=("pk",), shown=CommunitySerializer)

    @describes(
        "Found a community", tag=TAG, sends=CommunitySendSerializer, answers=CommunitySerializer, status=201,
        example=EXAMPLE, description="Of homes of a grid area, settled every day from meter data.",
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        said, organization = sent(request, CommunitySendSerializer), organization_of(request)
        areas = grid_areas_of_organization(organization=organization)
        area = areas.filter(pk=said.pop("grid_area_id")).first()
        if area is None:
            raise SharingInvalidError("no such grid area")
        made = community_create(
            organization=organization, grid_area=area, actor=actor(request), now=clock.now(), **said
        )
        return Response(CommunitySerializer(made).data, status=201)


class CommunityView(AggregatorView):
    """GET, PATCH /api/v1/sharing-communities/{id}"""

    @describes("Show a community with its members", tag=TAG, answers=WholeCommunitySerializer)
    def get(self, request: Request, community_id: int) -> Response:
        asked(request, Query)
        return tagged(request, _with_members(community_or_404(request, community_id)))

    @describes(
        "Share by another key", tag=TAG, sends=KeySerializer, answers=WholeCommunitySerializer, example={"key": "static"},
        description="From the next settlement on.", tagged=True,
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, community_id: int) -> Response:
        said, community = sent(request, KeySerializer), community_or_404(request, community_id, locked=True)
        check_if_match(request, _with_members(community))
        changed = key_set(community=community, key=said["key"], actor=actor(request), now=clock.now())
        return tagged(request, _with_members(changed))


class MemberView(AggregatorView):
    """PUT, DELETE /api/v1/sharing-communities/{id}/members/{site}"""

    @describes(
        "Let a home share, or change its part", tag=TAG, sends=MemberSetSerializer, answers=SharingMemberSerializer,
        example={"part": 10}, description="`part` counts with a static or hybrid key, in any whole unit.",
    )  # fmt: skip
    def put(self, request: Request, community_id: int, site_id: int) -> Response:
        community, said = community_or_404(request, community_id), sent(request, MemberSetSerializer)
        site = sites_of_organization(organization=community.organization).filter(pk=site_id).first()
        if site is None:
            raise SharingInvalidError("no such home")
        member = member_set(
            community=community, site=site, part=said.get("part", 0), actor=actor(request), now=clock.now()
        )
        return Response(SharingMemberSerializer(member).data)

    @describes("Take a home out of a community", tag=TAG, status=204)
    def delete(self, request: Request, community_id: int, site_id: int) -> Response:
        community = community_or_404(request, community_id)
        member_remove(community=community, site_id=site_id, actor=actor(request), now=clock.now())
        return Response(status=204)


class SharingRunsView(AggregatorView):
    """GET, POST /api/v1/sharing-communities/{id}/runs"""

    @describes(
        "List each day's newest settlement", tag=TAG, answers=SharingRunSerializer, pages=True, query=SharingRunQuery
    )  # fmt: skip
    def get(self, request: Request, community_id: int) -> Response:
        wanted = asked(request, SharingRunQuery, paged=True)
        names = {"since": "date__gte", "before": "date__lt"}
        found = runs_of_community(community=community_or_404(request, community_id))
        chosen = found.filter(**{names[name]: value for name, value in wanted.items()})
        return paged(request, chosen, order=("-date", "-version"), shown=SharingRunSerializer)

    @describes(
        "Settle a day now", tag=TAG, sends=DaySerializer, answers=WholeSharingRunSerializer, status=201, also=200,
        example={"date": "2030-01-15"}, description="200 where nothing has changed since it was settled.",
    )  # fmt: skip
    def post(self, request: Request, community_id: int) -> Response:
        community, said = community_or_404(request, community_id), sent(request, DaySerializer)
        made = day_settle(community=community, day=said["date"], now=clock.now())
        run = made or _run_of_day(community, said["date"])
        return Response(_with_credits(run), status=201 if made else 200)


class SharingRunView(AggregatorView):
    """GET /api/v1/sharing-communities/{id}/runs/{run}"""

    @describes(
        "Show a settlement with every home's credits", tag=TAG, answers=WholeSharingRunSerializer,
        description="Interval by interval.",
    )  # fmt: skip
    def get(self, request: Request, community_id: int, run_id: int) -> Response:
        asked(request, Query)
        community = community_or_404(request, community_id)
        run = community.runs.filter(pk=run_id).first()
        if run is None:
            raise SharingUnknownError("no such settlement")
        return Response(_with_credits(run))


def community_or_404(request: Request, community_id: int, *, locked: bool = False) -> SharingCommunity:
    """Return the tenant's community."""
    held = communities_of_organization(organization=organization_of(request))
    found = held.filter(pk=community_id).first()
    if found is None:
        raise SharingUnknownError("no such community")
    if locked:  # a row of a counting query cannot be locked
        community_lock(community=found)
    return found


def _run_of_day(community: SharingCommunity, day: date) -> SharingRun:
    run = runs_of_community(community=community).filter(date=day).first()
    if run is None:
        raise SharingInvalidError("nobody shared on this day")
    return run


def _with_members(community: SharingCommunity) -> dict[str, Any]:
    members = SharingMemberSerializer(members_of_community(community=community), many=True).data
    return {**CommunitySerializer(community).data, "members": members}


def _with_credits(run: SharingRun) -> dict[str, Any]:
    lines = CreditSerializer(credits_of_run(run=run), many=True).data
    return {**SharingRunSerializer(run).data, "credits": lines}
