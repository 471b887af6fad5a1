"""Operators' pages of imports."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import imports
from apps.console.pages import show_live
from apps.sites.imports.selectors import report_lines
from apps.sites.models import SiteImport
from apps.sites.tenant_pages import tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def import_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List imports; upload a file to be checked."""
    tenant = tenant_of(request, organization_id)
    said, status = "", 200
    if request.method == "POST":
        try:
            made = imports.upload(
                user=user_of(request),
                organization=tenant.organization,
                file=request.FILES.get("file"),
                keep_good=request.POST.get("mode") == "keep_good",
                now=clock.now(),
            )
            return redirect("console:import", organization_id, made.pk)
        except DomainError as error:
            said, status = error.detail, error.status
    rows = imports.imports_newest(organization=tenant.organization)
    return show_live(request, "imports", tenant=tenant, rows=rows, said=said, status=status)


@require_http_methods(["GET", "POST"])
@signed_in
def import_detail(request: HttpRequest, organization_id: int, import_id: UUID) -> HttpResponse:
    """Show what a file would do, or did; write it or take it back."""
    tenant = tenant_of(request, organization_id)
    held = _import(request, organization_id, import_id=import_id)
    said, status = "", 200
    if request.method == "POST":
        try:
            imports.change(
                user=user_of(request), site_import=held, do=request.POST.get("do", ""), now=clock.now()
            )
            return redirect("console:import", organization_id, import_id)
        except DomainError as error:
            said, status = error.detail, error.status
            held.refresh_from_db()
    shown = imports.import_page(site_import=held, outcome=request.GET.get("outcome", ""))
    return show_live(request, "import", tenant=tenant, shown=shown, said=said, status=status)


@require_GET
@signed_in
def import_report(request: HttpRequest, organization_id: int, import_id: UUID) -> HttpResponse:
    """Download the report row by row."""
    held = _import(request, organization_id, import_id=import_id)
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id}.csv"'}
    lines = report_lines(site_import=held)
    return HttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _import(request: HttpRequest, organization_id: int, *, import_id: UUID) -> SiteImport:
    tenant = tenant_of(request, organization_id)
    found = imports.import_of(organization=tenant.organization, import_id=import_id)
    if found is None:
        raise Http404
    return found
