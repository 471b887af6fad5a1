"""The home that a request is about, and how its pages are rendered."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse

from apps.accounts.visitors import user_of
from apps.common import clock
from apps.common.pages import is_fragment, page
from apps.portal import events, selectors
from apps.portal.selectors import Home
from apps.programs.models import GridSignal
from apps.sites.households import look_note
from apps.sites.rights import Right


def home_or_404(request: HttpRequest, site_id: int, *, right: Right = "see") -> Home:
    """Return the home, for who holds this right there; what others look at, its owner can read."""
    user = user_of(request)
    found = selectors.home(user=user, site_id=site_id, right=right)
    if found is None:
        raise Http404
    if request.method == "GET" and not is_fragment(request) and request.resolver_match is not None:
        what = request.resolver_match.url_name or ""
        look_note(standing=found.standing, user=user, page=what, now=clock.now())
    return found


def home_page(
    request: HttpRequest, template: str, seen: Home, *, status: int = 200, **context: object
) -> HttpResponse:
    """Render a page of a home, by its own clock."""
    held = {"home": seen, "site": seen.site, **context}
    return page(request, template, held, time_zone=seen.site.time_zone, status=status)


def signal_or_404(seen: Home, signal_id: UUID) -> GridSignal:
    """Return an event that is the home's."""
    signal = events.signal_of_home(site=seen.site, signal_id=signal_id)
    if signal is None:
        raise Http404
    return signal
