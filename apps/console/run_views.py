"""Operators' pages of settlement runs: what waits, what one pays, and the decisions about it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import signed_in
from apps.console import runs
from apps.console.pages import refusing, show
from apps.settlement.models import SettlementRun
from apps.sites.tenant_pages import posted, tenant_of
from apps.sites.tenants import Tenant


@require_http_methods(["GET", "POST"])
@signed_in
@refusing
def run_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List runs; set whether two people are needed."""
    tenant = tenant_of(request, organization_id)
    done, refused = posted(
        request,
        tenant,
        lambda: runs.set_rule(
            organization=tenant.organization, user=user_of(request), sent=request.POST, now=clock.now()
        ),
    )
    if done:
        messages.success(request, done)
        return redirect("console:runs", organization_id)
    shown = runs.run_list(
        organization=tenant.organization,
        program=request.GET.get("program", ""),
        state=request.GET.get("state", ""),
        cursor=request.GET.get("at", ""),
    )
    return show(request, "runs", tenant=tenant, shown=shown, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def run_detail(request: HttpRequest, organization_id: int, run_id: int) -> HttpResponse:
    """Show a run beside the version before; approve it, note its payment, or run it again."""
    tenant = tenant_of(request, organization_id)
    run = _run(tenant, run_id)
    done, refused = posted(
        request,
        tenant,
        lambda: runs.decide(run=run, user=user_of(request), sent=request.POST, now=clock.now()),
    )
    if done:
        messages.success(request, done.said)
        return redirect("console:run", organization_id, done.run_id)
    shown = runs.run_page(run=_run(tenant, run_id), page_number=request.GET.get("page", "1"))
    return show(request, "run", tenant=tenant, shown=shown, sent=request.POST, **refused)


@require_GET
@signed_in
def run_payouts(request: HttpRequest, organization_id: int, run_id: int) -> HttpResponseBase:
    """Download an approved run's payouts for the bank."""
    tenant = tenant_of(request, organization_id)
    run = _run(tenant, run_id)
    lines = runs.payout_lines(run=run, user=user_of(request), now=clock.now())
    if lines is None:
        raise Http404
    name = f"payouts-{run.signal_id}-{run.version}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _run(tenant: Tenant, run_id: int) -> SettlementRun:
    found = runs.run_of_organization(organization=tenant.organization, run_id=run_id)
    if found is None:
        raise Http404
    return found
