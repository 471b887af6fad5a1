"""Operators' pages of sites: the table, its download, and one site with what may be done for it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import signed_in
from apps.console import site, site_acts, sites
from apps.console.pages import refusing, show
from apps.console.site_filter import SiteFilter
from apps.sites.models import Site
from apps.sites.tenant_pages import posted, tenant_of, zone_of
from apps.sites.tenants import Tenant


@require_GET
@signed_in
@refusing
def site_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show a page of the tenant's sites; the table alone where HTMX asks for it."""
    tenant = tenant_of(request, organization_id)
    table = sites.site_table(
        organization=tenant.organization,
        chosen=SiteFilter.read(request.GET),
        order=request.GET.get("order", "name"),
        cursor=request.GET.get("at", ""),
        now=clock.now(),
    )
    part = request.headers.get("HX-Target") == "sites-table"
    return show(request, "_sites" if part else "sites", tenant=tenant, section="sites", table=table)


@require_GET
@signed_in
def site_download(request: HttpRequest, organization_id: int) -> HttpResponseBase:
    """Stream what the filter lets through as CSV."""
    tenant = tenant_of(request, organization_id)
    now, chosen = clock.now(), SiteFilter.read(request.GET)
    site_acts.note_download(organization=tenant.organization, user=user_of(request), chosen=chosen, now=now)
    lines = sites.sites_csv(organization=tenant.organization, chosen=chosen, now=now)
    headers = {"Content-Disposition": 'attachment; filename="sites.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


@require_http_methods(["GET", "POST"])
@signed_in
def site_detail(request: HttpRequest, organization_id: int, site_id: int) -> HttpResponse:
    """Show one site; join it to a program or take it out."""
    tenant = tenant_of(request, organization_id)
    found = _site(tenant, site_id)
    done, refused = posted(
        request,
        tenant,
        lambda: site_acts.change_enrollment(
            site=found, user=user_of(request), sent=request.POST, now=clock.now()
        ),
    )
    if done:
        messages.success(request, done)
        return redirect("console:site", organization_id, site_id)
    shown = site.site_page(site=found, zone=zone_of(tenant), now=clock.now())
    return show(request, "site", tenant=tenant, shown=shown, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def site_opt_out(request: HttpRequest, organization_id: int, site_id: int, signal_id: UUID) -> HttpResponse:
    """Ask why, then say no to an event on a household's behalf."""
    tenant = tenant_of(request, organization_id)
    found = _site(tenant, site_id)
    signal = site.signal_of_site(site=found, signal_id=signal_id)
    if signal is None:
        raise Http404

    def opt_out() -> HttpResponse:
        site_acts.opt_out(
            site=found,
            signal=signal,
            user=user_of(request),
            reason=request.POST.get("reason", ""),
            now=clock.now(),
        )
        messages.success(request, f"{found.name} is out of {signal.name or 'the event'}.")
        return redirect("console:site", organization_id, site_id)

    done, refused = posted(request, tenant, opt_out, is_question=True)
    return done or show(request, "site_opt_out", tenant=tenant, site=found, signal=signal, **refused)


def _site(tenant: Tenant, site_id: int) -> Site:
    found = site.site_of_organization(organization=tenant.organization, site_id=site_id)
    if found is None:
        raise Http404
    return found
