"""Adding a hub: its claim code typed or scanned, then what becomes of it, step by step."""

from datetime import UTC, datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import is_fragment, signed_in
from apps.portal import services
from apps.portal.homes import home_or_404, home_page
from apps.portal.hub_progress import hub_progress
from apps.portal.phrases import say


@require_http_methods(["GET", "POST"])
@signed_in
def hub_add(request: HttpRequest, site_id: int) -> HttpResponse:
    """Let the owner type or scan the claim code of a new hub."""
    seen = home_or_404(request, site_id, right="devices")
    code, said, status = request.POST.get("code", ""), "", 200
    if request.method == "POST":
        try:
            services.claim_hub(
                user=user_of(request), site=seen.site, code=code, machine_now=datetime.now(UTC), now=clock.now(),
                replaces="replace" in request.POST,
            )  # fmt: skip
        except DomainError as error:
            said, status = say(error.detail), error.status
        else:
            messages.success(request, _("Your hub belongs to this home now. It will report within a minute."))
            return redirect("portal:hub_progress", site_id)
    response = home_page(request, "portal/hub_add.html", seen, status=status, code=code, said=said)
    response.headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    return response


@require_GET
@signed_in
def progress(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show how far the new hub got, or that alone to a fragment's request."""
    seen = home_or_404(request, site_id, right="devices")
    template = "portal/_hub_progress.html" if is_fragment(request) else "portal/hub_progress.html"
    return home_page(request, template, seen, shown=hub_progress(site=seen.site, now=clock.now()))
