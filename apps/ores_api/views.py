"""The doors of the ORES endpoints: find out who asks about which home, and let vpp.protocols.ores answer."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.common import clock
from apps.common.throttles import PersonRateThrottle, TenantRateThrottle
from apps.hubs.api.firmware import UpdateView
from apps.ores_api.home import CloudHome
from apps.sites.api.access import TokenAuthentication, access_of
from vpp.protocols.ores.description import description_json
from vpp.protocols.ores.problems import OresError
from vpp.protocols.ores.routes import MAX_BODY, Answer, answer, refusal
from vpp.protocols.ores.routes import Request as OresRequest


class OresView(APIView):
    """Every path and method of vpp.protocols.ores.routes."""

    authentication_classes = (TokenAuthentication, SessionAuthentication)
    permission_classes = (IsAuthenticated,)
    throttle_classes = (TenantRateThrottle, PersonRateThrottle)
    schema = None  # described by itself, at /ores/openapi.json

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Refuse bodies that are not read before anything looks into them."""
        refused = _unread(request)
        return rendered(refused) if refused else super().dispatch(request, *args, **kwargs)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Answer in JSON whatever was asked for; streams are made of these answers."""
        return super().perform_content_negotiation(request, force=True)

    def handle(self, request: Request) -> HttpResponse:
        """Answer."""
        query = {name: str(value) for name, value in request.GET.items()}
        access = access_of(request, site_id=query.pop("site_id", None))
        asked = OresRequest(
            str(request.method), request.path, query, request._request.body, rights=access.rights
        )
        return rendered(answer(CloudHome(access, now=clock.now()), asked))

    get = post = put = patch = delete = options = handle  # type: ignore[assignment]


@csrf_exempt
def firmware_update(request: HttpRequest) -> HttpResponseBase:
    """POST /device/firmware/update is a hub that asks for its version; everything else is about the home."""
    view = UpdateView if request.method == "POST" else OresView
    return view.as_view()(request)


def describe(request: HttpRequest) -> HttpResponse:
    """GET /ores/openapi.json"""
    if request.method not in {"GET", "HEAD"}:
        return rendered(refusal(OresError(405, "method_not_allowed", "this is only read")))
    return HttpResponse(description_json(), content_type="application/json")


def rendered(made: Answer) -> HttpResponse:
    """Return an answer as Django sends it."""
    response = HttpResponse(made.body(), status=made.status, content_type=made.content_type)
    response["Cache-Control"] = "no-store"
    if made.allow:
        response["Allow"] = made.allow
    return response


def _unread(request: HttpRequest) -> Answer | None:
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return refusal(OresError(400, "invalid", "a length is a number"))
    if length > MAX_BODY:
        return refusal(OresError(413, "body_too_large", f"a body has at most {MAX_BODY} bytes"))
    if length and request.content_type != "application/json":
        return refusal(OresError(415, "unsupported_media_type", "a body is application/json"))
    return None
