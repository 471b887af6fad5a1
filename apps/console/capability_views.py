"""The page that asks what the fleet can give."""

from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.common import clock
from apps.common.pages import signed_in
from apps.console.capability import capability_page
from apps.console.capacity import capacity_page
from apps.console.pages import show_live
from apps.sites.tenant_pages import tenant_of


@require_GET
@signed_in
def capability(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show what the fleet can give in a window."""
    tenant = tenant_of(request, organization_id)
    found = capability_page(
        organization=tenant.organization,
        asked=request.GET.dict(),
        zone=ZoneInfo(tenant.time_zone),
        now=clock.now(),
    )
    return show_live(request, "capability", tenant=tenant, capability=found)


@require_GET
@signed_in
def capacity(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show what could be given and taken in the next 24 hours."""
    tenant = tenant_of(request, organization_id)
    found = capacity_page(
        organization=tenant.organization,
        area=request.GET.get("area", ""),
        zone=ZoneInfo(tenant.time_zone),
        now=clock.now(),
    )
    return show_live(request, "capacity", tenant=tenant, capacity=found)
