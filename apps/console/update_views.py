"""Operators' pages of updates, and of the checks of one hub."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import selectors, updates
from apps.console.pages import show_live
from apps.sites.tenant_pages import tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def update_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show releases and campaigns; begin one."""
    tenant = tenant_of(request, organization_id)
    organization = tenant.organization
    said, status = "", 200
    if request.method == "POST":
        try:
            made = updates.start(
                user=user_of(request), organization=organization, sent=request.POST, now=clock.now()
            )
            return redirect("console:update", organization.pk, made.pk)
        except DomainError as error:
            said, status = error.detail, error.status
    rows = updates.campaign_rows(organization=organization)
    return show_live(
        request,
        "updates",
        tenant=tenant,
        releases=updates.releases(),
        rows=rows,
        is_open=any(row.campaign.is_open for row in rows),
        hubs=updates.updatable_hubs(organization=organization),
        sent=request.POST,
        said=said,
        status=status,
    )


@require_http_methods(["GET", "POST"])
@signed_in
def update_detail(request: HttpRequest, organization_id: int, campaign_id: int) -> HttpResponse:
    """Show a campaign ring by ring, with what failed and why; pause, resume or stop it."""
    tenant = tenant_of(request, organization_id)
    campaign = updates.campaign_of_organization(organization=tenant.organization, campaign_id=campaign_id)
    if campaign is None:
        raise Http404
    said, status = "", 200
    if request.method == "POST":
        try:
            updates.change(user=user_of(request), campaign=campaign, sent=request.POST, now=clock.now())
            return redirect("console:update", organization_id, campaign_id)
        except DomainError as error:
            said, status = error.detail, error.status
            campaign.refresh_from_db()
    row, troubles = updates.campaign_row(campaign), updates.troubles(campaign)
    return show_live(request, "update", tenant=tenant, row=row, troubles=troubles, said=said, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def hub_checks(request: HttpRequest, organization_id: int, hub_id: UUID) -> HttpResponse:
    """Show what a hub was asked for and its answers; ask."""
    tenant = tenant_of(request, organization_id)
    hub = selectors.hub_of_organization(organization=tenant.organization, hub_id=hub_id)
    if hub is None:
        raise Http404
    said, status = "", 200
    if request.method == "POST":
        try:
            updates.ask(
                user=user_of(request),
                organization=tenant.organization,
                hub=hub,
                name=request.POST.get("name", ""),
                now=clock.now(),
            )
            return redirect("console:hub_checks", organization_id, hub_id)
        except DomainError as error:
            said, status = error.detail, error.status
    return show_live(
        request,
        "hub_checks",
        tenant=tenant,
        hub=hub,
        can_answer="diagnostics" in hub.features,
        checks=updates.checks_of(hub),
        choices=updates.check_choices(),
        said=said,
        status=status,
    )
