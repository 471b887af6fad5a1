"""The page on which an operator writes an event, sees what the fleet would answer, and sends it."""

from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.common import clock
from apps.common.errors import ConflictError, DomainError
from apps.common.pages import is_fragment, signed_in
from apps.dispatch.preview import PREVIEW_QUEUED, Wished, preview_found, preview_request
from apps.openadr.pages.asks import ASKS, grouped
from apps.openadr.pages.composer import STEPS_MIN, Form, body_of, digest_of, form_of, rows_of
from apps.openadr.pages.lists import program_of, programs_open, targets_known
from apps.openadr.pages.previews import shown_preview, vens_that_see
from apps.openadr.pages.shared import check_operator, show, tenant_of, user_of, zone_of
from apps.openadr.services.operators import event_compose
from apps.openadr.signals import concerns_homes, drafts_of
from apps.openadr.wire import understood
from apps.programs.models import Program
from apps.sites.tenants import Tenant
from vpp.protocols.openadr3.event import decode_event

SENT_S = 3600


@require_http_methods(["GET", "POST"])
@signed_in
def composer(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Write an event; look at the fleet's answer; send it."""
    tenant, now = tenant_of(request, organization_id), clock.now()
    sent = request.POST if request.method == "POST" else None
    form = form_of(sent, zone=zone_of(tenant), now=now, program=request.GET.get("program", ""))
    said: dict[str, Any] = {}
    status = 200
    if sent is not None:
        try:
            check_operator(tenant)
            if sent.get("do") in {"preview", "send", "send_anyway"}:
                program = program_of(organization=tenant.organization, program_id=form.program)
                body = body_of(form, program=program, zone=zone_of(tenant))
                if sent.get("do") == "preview":
                    said = _previewed(program, body)
                elif sent.get("do") == "send_anyway" or form.previewed == digest_of(body, program=program):
                    return _sent(request, tenant, program=program, body=body, once=form.once)
                else:
                    said = {"unseen": True}
        except DomainError as error:
            said, status = {"error": error.detail}, error.status
    return _page(request, tenant, form=form, status=status, **said)


def _previewed(program: Program, body: dict[str, Any]) -> dict[str, Any]:
    """Have the fleet's answer worked out; an event for VENs alone has none."""
    request = understood(decode_event, {**body, "programID": "preview"})
    drafts, targets = drafts_of(request=request, now=clock.now()), body.get("targets", [])
    said = {"digest": digest_of(body, program=program)}
    vens = vens_that_see(organization=program.organization, targets=targets)
    if not drafts or not concerns_homes(organization=program.organization, targets=targets):
        return {**said, "vens": vens, "only_vens": True, "program": program}
    wished = Wished(drafts[0], priority=request.priority, targets=targets)
    with transaction.atomic():
        token = preview_request(program=program, wished=wished)
    return {**said, "vens": vens, "program": program, "token": token, "answer": PREVIEW_QUEUED}


def _sent(
    request: HttpRequest, tenant: Tenant, *, program: Program, body: dict[str, Any], once: str
) -> HttpResponse:
    key = f"composed:{tenant.organization.pk}:{once}"
    if not cache.add(key, True, SENT_S):
        raise ConflictError("this event has been sent already; look at the list of events")
    try:
        event = event_compose(program=program, body=body, actor=user_of(request).email, now=clock.now())
    except DomainError:
        cache.delete(key)
        raise
    messages.success(request, "Sent. The fleet's plan follows within seconds.")
    return redirect("openadr_pages:event", tenant.organization.pk, event.pk)


@require_GET
@signed_in
def preview(request: HttpRequest, organization_id: int, program_id: int, token: str) -> HttpResponse:
    """Show how it goes with a preview, then the preview."""
    tenant = tenant_of(request, organization_id)
    program = program_of(organization=tenant.organization, program_id=str(program_id))
    answer = preview_found(program=program, token=token)
    if answer is None:
        raise Http404
    shown = shown_preview(answer, zone=zone_of(tenant))
    held: dict[str, Any] = {"program": program, "token": token, "answer": answer, "shown": shown}
    return show(request, "_preview", tenant=tenant, tab="composer", **held)


def _page(request: HttpRequest, tenant: Tenant, *, form: Form, status: int, **said: Any) -> HttpResponse:
    try:
        rows, trouble = rows_of(form, zone=zone_of(tenant)), ""
    except DomainError as error:
        rows, trouble = [], error.detail
    fragment = is_fragment(request) and request.POST.get("do") in {"table", "fill"}
    context: dict[str, Any] = {
        "form": form,
        "rows": rows,
        "trouble": trouble,
        "groups": grouped(),
        "ask": ASKS.get(form.ask),
        "steps": STEPS_MIN,
        "programs": programs_open(organization=tenant.organization),
        "known": targets_known(organization=tenant.organization),
        **said,
    }
    name = "_values" if fragment else "composer"
    return show(request, name, tenant=tenant, tab="composer", status=200 if fragment else status, **context)
