"""The map of the fleet and the pages of grid areas."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import areas, fleet_map
from apps.console.pages import show
from apps.console.site_filter import SiteFilter, filter_form
from apps.sites.tenant_pages import posted, tenant_of


@require_GET
@signed_in
def fleet_map_page(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show the map; its sites and outlines are asked for by its script."""
    tenant = tenant_of(request, organization_id)
    chosen = SiteFilter.read(request.GET)
    form = filter_form(organization=tenant.organization, chosen=chosen)
    extent = fleet_map.extent(organization=tenant.organization, chosen=chosen)
    return show(request, "map", tenant=tenant, form=form, extent=extent)


@require_GET
@signed_in
def map_cells(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Answer what stands in a part of the world."""
    tenant = tenant_of(request, organization_id)
    try:
        window = fleet_map.Window.read(request.GET)
    except DomainError as error:
        return JsonResponse({"code": error.code, "detail": error.detail}, status=error.status)
    chosen = SiteFilter.read(request.GET)
    return JsonResponse(fleet_map.clusters(organization=tenant.organization, chosen=chosen, window=window))


@require_GET
@signed_in
def map_outlines(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Answer the outlines of the tenant's grid areas."""
    tenant = tenant_of(request, organization_id)
    return JsonResponse(fleet_map.outlines(organization=tenant.organization))


@require_http_methods(["GET", "POST"])
@signed_in
def area_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List the grid areas; create one."""
    tenant = tenant_of(request, organization_id)
    made, refused = posted(
        request,
        tenant,
        lambda: areas.create(
            organization=tenant.organization, user=user_of(request), sent=request.POST, now=clock.now()
        ),
    )
    if made is not None:
        return redirect("console:area", organization_id, made.pk)
    rows = areas.area_rows(organization=tenant.organization)
    return show(request, "areas", tenant=tenant, rows=rows, sent=request.POST, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def area_detail(request: HttpRequest, organization_id: int, area_id: int) -> HttpResponse:
    """Show a grid area; change its name, limits, what feeds it, or its outline."""
    tenant = tenant_of(request, organization_id)
    area = areas.area_of_organization(organization=tenant.organization, area_id=area_id)
    if area is None:
        raise Http404
    done, refused = posted(
        request,
        tenant,
        lambda: areas.change(
            area=area,
            user=user_of(request),
            sent=request.POST,
            upload=request.FILES.get("outline"),
            now=clock.now(),
        ),
    )
    if done:
        messages.success(request, done)
        return redirect("console:area", organization_id, area_id)
    if refused["said"]:
        area.refresh_from_db()
    shown = areas.area_page(area=area)
    return show(request, "area", tenant=tenant, shown=shown, **refused)
