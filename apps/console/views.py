"""Operators' pages: who is looking, one call, render."""

from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.selectors import operated_organizations
from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError, ForbiddenError
from apps.common.pages import signed_in
from apps.console import baselines, events, hubs, selectors, services, signals
from apps.console.overview import overview
from apps.console.pages import refusing, show, show_live
from apps.hubs.models import Hub
from apps.sites.tenant_pages import tenant_of
from apps.sites.tenants import Tenant


@require_GET
@signed_in
def start(request: HttpRequest) -> HttpResponse:
    """Go to the first organization one works for."""
    organization = operated_organizations(user=user_of(request)).first()
    if organization is None:
        raise Http404
    return redirect("console:fleet", organization.pk)


@require_GET
@signed_in
def fleet(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show how the fleet is and what needs somebody now."""
    tenant = tenant_of(request, organization_id)
    zone = ZoneInfo(tenant.time_zone)
    shown = overview(organization=tenant.organization, zone=zone, now=clock.now())
    return show_live(request, "fleet", tenant=tenant, fleet=shown)


@require_GET
@signed_in
def event_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List the newest events."""
    tenant = tenant_of(request, organization_id)
    return show_live(
        request, "events", tenant=tenant, signals=events.signals_newest(organization=tenant.organization)
    )


@require_GET
@signed_in
def event_detail(request: HttpRequest, organization_id: int, signal_id: UUID) -> HttpResponse:
    """Show one event: what is asked, planned and delivered, and who does what."""
    tenant = tenant_of(request, organization_id)
    signal = events.signal_of_organization(organization=tenant.organization, signal_id=signal_id)
    if signal is None:
        raise Http404
    found = events.signal_page if signal.is_shed else signals.other_page
    shown = found(signal=signal, zone=ZoneInfo(tenant.time_zone), now=clock.now())
    return show_live(
        request, "event", tenant=tenant, event=shown, signal=signal, asks=signals.alert_asks(signal)
    )


@require_GET
@signed_in
def baseline_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List the programs with their baseline methods."""
    tenant = tenant_of(request, organization_id)
    return show_live(
        request, "baselines", tenant=tenant, rows=baselines.program_rows(organization=tenant.organization)
    )


@require_http_methods(["GET", "POST"])
@signed_in
def baseline(request: HttpRequest, organization_id: int, program_id: int) -> HttpResponse:
    """Show which method a program is measured by and which fits; choose one, or ask for a report."""
    tenant = tenant_of(request, organization_id)
    program = baselines.program_of_organization(organization=tenant.organization, program_id=program_id)
    if program is None:
        raise Http404
    said, status = "", 200
    if request.method == "POST":
        change = baselines.choose_baseline if request.POST.get("do") == "choose" else baselines.ask_for_report
        try:
            change(user=user_of(request), program=program, sent=request.POST, now=clock.now())
            return redirect("console:baseline", tenant.organization.pk, program.pk)
        except DomainError as error:
            said, status = error.detail, error.status
            program.refresh_from_db()
    shown = baselines.program_page(program=program, zone=ZoneInfo(tenant.time_zone))
    return show_live(request, "baseline", tenant=tenant, shown=shown, said=said, status=status)


@require_GET
@signed_in
@refusing
def hub_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show a page of hubs with their state; the table alone to a fragment's request."""
    tenant = tenant_of(request, organization_id)
    table = hubs.hub_table(
        organization=tenant.organization,
        chosen=hubs.HubFilter.read(request.GET),
        cursor=request.GET.get("at", ""),
    )
    return show_live(request, "hubs", tenant=tenant, table=table)


@require_http_methods(["GET", "POST"])
@signed_in
def hub_revoke(request: HttpRequest, organization_id: int, hub_id: UUID) -> HttpResponse:
    """Ask, then revoke a hub."""
    tenant = tenant_of(request, organization_id)
    hub = selectors.hub_of_organization(organization=tenant.organization, hub_id=hub_id)
    if hub is None:
        raise Http404
    if request.method == "POST":
        return _revoke(request, tenant, hub)
    return _revoke_page(request, tenant, hub)


def _revoke(request: HttpRequest, tenant: Tenant, hub: Hub) -> HttpResponse:
    organization = tenant.organization
    try:
        services.revoke_hub(user=user_of(request), organization=organization, hub_id=hub.pk, now=clock.now())
    except ForbiddenError:
        return _revoke_page(request, tenant, hub)
    messages.success(request, f"The hub of {hub.site or 'no home'} is revoked.")
    return redirect("console:hubs", organization.pk)


def _revoke_page(request: HttpRequest, tenant: Tenant, hub: Hub) -> HttpResponse:
    status = 200 if tenant.may_act else 403
    return show(request, "hub_revoke", tenant=tenant, section="hubs", status=status, hub=hub)
