"""An aggregator's sites, what stands there, and who lives there."""

from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.views import AggregatorView, actor_of, organization_of
from apps.common import clock
from apps.common.errors import NotFoundError
from apps.common.rest.describe import describes
from apps.common.rest.etags import check_if_match, tagged
from apps.common.rest.paging import paged
from apps.common.rest.queries import Query, asked, sent
from apps.sites import editing
from apps.sites.api.lookups import site_or_404
from apps.sites.api.serializers import (
    RESOURCE,
    SITE,
    ResourceChangeSerializer,
    ResourceSerializer,
    SiteMemberSerializer,
    SiteQuery,
    SiteSerializer,
)
from apps.sites.models import Resource
from apps.sites.selectors import members_of_site, resources_at, sites_found


class SitesView(AggregatorView):
    """GET, POST /api/v1/sites"""

    @describes("List sites", tag="sites", answers=SiteSerializer, pages=True, query=SiteQuery)
    def get(self, request: Request) -> Response:
        wanted = asked(request, SiteQuery, paged=True)
        found = sites_found(organization=organization_of(request), **wanted)
        return paged(request, found, order=("pk",), shown=SiteSerializer)

    @describes(
        "Create a site", tag="sites", sends=SiteSerializer, answers=SiteSerializer, status=201, example=SITE
    )
    def post(self, request: Request) -> Response:
        made = editing.site_add(
            organization=organization_of(request), fields=sent(request, SiteSerializer), actor=actor_of(request),
            now=clock.now(),
        )  # fmt: skip
        return tagged(request, SiteSerializer(made).data, status=201)


class SiteView(AggregatorView):
    """GET, PATCH, DELETE /api/v1/sites/{id}"""

    @describes("Show a site", tag="sites", answers=SiteSerializer)
    def get(self, request: Request, site_id: int) -> Response:
        asked(request, Query)
        return tagged(request, SiteSerializer(site_or_404(request, site_id)).data)

    @describes(
        "Change a site", tag="sites", sends=SiteSerializer, answers=SiteSerializer, tagged=True,
        example={"reserve_soc": 0.3},
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, site_id: int) -> Response:
        site = site_or_404(request, site_id, locked=True)
        check_if_match(request, SiteSerializer(site).data)
        changes = sent(request, SiteSerializer, partial=True)
        changed = editing.site_set(site=site, changes=changes, actor=actor_of(request), now=clock.now())
        return tagged(request, SiteSerializer(changed).data)

    @describes(
        "Delete a site", tag="sites", status=204, tagged=True,
        description="Only one that nothing refers to: no hub, enrollment, statement or household.",
    )  # fmt: skip
    @transaction.atomic
    def delete(self, request: Request, site_id: int) -> Response:
        site = site_or_404(request, site_id, locked=True)
        check_if_match(request, SiteSerializer(site).data)
        editing.site_delete(site=site, actor=actor_of(request), now=clock.now())
        return Response(status=204)


class SiteMembersView(AggregatorView):
    """GET /api/v1/sites/{id}/members"""

    @describes("List a site's household", tag="sites", answers=SiteMemberSerializer, pages=True)
    def get(self, request: Request, site_id: int) -> Response:
        asked(request, Query, paged=True)
        found = members_of_site(site=site_or_404(request, site_id))
        return paged(request, found, order=("pk",), shown=SiteMemberSerializer)


class ResourcesView(AggregatorView):
    """GET, POST /api/v1/sites/{id}/resources"""

    @describes("List a site's resources", tag="resources", answers=ResourceSerializer, pages=True)
    def get(self, request: Request, site_id: int) -> Response:
        asked(request, Query, paged=True)
        found = resources_at(site=site_or_404(request, site_id))
        return paged(request, found, order=("pk",), shown=ResourceSerializer)

    @describes(
        "Describe a resource", tag="resources", sends=ResourceSerializer, answers=ResourceSerializer, status=201,
        example=RESOURCE, description="What the site's hub says of a resource with the same key takes its place.",
    )  # fmt: skip
    def post(self, request: Request, site_id: int) -> Response:
        site = site_or_404(request, site_id)
        made = editing.resource_add(
            site=site, fields=sent(request, ResourceSerializer), actor=actor_of(request), now=clock.now()
        )
        return tagged(request, ResourceSerializer(made).data, status=201)


class ResourceView(AggregatorView):
    """GET, PATCH, DELETE /api/v1/sites/{id}/resources/{resource_id}"""

    @describes("Show a resource", tag="resources", answers=ResourceSerializer)
    def get(self, request: Request, site_id: int, resource_id: int) -> Response:
        asked(request, Query)
        return tagged(request, ResourceSerializer(_resource(request, site_id, resource_id=resource_id)).data)

    @describes(
        "Change a resource", tag="resources", sends=ResourceChangeSerializer, answers=ResourceSerializer, tagged=True,
        example={"parameters": {"capacity_kwh": 12.0}},
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, site_id: int, resource_id: int) -> Response:
        held = _resource(request, site_id, resource_id=resource_id, locked=True)
        check_if_match(request, ResourceSerializer(held).data)
        changes = sent(request, ResourceChangeSerializer)
        changed = editing.resource_set(
            resource=held, changes=changes, actor=actor_of(request), now=clock.now()
        )
        return tagged(request, ResourceSerializer(changed).data)

    @describes("Delete a resource", tag="resources", status=204, tagged=True)
    @transaction.atomic
    def delete(self, request: Request, site_id: int, resource_id: int) -> Response:
        held = _resource(request, site_id, resource_id=resource_id, locked=True)
        check_if_match(request, ResourceSerializer(held).data)
        editing.resource_delete(resource=held, actor=actor_of(request), now=clock.now())
        return Response(status=204)


def _resource(request: Request, site_id: int, *, resource_id: int, locked: bool = False) -> Resource:
    rows = resources_at(site=site_or_404(request, site_id))
    found: Resource | None = (
        (rows.select_for_update(of=("self",)) if locked else rows).filter(pk=resource_id).first()
    )
    if found is None:
        raise NotFoundError("no such resource")
    return found
