"""Operators' pages that define a market and change its rules."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import market_rules, markets
from apps.console.pages import show
from apps.sites.tenant_pages import tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def market_new(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Define a market."""
    tenant, said, status = tenant_of(request, organization_id), "", 200
    if request.method == "POST":
        try:
            made = market_rules.create(
                user=user_of(request),
                organization=tenant.organization,
                sent=request.POST.dict(),
                now=clock.now(),
            )
            messages.success(request, "The market is open.")
            return redirect("console:market", organization_id, made.pk)
        except DomainError as error:
            said, status = error.detail, error.status
    sent = request.POST.dict() if said else None
    fields = market_rules.fields(organization=tenant.organization, market=None, sent=sent)
    return show(request, "market_rules", tenant=tenant, market=None, fields=fields, said=said, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def market_change(request: HttpRequest, organization_id: int, market_id: int) -> HttpResponse:
    """Show and change a market's rules."""
    tenant, said, status = tenant_of(request, organization_id), "", 200
    market = markets.market_of(organization=tenant.organization, market_id=market_id)
    if market is None:
        raise Http404
    if request.method == "POST":
        try:
            market_rules.change(
                user=user_of(request), market=market, sent=request.POST.dict(), now=clock.now()
            )
            messages.success(request, "Saved. The rules hold from the next gate on.")
            return redirect("console:market", organization_id, market_id)
        except DomainError as error:
            said, status = error.detail, error.status
    sent = request.POST.dict() if said else None
    fields = market_rules.fields(organization=tenant.organization, market=market, sent=sent)
    return show(
        request, "market_rules", tenant=tenant, market=market, fields=fields, said=said, status=status
    )
