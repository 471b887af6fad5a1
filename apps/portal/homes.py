"""The home that a request is about."""

from django.http import Http404, HttpRequest

from apps.accounts.models import User
from apps.common import clock
from apps.common.pages import is_fragment
from apps.portal import selectors
from apps.portal.selectors import Home
from apps.sites.households import look_note
from apps.sites.rights import Right


def home_or_404(request: HttpRequest, site_id: int, *, right: Right = "see") -> Home:
    """Return the home, for who holds this right there; what others look at, its owner can read."""
    assert isinstance(request.user, User)  # signed_in has seen to it
    found = selectors.home(user=request.user, site_id=site_id, right=right)
    if found is None:
        raise Http404
    if request.method == "GET" and not is_fragment(request) and request.resolver_match is not None:
        what = request.resolver_match.url_name or ""
        look_note(standing=found.standing, user=request.user, page=what, now=clock.now())
    return found
