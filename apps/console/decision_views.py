"""Operators' page of one decision."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.visitors import user_of
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import decisions
from apps.console.events import signal_of_organization
from apps.console.pages import show_live
from apps.console.steered_decisions import steered_changes, steered_decision
from apps.dispatch.models import Plan
from apps.dispatch.selectors import plan_of_signal
from apps.sites.tenant_pages import tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def decision(request: HttpRequest, organization_id: int, signal_id: UUID, revision: int) -> HttpResponse:
    """Show a plan's revision with its prices and reasons; replay it, or ask what else could have been."""
    tenant = tenant_of(request, organization_id)
    signal = signal_of_organization(organization=tenant.organization, signal_id=signal_id)
    plan = plan_of_signal(signal=signal, revision=revision) if signal else None
    if plan is None:
        raise Http404
    said, status = "", 200
    if request.method == "POST":
        try:
            token = decisions.ask(user=user_of(request), plan=plan, change=lambda: _change(plan, request))
            here = reverse("console:decision", args=[organization_id, signal_id, revision])
            return redirect(f"{here}?{urlencode({'answer': token})}#answer")
        except DomainError as error:
            said, status = error.detail, error.status
    said_to = {"plan": plan, "signal": signal, "sent": request.POST, "said": said}
    page_number, token = request.GET.get("page", "1"), request.GET.get("answer", "")
    zone = ZoneInfo(tenant.time_zone)
    if plan.is_steered:
        steered = steered_decision(plan=plan, zone=zone, page_number=page_number, token=token)
        return show_live(request, "steered_decision", tenant=tenant, shown=steered, status=status, **said_to)
    shown = decisions.decision(plan=plan, zone=zone, page_number=page_number, token=token, sent=request.POST)
    return show_live(request, "decision", tenant=tenant, shown=shown, status=status, **said_to)


def _change(plan: Plan, request: HttpRequest) -> dict[str, Any]:
    """What the form asks instead; nothing for a replay."""
    if request.POST.get("do") != "what_if":
        return {}
    return steered_changes(plan, request.POST) if plan.is_steered else decisions.changes(plan, request.POST)
