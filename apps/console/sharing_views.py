"""Operators' pages about communities that share their generation."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.console import sharing
from apps.console.pages import show
from apps.sites.tenant_pages import tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def community_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List the communities; found another."""
    tenant, said, status = tenant_of(request, organization_id), "", 200
    if request.method == "POST":
        try:
            made = sharing.found(
                user=user_of(request), organization=tenant.organization, sent=request.POST.dict(),
                zone=tenant.time_zone, now=clock.now(),
            )  # fmt: skip
            messages.success(request, "The community is founded. Now let homes share.")
            return redirect("console:sharing_community", organization_id, made.pk)
        except DomainError as error:
            said, status = error.detail, error.status
    return show(
        request, "sharing", tenant=tenant, said=said, sent=request.POST.dict(), status=status,
        communities=sharing.communities(organization=tenant.organization),
        form=sharing.found_form(organization=tenant.organization),
    )  # fmt: skip


@require_http_methods(["GET", "POST"])
@signed_in
def community_detail(request: HttpRequest, organization_id: int, community_id: int) -> HttpResponse:
    """Show a community's days, one of them home by home, and who shares; change that, settle a day now."""
    tenant, said, status = tenant_of(request, organization_id), "", 200
    community = sharing.community_of(organization=tenant.organization, community_id=community_id)
    if community is None:
        raise Http404
    if request.method == "POST":
        try:
            done = sharing.change(
                user=user_of(request), community=community, sent=request.POST.dict(), now=clock.now()
            )
            messages.success(request, done)
            return redirect(request.get_full_path())
        except DomainError as error:
            said, status = error.detail, error.status
            community.refresh_from_db()
    day = sharing.day_of(request.POST.get("date", "") or request.GET.get("date", ""))
    shown = sharing.community_view(community=community, day=day, find=request.GET.get("find", ""))
    return show(request, "sharing_community", tenant=tenant, shown=shown, said=said, status=status)
