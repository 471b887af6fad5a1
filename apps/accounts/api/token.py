"""Where programs and the apps of people get their tokens."""

import base64
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from oauth2_provider.views import TokenView as OAuthTokenView

from apps.common.throttles import TokenRateThrottle


class TokenView(OAuthTokenView):  # type: ignore[misc]
    """POST: client credentials, an authorization code with its PKCE verifier, or a refresh token"""

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
