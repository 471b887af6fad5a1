"""Operators' pages about programs and their rules."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.openadr.pages.programs import (
    change_undo,
    changes_of,
    program_rows,
    rules_of,
    rules_save,
    rules_sent,
)
from apps.openadr.pages.shared import check_operator, posted, show, tenant_of, user_of
from apps.openadr.selectors import operators_view
from apps.openadr.services import program_object_create
from apps.programs.models import Program


@require_http_methods(["GET", "POST"])
@signed_in
def program_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List programs; make another."""
    tenant = tenant_of(request, organization_id)

    def create() -> HttpResponse:
        viewer = operators_view(organization=tenant.organization)
        body: dict[str, Any] = {"programName": request.POST.get("name", "").strip()}
        made = program_object_create(viewer=viewer, body=body, now=clock.now())
        return redirect("openadr_pages:program", organization_id, made.program_id)

    done, refused = posted(request, tenant, create)
    rows = program_rows(organization=tenant.organization)
    return done or show(request, "programs", tenant=tenant, tab="programs", rows=rows, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def program_rules(request: HttpRequest, organization_id: int, program_id: int) -> HttpResponse:
    """Show a program's rules in words; change them, or take a change back."""
    tenant = tenant_of(request, organization_id)
    program = program_rows(organization=tenant.organization).filter(pk=program_id).first()
    if program is None:
        raise Http404
    rules, said, status = rules_of(program), "", 200
    if request.method == "POST":
        undo = request.POST.get("undo", "")
        rules = rules if undo else rules_sent(request.POST)
        try:
            check_operator(tenant)
            actor, now = user_of(request).email, clock.now()
            if undo.isdigit() and len(undo) < 18:
                change_undo(program=program, entry_id=int(undo), actor=actor, now=now)
            else:
                rules_save(program=program, rules=rules, actor=actor, now=now)
            messages.success(request, "Saved. Plans made from now on go by these rules.")
            return redirect("openadr_pages:program", organization_id, program_id)
        except DomainError as error:
            said, status = error.detail, error.status
            program.refresh_from_db()
    context = {
        "program": program,
        "rules": rules,
        "changes": changes_of(program),
        "scopes": Program.CapacityScope.choices,
    }
    return show(request, "program", tenant=tenant, tab="programs", said=said, status=status, **context)
