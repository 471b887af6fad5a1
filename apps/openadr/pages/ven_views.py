"""Operators' pages about VENs."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from apps.common import clock
from apps.common.pages import signed_in
from apps.openadr.pages.composer import ComposeError
from apps.openadr.pages.shared import posted, show, tenant_of, user_of
from apps.openadr.pages.vens import seen_by_ven, ven2b_of, ven_of, vens_page
from apps.openadr.services.operators import ven2b_let_in, ven2b_targets, ven_targets
from apps.openadr.vtn2b.selectors import events_shown_to


@require_GET
@signed_in
def ven_list(request: HttpRequest, organization_id: int) -> HttpResponse:
    """List VENs of both protocols and connections to utilities."""
    tenant = tenant_of(request, organization_id)
    return show(request, "vens", tenant=tenant, tab="vens", shown=vens_page(organization=tenant.organization))


@require_http_methods(["GET", "POST"])
@signed_in
def ven_detail(request: HttpRequest, organization_id: int, object_id: str) -> HttpResponse:
    """Show what a VEN of 3.1 sees; change its targets."""
    tenant, now = tenant_of(request, organization_id), clock.now()
    ven = ven_of(organization=tenant.organization, object_id=object_id)
    if ven is None:
        raise Http404

    def save() -> HttpResponse:
        ven_targets(ven=ven, targets=_targets(request), actor=user_of(request).email, now=now)
        messages.success(request, "Saved. At its next poll the VEN sees by these targets.")
        return redirect("openadr_pages:ven", organization_id, object_id)

    done, refused = posted(request, tenant, save)
    seen = seen_by_ven(ven=ven, now=now)
    return done or show(request, "ven", tenant=tenant, tab="vens", ven=ven, seen=seen, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def ven2b_detail(request: HttpRequest, organization_id: int, ven_id: int) -> HttpResponse:
    """Show what a VEN of 2.0b sees; change its targets."""
    tenant, now = tenant_of(request, organization_id), clock.now()
    ven = ven2b_of(organization=tenant.organization, ven_id=ven_id)
    if ven is None:
        raise Http404

    def save() -> HttpResponse:
        ven2b_targets(ven=ven, targets=_targets(request), actor=user_of(request).email, now=now)
        messages.success(request, "Saved. At its next poll the VEN is told of what it may see now.")
        return redirect("openadr_pages:ven2b", organization_id, ven_id)

    done, refused = posted(request, tenant, save)
    events = events_shown_to(ven=ven, now=now)
    return done or show(request, "ven2b", tenant=tenant, tab="vens", ven=ven, events=events, **refused)


@require_http_methods(["GET", "POST"])
@signed_in
def ven2b_create(request: HttpRequest, organization_id: int) -> HttpResponse:
    """Let a VEN of 2.0b in."""
    tenant = tenant_of(request, organization_id)

    def let_in() -> HttpResponse:
        names = ("name", "vtn_id", "fingerprint", "common_name")
        ven = ven2b_let_in(
            organization=tenant.organization, sent={name: request.POST.get(name, "").strip() for name in names},
            targets=_targets(request), actor=user_of(request).email, now=clock.now(),
        )  # fmt: skip
        messages.success(request, "Let in. Put its venID into the VEN's configuration.")
        return redirect("openadr_pages:ven2b", organization_id, ven.pk)

    done, refused = posted(request, tenant, let_in)
    return done or show(request, "ven2b_create", tenant=tenant, tab="vens", sent=request.POST, **refused)


def _targets(request: HttpRequest) -> list[str]:
    lines = [line.strip() for line in request.POST.get("targets", "")[:20_000].splitlines()]
    found = list(dict.fromkeys(line for line in lines if line))
    if any(len(one) > 128 or "\x00" in one for one in found):
        raise ComposeError("a target has at most 128 characters")
    return found
