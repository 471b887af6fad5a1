"""Pages of insights."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import signed_in
from apps.portal import insights
from apps.portal.answers import answered
from apps.portal.homes import home_or_404, home_page


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show what was noticed."""
    seen = home_or_404(request, site_id)
    return home_page(
        request, "portal/insights.html", seen, shown=insights.insights_page(site=seen.site, now=clock.now())
    )


@require_POST
@signed_in
def decide(request: HttpRequest, site_id: int, insight_id: int) -> HttpResponse:
    """Dismiss, snooze, call done, or undo."""
    seen = home_or_404(request, site_id)
    act = request.POST.get("act", "")
    return answered(
        request,
        lambda: insights.decide(
            user=user_of(request), site=seen.site, insight_id=insight_id, act=act, now=clock.now()
        ),
        said=_("Noted. You can undo it below."),
        back=redirect("portal:insights", site_id),
    )
