"""Where and how clients get their tokens."""

import base64
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from oauth2_provider.views import TokenView as OAuthTokenView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.throttles import TokenRateThrottle
from apps.openadr.api.base import OpenADRView


class TokenView(OAuthTokenView):  # type: ignore[misc]
    """POST /auth/token: OAuth2 client credentials"""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        throttle = TokenRateThrottle()
        if not throttle.allow_request(request, self):  # type: ignore[arg-type]  # it reads the address only
            wait = {"Retry-After": str(int(throttle.wait() or 0) + 1)}
            return JsonResponse({"error": "slow_down"}, status=429, headers=wait)
        sent = [*request.POST.values(), _basic(request)]
        if any("\x00" in text for text in sent):  # the database could not look it up
            return JsonResponse({"error": "invalid_request"}, status=400)
        answer: HttpResponse = super().post(request, *args, **kwargs)
        return answer


def _basic(request: HttpRequest) -> str:
    _, _, text = request.headers.get("Authorization", "").partition(" ")
    try:
        return base64.b64decode(text).decode()
    except ValueError:
        return ""


class AuthServerView(OpenADRView):
    """GET /auth/server: where tokens are issued"""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response({"tokenURL": request.build_absolute_uri(reverse("openadr-token"))})
