"""Operators' pages of members and, for the platform's staff, of tenants."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from apps.accounts.members import (
    member_invite,
    member_remove,
    member_set_role,
    members_of_organization,
    tenant_create,
    tenants,
)
from apps.accounts.models import Membership
from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import page, signed_in
from apps.console.pages import show
from apps.sites.tenant_pages import posted, tenant_of


@require_http_methods(["GET", "POST"])
@signed_in
def member_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List who works for the tenant; invite somebody."""
    tenant = tenant_of(request, organization_id)

    def invite() -> HttpResponse:
        made = member_invite(
            organization=tenant.organization, email=request.POST.get("email", ""),
            role=request.POST.get("role", ""), actor=user_of(request).email, now=clock.now(),
        )  # fmt: skip
        messages.success(request, f"{made.user.email} is invited; an e-mail is on its way.")
        return redirect("console:members", organization_id)

    done, refused = posted(request, tenant, invite)
    rows = members_of_organization(organization=tenant.organization)
    roles = Membership.Role.choices
    return done or show(
        request, "members", tenant=tenant, rows=rows, roles=roles, sent=request.POST, **refused
    )


@require_http_methods(["GET", "POST"])
@signed_in
def member_detail(request: HttpRequest, organization_id: int, membership_id: int) -> HttpResponse:
    """Change a member's role, or ask and remove them."""
    tenant = tenant_of(request, organization_id)
    member = members_of_organization(organization=tenant.organization).filter(pk=membership_id).first()
    if member is None:
        raise Http404

    def change() -> HttpResponse:
        actor, now = user_of(request).email, clock.now()
        if request.POST.get("do") == "remove":
            member_remove(membership=member, actor=actor, now=now)
            messages.success(request, f"{member.user.email} works here no more.")
        else:
            member_set_role(membership=member, role=request.POST.get("role", ""), actor=actor, now=now)
            messages.success(request, f"{member.user.email} is {request.POST.get('role')} now.")
        return redirect("console:members", organization_id)

    done, refused = posted(request, tenant, change, is_question=True)
    return done or show(
        request,
        "member",
        tenant=tenant,
        section="members",
        member=member,
        roles=Membership.Role.choices,
        **refused,
    )


@require_http_methods(["GET", "POST"])
@signed_in
def tenant_list(request: HttpRequest) -> HttpResponse:
    """Show the platform's staff every tenant; create one with its first operator."""
    user = user_of(request)
    if not user.is_staff:
        raise Http404
    said, status = "", 200
    if request.method == "POST":
        try:
            sent = {name: request.POST.get(name, "") for name in ("name", "slug", "email")}
            made = tenant_create(user=user, now=clock.now(), **sent)
            messages.success(request, f"{made.name} is there; its first operator is invited by e-mail.")
            return redirect("console:tenants")
        except DomainError as error:
            said, status = error.detail, error.status
    held = {"rows": tenants(user=user), "said": said, "sent": request.POST, "section": "tenants"}
    return page(request, "console/tenants.html", held, status=status)
