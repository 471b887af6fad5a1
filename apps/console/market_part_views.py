"""Operators' pages of a market's contracts, its network and its chain."""

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import market_agreements, market_network
from apps.console.market_views import market_or_404
from apps.console.pages import show
from apps.markets.models import Market
from apps.markets.network_files import Fault
from apps.sites.tenant_pages import tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def contracts(request: HttpRequest, organization_id: int, market_id: int) -> HttpResponse:
    """List a market's contracts; propose one, end one."""
    tenant = tenant_of(request, organization_id)
    market, said, status, typed = market_or_404(tenant, market_id), "", 200, {}
    if request.method == "POST":
        sent = request.POST.dict()
        try:
            if "contract" in sent:
                market_agreements.end(user=user_of(request), market=market, sent=sent, now=clock.now())
                messages.success(request, "Ended. What was traded by it stays.")
            else:
                zone = ZoneInfo(tenant.time_zone)
                market_agreements.propose(
                    user=user_of(request), market=market, sent=sent, zone=zone, now=clock.now()
                )
                messages.success(request, "Proposed. It holds once the seller agrees.")
            return redirect("console:market_contracts", organization_id, market_id)
        except DomainError as error:
            said, status, typed = error.detail, error.status, sent
    shown = market_agreements.contracts_page(market=market)
    return show(
        request, "market_contracts", tenant=tenant, shown=shown, said=said, typed=typed, status=status
    )


@require_http_methods(["GET", "POST"])
@signed_in
def network(request: HttpRequest, organization_id: int, market_id: int) -> HttpResponse:
    """Show a market's feeder; take a file of lines and ties in, or a tie away."""
    tenant = tenant_of(request, organization_id)
    market, said, status, faults = market_or_404(tenant, market_id), "", 200, list[Fault]()
    if request.method == "POST":
        try:
            faults = _network_change(request, market)
            if not faults:
                return redirect("console:market_network", organization_id, market_id)
            said, status = f"{len(faults)} rows are wrong" if len(faults) > 1 else "1 row is wrong", 400
        except DomainError as error:
            said, status = error.detail, error.status
    shown = market_network.network_page(market=market)
    return show(
        request, "market_network", tenant=tenant, shown=shown, said=said, faults=faults[:200], status=status
    )


@require_GET
@signed_in
def chain(request: HttpRequest, organization_id: int, market_id: int) -> HttpResponse:
    """Show who of a market is paid by which address."""
    tenant = tenant_of(request, organization_id)
    shown = market_agreements.chain_page(market=market_or_404(tenant, market_id))
    return show(request, "market_chain", tenant=tenant, shown=shown)


def _network_change(request: HttpRequest, market: Market) -> list[Fault]:
    tie = request.POST.get("tie", "")
    if tie:
        number = int(tie) if tie.isascii() and tie.isdigit() and len(tie) < 19 else 0
        market_network.remove_tie(user=user_of(request), market=market, tie_id=number, now=clock.now())
        messages.success(request, "The tie is taken away, from the next gate on.")
        return []
    rows, faults = market_network.upload(
        user=user_of(request), market=market, file=request.FILES.get("file"), now=clock.now()
    )
    if not faults:
        messages.success(request, f"{rows} row{'' if rows == 1 else 's'} written, from the next gate on.")
    return faults
