"""The page of consents, of copies of one's data, and of their end."""

from collections.abc import Callable
from datetime import UTC, datetime

from allauth.account.decorators import reauthentication_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.pages import is_fragment, signed_in
from apps.portal import privacy
from apps.portal.answers import answered
from apps.portal.homes import home_or_404, home_page
from apps.portal.selectors import Home
from apps.privacy import deletions, exports


@require_GET
@signed_in
def overview(request: HttpRequest, site_id: int) -> HttpResponse:
    """Show the page, or how far a copy has come alone."""
    seen = home_or_404(request, site_id)
    shown = privacy.privacy_page(site=seen.site, user=user_of(request))
    template = "portal/_exports.html" if is_fragment(request) else "portal/privacy.html"
    return home_page(request, template, seen, shown=shown)


@require_POST
@signed_in
def consent(request: HttpRequest, site_id: int, purpose: str) -> HttpResponse:
    """Give or withdraw one consent."""
    text, given = request.POST.get("version", ""), request.POST.get("given") == "yes"
    version = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0

    def change(seen: Home) -> str:
        privacy.consent_say(
            user=user_of(request),
            site=seen.site,
            purpose=purpose,
            version=version,
            given=given,
            now=clock.now(),
        )
        return _("Given. You can withdraw it at any time.") if given else _("Withdrawn. It counts at once.")

    return _do(request, site_id, change=change)


@require_POST
@signed_in
def export(request: HttpRequest, site_id: int) -> HttpResponse:
    """Ask for a copy of everything stored."""

    def change(seen: Home) -> str:
        exports.export_ask(site=seen.site, user=user_of(request), now=clock.now())
        return _("Your copy is being made.")

    return _do(request, site_id, change=change)


@require_GET
@signed_in
def download(request: HttpRequest, site_id: int, export_id: int) -> HttpResponse:
    """Download a copy."""
    seen = home_or_404(request, site_id)
    try:
        content = exports.export_take(
            site=seen.site, user=user_of(request), export_id=export_id, now=clock.now()
        )
    except DomainError as error:
        raise Http404 from error
    headers = {"Content-Disposition": f'attachment; filename="home-{site_id}.zip"'}
    return HttpResponse(content, content_type="application/zip", headers=headers)


@require_http_methods(["GET", "POST"])
@signed_in
@reauthentication_required  # type: ignore[untyped-decorator]
def delete_home(request: HttpRequest, site_id: int) -> HttpResponse:
    """Say what is deleted and what is kept; take the owner's word."""
    seen = home_or_404(request, site_id)
    if request.method == "GET":
        shown = privacy.privacy_page(site=seen.site, user=user_of(request))
        return home_page(request, "portal/delete_home.html", seen, shown=shown)

    def change(seen: Home) -> str:
        deletions.deletion_ask(
            site=seen.site, user=user_of(request), machine_now=datetime.now(UTC), now=clock.now()
        )
        return _("Your home will be deleted in 14 days. Until then you can take that back.")

    return _do(request, site_id, change=change)


@require_POST
@signed_in
def undo_delete(request: HttpRequest, site_id: int) -> HttpResponse:
    """Take a deletion back."""

    def change(seen: Home) -> str:
        deletions.deletion_undo(site=seen.site, user=user_of(request), now=clock.now())
        return _("Nothing is deleted. Everything stays as it is.")

    return _do(request, site_id, change=change)


def _do(request: HttpRequest, site_id: int, *, change: Callable[[Home], str]) -> HttpResponse:
    seen = home_or_404(request, site_id)
    return answered(request, lambda: change(seen), back=redirect("portal:privacy", site_id))
