"""The page of forecasts."""

from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.common import clock
from apps.common.pages import signed_in
from apps.console import forecasts as shown
from apps.console.pages import show_live
from apps.sites.tenant_pages import tenant_of


@require_GET
@signed_in
def forecasts(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show how good the day-ahead forecasts were, and one home's band against what came."""
    tenant = tenant_of(request, organization_id)
    found = shown.forecast_page(
        organization=tenant.organization,
        quantity=request.GET.get("quantity", "load"),
        site_id=request.GET.get("site", ""),
        page_number=request.GET.get("page", "1"),
        zone=ZoneInfo(tenant.time_zone),
        now=clock.now(),
    )
    if found is None:
        raise Http404
    return show_live(request, "forecasts", tenant=tenant, forecasts=found)
