"""The page of what a household prefers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import is_fragment, signed_in
from apps.portal import preferences
from apps.portal.answers import answered
from apps.portal.homes import home_or_404, home_page


@require_http_methods(["GET", "POST"])
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the preferences, or what the hub says of them alone; take a changed form."""
    seen, now = home_or_404(request, site_id), clock.now()
    if request.method == "POST":
        return _save(request, site_id)
    shown = preferences.preferences_page(site=seen.site, standing=seen.standing, now=now)
    template = "portal/_preferences_told.html" if is_fragment(request) else "portal/preferences.html"
    return home_page(request, template, seen, shown=shown)


@require_POST
@signed_in
def undo(request: HttpRequest, site_id: int) -> HttpResponse:
    """Take the newest change back."""
    seen = home_or_404(request, site_id)
    return answered(
        request,
        lambda: preferences.undo(user=user_of(request), standing=seen.standing, now=clock.now()),
        said=_("The last change is taken back."),
        back=redirect("portal:preferences", site_id),
    )


def _save(request: HttpRequest, site_id: int) -> HttpResponse:
    seen = home_or_404(request, site_id)

    def save() -> str:
        changed = preferences.save(
            user=user_of(request), standing=seen.standing, sent=request.POST.dict(), now=clock.now()
        )
        return _("Saved.") if changed else _("Nothing to change: it was like that already.")

    return answered(request, save, back=redirect("portal:preferences", site_id))
