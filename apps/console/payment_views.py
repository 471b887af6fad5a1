"""Operators' pages about payments: rules, objections, downloads."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import payments
from apps.console.pages import show
from apps.programs.selectors import programs_of_organization
from apps.settlement.documents import run_csv
from apps.settlement.selectors import disputes_of_organization, runs_of_organization
from apps.sites.tenant_pages import tenant_of

NEWEST = 200


@require_GET
@signed_in
def program_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List what each program pays."""
    tenant = tenant_of(request, organization_id)
    found = programs_of_organization(organization=tenant.organization)
    return show(request, "payments", tenant=tenant, programs=found)


@require_http_methods(["GET", "POST"])
@signed_in
def payment_rules(request: HttpRequest, organization_id: int, program_id: int) -> HttpResponse:
    """Show a program's rule, try another on past events, and make it the program's."""
    tenant = tenant_of(request, organization_id)
    program = payments.program_of_organization(organization=tenant.organization, program_id=program_id)
    if program is None:
        raise Http404
    sent, said, status, preview = request.POST if request.method == "POST" else None, "", 200, None
    if sent is not None:
        try:
            if sent.get("do") == "save":
                payments.save(user=user_of(request), program=program, sent=sent, now=clock.now())
                messages.success(request, "Saved. Events that are not settled yet are paid by this rule.")
                return redirect("console:payment_rules", organization_id, program_id)
            preview = payments.preview(program=program, sent=sent)
        except DomainError as error:
            said, status = error.detail, error.status
            program.refresh_from_db()
    fields = payments.rule_fields(program=program, sent=sent)
    return show(
        request,
        "payment_rules",
        tenant=tenant,
        program=program,
        fields=fields,
        preview=preview,
        said=said,
        status=status,
    )


@require_GET
@signed_in
def run_download(request: HttpRequest, organization_id: int, signal_id: UUID, version: int) -> HttpResponse:
    """Download a settlement run with a line for each home."""
    tenant = tenant_of(request, organization_id)
    run = (
        runs_of_organization(organization=tenant.organization)
        .filter(signal_id=signal_id, version=version)
        .first()
    )
    if run is None:
        raise Http404
    name = f"settlement-{signal_id}-{version}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(run_csv(run=run), content_type="text/csv; charset=utf-8", headers=headers)


@require_GET
@signed_in
def dispute_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List objections, open ones first."""
    tenant = tenant_of(request, organization_id)
    found = disputes_of_organization(organization=tenant.organization)[:NEWEST]
    return show(request, "disputes", tenant=tenant, disputes=found)


@require_http_methods(["GET", "POST"])
@signed_in
def dispute_detail(request: HttpRequest, organization_id: int, dispute_id: int) -> HttpResponse:
    """Show an objection and answer it."""
    tenant = tenant_of(request, organization_id)
    shown = payments.dispute_page(organization=tenant.organization, dispute_id=dispute_id)
    if shown is None:
        raise Http404
    said, status = "", 200
    if request.method == "POST":
        try:
            payments.answer(user=user_of(request), shown=shown, sent=request.POST, now=clock.now())
            return redirect("console:dispute", organization_id, dispute_id)
        except DomainError as error:
            said, status = error.detail, error.status
            shown.dispute.refresh_from_db()
    return show(request, "dispute", tenant=tenant, shown=shown, sent=request.POST, said=said, status=status)
