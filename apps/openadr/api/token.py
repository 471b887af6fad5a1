"""Where clients get their tokens."""

from django.urls import reverse
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.openadr.api.base import OpenADRView


class AuthServerView(OpenADRView):
    """GET /auth/server: where tokens are issued"""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response({"tokenURL": request.build_absolute_uri(reverse("openadr-token"))})
