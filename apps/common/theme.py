"""Light or dark: what somebody chose is kept in a cookie, so that a page comes in it and never flashes."""

from typing import Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

Theme = Literal["system", "light", "dark"]
THEMES: tuple[Theme, ...] = ("system", "light", "dark")
COOKIE = "theme"
YEAR_S = 365 * 86_400


def theme_of(request: HttpRequest) -> Theme:
    """Return what was chosen; what the device says where nothing was."""
    chosen = request.COOKIES.get(COOKIE)
    return next((theme for theme in THEMES if theme == chosen), "system")


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep the choice in this browser and go back to the page."""
    chosen, back = request.POST.get("theme"), request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        back, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    response = redirect(back if safe else "/")
    if chosen in THEMES:
        response.set_cookie(
            COOKIE, chosen, max_age=YEAR_S, secure=settings.SECURE, httponly=True, samesite="Lax"
        )
    return response
