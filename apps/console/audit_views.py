"""Operators' pages of the audit log."""

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from apps.accounts.audit_log import audit_csv, audit_json
from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import signed_in
from apps.console import audit
from apps.console.pages import refusing, show
from apps.sites.tenant_pages import tenant_of, zone_of

EXPORTS = {"csv": (audit_csv, "text/csv; charset=utf-8"), "jsonl": (audit_json, "application/x-ndjson")}


@require_GET
@signed_in
@refusing
def entry_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Search the log; the list alone where HTMX asks for it."""
    tenant = tenant_of(request, organization_id)
    shown = audit.audit_list(organization=tenant.organization, sent=request.GET, zone=zone_of(tenant))
    part = request.headers.get("HX-Target") == "audit-list"
    return show(request, "_audit" if part else "audit", tenant=tenant, section="audit", shown=shown)


@require_GET
@signed_in
def entry_download(request: HttpRequest, organization_id: int, form: str) -> HttpResponseBase:
    """Stream what was found, as CSV or a JSON object a line."""
    tenant = tenant_of(request, organization_id)
    if form not in EXPORTS:
        raise Http404
    write, content_type = EXPORTS[form]
    found = audit.entries_taken(
        organization=tenant.organization,
        user=user_of(request),
        sent=request.GET,
        zone=zone_of(tenant),
        now=clock.now(),
    )
    headers = {"Content-Disposition": f'attachment; filename="audit-log.{form}"'}
    return StreamingHttpResponse(write(found), content_type=content_type, headers=headers)


@require_GET
@signed_in
def entry_detail(request: HttpRequest, organization_id: int, entry_id: int) -> HttpResponse:
    """Show one entry with what was before and after."""
    tenant = tenant_of(request, organization_id)
    shown = audit.entry_page(organization=tenant.organization, entry_id=entry_id)
    if shown is None:
        raise Http404
    return show(request, "audit_entry", tenant=tenant, section="audit", shown=shown)
