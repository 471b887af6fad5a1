"""Operators' pages of incidents and their rules."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.visitors import user_of
from apps.alerts.acknowledging import SNOOZES
from apps.alerts.errors import IncidentUnknownError
from apps.alerts.incident_selectors import Wish, incident_page
from apps.alerts.models import IncidentKind, Severity
from apps.alerts.rules import rules_of_organization
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import alerts
from apps.console.pages import show_live
from apps.sites.tenant_pages import tenant_of


@require_GET
@signed_in
def alert_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List incidents by state, kind and severity."""
    tenant = tenant_of(request, organization_id)
    now = clock.now()
    wish = Wish(
        state=request.GET.get("state", "open"),
        kind=request.GET.get("kind", ""),
        severity=request.GET.get("severity", ""),
        before=_number(request.GET.get("before", "")),
    )
    return show_live(
        request,
        "alerts",
        tenant=tenant,
        shown=incident_page(organization=tenant.organization, wish=wish, now=now),
        done=alerts.done(
            organization=tenant.organization, incident_id=_number(request.GET.get("done", "")), now=now
        ),
        kinds=IncidentKind.choices,
        severities=Severity.choices,
        query=request.GET.urlencode(),
        now=now,
    )


@require_GET
@signed_in
def alert_detail(request: HttpRequest, organization_id: int, incident_id: int) -> HttpResponse:
    """Show one incident and its life."""
    tenant = tenant_of(request, organization_id)
    try:
        shown = alerts.incident_detail(organization=tenant.organization, incident_id=incident_id)
    except IncidentUnknownError as error:
        raise Http404 from error
    return show_live(request, "alert", tenant=tenant, shown=shown, snoozes=list(SNOOZES), now=clock.now())


@require_POST
@signed_in
def alert_act(request: HttpRequest, organization_id: int, incident_id: int) -> HttpResponse:
    """Acknowledge, snooze, or take it back."""
    tenant = tenant_of(request, organization_id)
    try:
        alerts.act(
            user=user_of(request),
            organization=tenant.organization,
            incident_id=incident_id,
            sent=request.POST.dict(),
            now=clock.now(),
        )
    except IncidentUnknownError as error:
        raise Http404 from error
    except DomainError as error:
        messages.error(request, f"Nothing was changed: {error.detail}.")
        return redirect("console:alert", organization_id, incident_id)
    return redirect(f"{reverse('console:alerts', args=[organization_id])}?done={incident_id}")


@require_http_methods(["GET", "POST"])
@signed_in
def alert_rules(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Show from when on what is an incident; change one rule."""
    tenant = tenant_of(request, organization_id)
    said, status = "", 200
    if request.method == "POST":
        try:
            rule = alerts.rule_save(
                user=user_of(request), organization=tenant.organization, sent=request.POST.dict(), now=clock.now()
            )  # fmt: skip
            messages.success(request, f"{rule.label}: saved.")
            return redirect("console:alert_rules", organization_id)
        except DomainError as error:
            said, status = error.detail, error.status
    rules = rules_of_organization(organization=tenant.organization)
    return show_live(
        request,
        "alert_rules",
        tenant=tenant,
        rules=rules,
        severities=Severity.choices,
        said=said,
        status=status,
    )


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 18 else None
