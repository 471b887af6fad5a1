"""Operators' pages about events."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.common import clock
from apps.common.pages import signed_in
from apps.openadr.models import EventObject
from apps.openadr.pages.events import CANCELED, LIFE, RELAYED, Wanted, event_of, event_page, event_rows
from apps.openadr.pages.shared import posted, show, tenant_of, user_of
from apps.openadr.services.operators import event_withdraw
from apps.programs.models import GridSignal
from apps.programs.selectors import programs_of_organization
from apps.sites.tenants import Tenant


@require_GET
@signed_in
def event_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List events with their life."""
    tenant = tenant_of(request, organization_id)
    wanted = Wanted(**{name: request.GET.get(name, "")[:40] for name in ("program", "state", "kind")})
    page, rows = event_rows(
        organization=tenant.organization, wanted=wanted, page_number=request.GET.get("page", "1")
    )
    held: dict[str, Any] = {
        "programs": programs_of_organization(organization=tenant.organization),
        "states": [*LIFE, CANCELED, RELAYED],
        "kinds": GridSignal.Kind.choices,
    }
    return show(request, "events", tenant=tenant, tab="events", page=page, rows=rows, wanted=wanted, **held)


@require_GET
@signed_in
def event_detail(request: HttpRequest, organization_id: int, object_id: str) -> HttpResponse:
    """Show what an event asks, what became of it and what was answered."""
    tenant = tenant_of(request, organization_id)
    shown = event_page(event=_event(tenant, object_id))
    return show(request, "event", tenant=tenant, tab="events", shown=shown, event=shown.row.event)


@require_http_methods(["GET", "POST"])
@signed_in
def event_cancel(request: HttpRequest, organization_id: int, object_id: str) -> HttpResponse:
    """Ask, then cancel an event."""
    tenant = tenant_of(request, organization_id)
    event = _event(tenant, object_id)

    def cancel() -> HttpResponse:
        event_withdraw(event=event, actor=user_of(request).email, now=clock.now())
        messages.success(request, "Canceled. Homes are released and VENs are told.")
        return redirect("openadr_pages:event", organization_id, object_id)

    done, refused = posted(request, tenant, cancel, is_question=True)
    return done or show(request, "event_cancel", tenant=tenant, tab="events", event=event, **refused)


def _event(tenant: Tenant, object_id: str) -> EventObject:
    found = event_of(organization=tenant.organization, object_id=object_id)
    if found is None:
        raise Http404
    return found
