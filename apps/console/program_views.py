"""Operators' pages of programs: what there is, its rules, who takes part, and many joining or leaving at once."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import signed_in
from apps.console import programs
from apps.console.pages import show
from apps.console.site_filter import SiteFilter
from apps.programs.models import Program
from apps.sites.tenant_pages import posted, tenant_of
from apps.sites.tenants import Tenant


@require_http_methods(["GET", "POST"])
@signed_in
def program_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List programs; create one."""
    tenant = tenant_of(request, organization_id)
    made, refused = posted(
        request,
        tenant,
        lambda: programs.create(
            organization=tenant.organization, user=user_of(request), sent=request.POST, now=clock.now()
        ),
    )
    if made is not None:
        messages.success(request, f"{made.name} is there. Set its rules, then enroll homes.")
        return redirect("console:program", organization_id, made.pk)
    rows = programs.program_rows(organization=tenant.organization)
    chosen = SiteFilter.read(request.GET)
    return show(request, "programs", tenant=tenant, rows=rows, chosen=chosen, sent=request.POST, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def program_detail(request: HttpRequest, organization_id: int, program_id: int) -> HttpResponse:
    """Show a program; change its rules, pause it, let it go on, or end it."""
    tenant = tenant_of(request, organization_id)
    program = _program(tenant, program_id)
    done, refused = posted(
        request,
        tenant,
        lambda: programs.change(program=program, user=user_of(request), sent=request.POST, now=clock.now()),
    )
    if done:
        messages.success(request, done)
        return redirect("console:program", organization_id, program_id)
    if refused["said"]:
        program.refresh_from_db()
    shown = programs.program_page(program=program)
    return show(request, "program", tenant=tenant, shown=shown, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def program_enrollment(request: HttpRequest, organization_id: int, program_id: int) -> HttpResponse:
    """Count whom a filter would let join or leave; then have them do so in the background."""
    tenant = tenant_of(request, organization_id)
    program = _program(tenant, program_id)
    sent = request.POST if request.method == "POST" else request.GET
    chosen = SiteFilter.read(sent)
    made, refused = posted(
        request,
        tenant,
        lambda: programs.enroll_many(
            program=program,
            user=user_of(request),
            chosen=chosen,
            kind=request.POST.get("do", ""),
            now=clock.now(),
        ),
    )
    if made is not None:
        return redirect("console:program", organization_id, program_id)
    shown = programs.enrollment_page(program=program, chosen=chosen)
    part = request.headers.get("HX-Target") == "enrollment-count"
    return show(
        request,
        "_enrollment_count" if part else "enrollment",
        tenant=tenant,
        section="enrollment",
        shown=shown,
        **refused,
    )


@require_GET
@signed_in
def enrollment_progress(request: HttpRequest, organization_id: int, program_id: int) -> HttpResponse:
    """Show how far the newest jobs are: a part of the program's page."""
    tenant = tenant_of(request, organization_id)
    shown = programs.program_page(program=_program(tenant, program_id))
    return show(request, "_enrollment_jobs", tenant=tenant, section="program", shown=shown)


def _program(tenant: Tenant, program_id: int) -> Program:
    found = programs.program_of_organization(organization=tenant.organization, program_id=program_id)
    if found is None:
        raise Http404
    return found
