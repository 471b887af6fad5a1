"""Every request has a name, by which its answer and what was logged of it are found again."""

import re
from collections.abc import Callable
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
_FORM = re.compile(r"\A[A-Za-z0-9._-]{8,64}\Z")


class RequestIdMiddleware:
    """Take the caller's name for a request where it is a sound one, else make one up; say it in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        named = request_id(request)
        response = self.get_response(request)
        response.headers.setdefault(HEADER, named)
        return response


def request_id(request: HttpRequest) -> str:
    """Return a request's name."""
    held = request.META.get("ores.request_id")
    if held is None:
        sent = request.headers.get(HEADER, "")
        held = request.META["ores.request_id"] = sent if _FORM.match(sent) else uuid4().hex
    return str(held)
