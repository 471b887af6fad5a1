"""Where utilities' VTNs call the platform as their VEN: a call only says "look again"."""

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from apps.common import clock
from apps.openadr.ven3.connections import callback_is_authentic, connection_woken

LONGEST_ECHO = 256


@method_decorator(csrf_exempt, name="dispatch")
class CallbackView(View):
    """GET repeats a word to prove that we want to be called, POST wakes the conversation; the body is not read."""

    http_method_names = ["get", "post"]

    def get(self, request: HttpRequest, callback_key: str) -> HttpResponse:
        word = request.GET.get("echo", "")
        if callback_is_authentic(callback_key=callback_key, token=_token(request)) is None:
            return _text(404)
        if not 0 < len(word) <= LONGEST_ECHO or not word.isascii() or not word.isprintable():
            return _text(400)
        return _text(200, word)

    def post(self, request: HttpRequest, callback_key: str) -> HttpResponse:
        known = callback_is_authentic(callback_key=callback_key, token=_token(request))
        if not known:
            return _text(404 if known is None else 401)
        connection_woken(callback_key=callback_key, now=clock.now())
        return _text(200)


def _token(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _text(status: int, text: str = "") -> HttpResponse:
    answer = HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
