"""Operators' pages about markets."""

from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import markets
from apps.console.pages import show
from apps.markets.documents import account_statement, statement_csv, statement_pdf
from apps.markets.models import ClearingRun, Market
from apps.markets.selectors import month_before
from apps.sites.tenant_pages import tenant_of
from apps.sites.tenants import Tenant

FORMS = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


@require_GET
@signed_in
def market_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List the markets."""
    tenant = tenant_of(request, organization_id)
    return show(request, "markets", tenant=tenant, markets=markets.markets(organization=tenant.organization))


@require_http_methods(["GET", "POST"])
@signed_in
def market_detail(request: HttpRequest, organization_id: int, market_id: int) -> HttpResponse:
    """Show a market's book, prices and runs; pause or resume it."""
    tenant = tenant_of(request, organization_id)
    market, said, status = market_or_404(tenant, market_id), "", 200
    if request.method == "POST":
        try:
            reason = request.POST.get("reason", "")
            changed = markets.set_state(user=user_of(request), market=market, reason=reason, now=clock.now())
            messages.success(request, f"The market is {changed.state}.")
            return redirect("console:market", organization_id, market_id)
        except DomainError as error:
            said, status = error.detail, error.status
    shown = markets.market_view(
        market=market, zone=ZoneInfo(tenant.time_zone), now=clock.now(), before=_before(request, market),
        interval=request.GET.get("interval", ""),
    )  # fmt: skip
    return show(request, "market", tenant=tenant, shown=shown, said=said, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def run_detail(request: HttpRequest, organization_id: int, market_id: int, run_id: int) -> HttpResponse:
    """Show a run with its curves; replay it, cancel it, run it again."""
    tenant = tenant_of(request, organization_id)
    run, said, status = _run(market_or_404(tenant, market_id), run_id), "", 200
    if request.method == "POST":
        change = markets.redo if request.POST.get("do") == "again" else markets.undo
        try:
            made = change(
                user=user_of(request), run=run, reason=request.POST.get("reason", ""), now=clock.now()
            )
            return redirect("console:market_run", organization_id, market_id, made.pk)
        except DomainError as error:
            said, status = error.detail, error.status
            run.refresh_from_db()
    shown = markets.run_view(run=run, now=clock.now(), replay="replay" in request.GET)
    return show(request, "market_run", tenant=tenant, shown=shown, said=said, status=status)


@require_GET
@signed_in
def statement(
    request: HttpRequest, organization_id: int, market_id: int, participant_id: int, form: str
) -> HttpResponse:
    """Download a participant's account of the last thirty days as PDF or CSV."""
    tenant = tenant_of(request, organization_id)
    market = market_or_404(tenant, market_id)
    one = markets.participant_of(market=market, participant_id=participant_id)
    if one is None or form not in FORMS:
        raise Http404
    now = clock.now()
    made = account_statement(participant=one, starts_at=month_before(now), ends_at=now)
    headers = {"Content-Disposition": f'attachment; filename="market-{one.pk}-{now:%Y-%m-%d}.{form}"'}
    content: bytes | str = statement_csv(statement=made)
    if form == "pdf":
        content = statement_pdf(statement=made, zone=ZoneInfo(tenant.time_zone))
    return HttpResponse(content, content_type=FORMS[form], headers=headers)


def _before(request: HttpRequest, market: Market) -> ClearingRun | None:
    """The run that older ones are asked for, if one of this market is named."""
    text = request.GET.get("before", "")
    if not text:
        return None
    return _run(market, int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0)


def market_or_404(tenant: Tenant, market_id: int) -> Market:
    """Return one of the tenant's markets."""
    found = markets.market_of(organization=tenant.organization, market_id=market_id)
    if found is None:
        raise Http404
    return found


def _run(market: Market, run_id: int) -> ClearingRun:
    found = markets.run_of(market=market, run_id=run_id)
    if found is None:
        raise Http404
    return found
