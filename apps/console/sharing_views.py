"""Operators' pages about communities that share their generation."""

from datetime import date

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import sharing
from apps.console.pages import show
from apps.sites.tenant_pages import tenant_of


@require_GET
@signed_in
def community_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List the communities."""
    tenant = tenant_of(request, organization_id)
    return show(
        request, "sharing", tenant=tenant, communities=sharing.communities(organization=tenant.organization)
    )


@require_http_methods(["GET", "POST"])
@signed_in
def community_detail(request: HttpRequest, organization_id: int, community_id: int) -> HttpResponse:
    """Show a community's days and one of them home by home; settle a day now."""
    tenant, said, status = tenant_of(request, organization_id), "", 200
    community = sharing.community_of(organization=tenant.organization, community_id=community_id)
    if community is None:
        raise Http404
    day = _day(request.POST.get("date", "") or request.GET.get("date", ""))
    if request.method == "POST":
        try:
            made = sharing.settle(user=user_of(request), community=community, day=day, now=clock.now())
            messages.success(
                request, "Settled." if made else "Nothing has changed since the last settlement."
            )
            return redirect("console:sharing_community", organization_id, community_id)
        except DomainError as error:
            said, status = error.detail, error.status
    shown = sharing.community_view(community=community, day=day)
    return show(request, "sharing_community", tenant=tenant, shown=shown, said=said, status=status)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
