"""Pages of insights."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import signed_in
from apps.portal import insights
from apps.portal.homes import home_or_404
from apps.portal.phrases import refused
from apps.portal.views import _page, _user


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show what was noticed."""
    seen = home_or_404(request, site_id)
    return _page(
        request, "portal/insights.html", seen, shown=insights.insights_page(site=seen.site, now=clock.now())
    )


@require_POST
@signed_in
def decide(request: HttpRequest, site_id: int, insight_id: int) -> HttpResponse:
    """Dismiss, snooze, call done, or undo."""
    seen = home_or_404(request, site_id)
    try:
        insights.decide(
            user=_user(request),
            site=seen.site,
            insight_id=insight_id,
            act=request.POST.get("act", ""),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, refused(error))
    else:
        messages.success(request, _("Noted. You can undo it below."))
    return redirect("portal:insights", site_id)
