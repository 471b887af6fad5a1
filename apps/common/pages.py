"""What both doors for people share: who is let in, and pages in the right time zone."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils import timezone
from django.views.decorators.cache import cache_control, never_cache

P = ParamSpec("P")


def signed_in(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Send strangers to the sign-in page; a fragment's request sends the whole page there. Browsers keep nothing."""
    return never_cache(_guarded(view))


def signed_in_kept(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Do the same for an answer with an ETag, which a person's own browser may keep and has to ask about."""
    return cache_control(private=True, no_cache=True)(_guarded(view))


def _guarded(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if is_fragment(request):
            return HttpResponse(headers={"HX-Redirect": resolve_url(settings.LOGIN_URL)})
        return redirect_to_login(request.get_full_path(), resolve_url(settings.LOGIN_URL))

    return guarded


def is_fragment(request: HttpRequest) -> bool:
    """Whether HTMX asks for a part of a page."""
    return "HX-Request" in request.headers


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, time_zone: str = "UTC", status: int = 200
) -> HttpResponse:
    """Render `template` with times in `time_zone`."""
    with timezone.override(ZoneInfo(time_zone)):
        return render(request, template, context, status=status)
