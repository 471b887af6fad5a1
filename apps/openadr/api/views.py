"""OpenADR 3.1 paths for utilities: programs, events, reports, and how to get a token."""

import base64
from typing import Any, TypeVar

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from oauth2_provider.views import TokenView as OAuthTokenView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.authentication import partner
from apps.common import clock
from apps.common.throttles import TokenRateThrottle
from apps.openadr import selectors, services
from apps.openadr.api.base import OpenADRView, id_in_query, is_object_id, page
from apps.openadr.models import EventObject, ProgramObject, ReportObject, WireObject

W = TypeVar("W", bound=WireObject)


def object_or_404(kind: type[W], request: Request, object_id: str) -> W:
    """Return the tenant's object or raise Http404."""
    held = selectors.objects_of(kind=kind, organization=partner(request).organization)
    found = held.filter(pk=object_id).first() if is_object_id(object_id) else None
    if found is None:
        raise Http404
    return found


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


class ProgramsView(OpenADRView):
    """/programs"""

    scopes = {"GET": "read_all", "POST": "write_programs"}

    def get(self, request: Request) -> Response:
        found = selectors.objects_of(kind=ProgramObject, organization=partner(request).organization)
        return Response([services.wire(one) for one in page(request, found)])  # type: ignore[arg-type]

    def post(self, request: Request) -> Response:
        made = services.program_object_create(
            client=partner(request), body=self.body(request), now=clock.now()
        )
        return Response(services.wire(made), status=201)


class ProgramView(OpenADRView):
    """/programs/{programID}"""

    scopes = {"GET": "read_all"}

    def get(self, request: Request, object_id: str) -> Response:
        return Response(services.wire(object_or_404(ProgramObject, request, object_id)))


class EventsView(OpenADRView):
    """/events"""

    scopes = {"GET": "read_all", "POST": "write_events"}

    def get(self, request: Request) -> Response:
        found = selectors.events_of_program(
            organization=partner(request).organization, program_id=id_in_query(request, "programID")
        )
        return Response([services.wire(one) for one in page(request, found)])  # type: ignore[arg-type]

    def post(self, request: Request) -> Response:
        made = services.event_object_create(client=partner(request), body=self.body(request), now=clock.now())
        return Response(services.wire(made), status=201)


class EventView(OpenADRView):
    """/events/{eventID}"""

    scopes = {"GET": "read_all", "PUT": "write_events", "DELETE": "write_events"}

    def event(self, request: Request, object_id: str) -> EventObject:
        return object_or_404(EventObject, request, object_id)

    def get(self, request: Request, object_id: str) -> Response:
        return Response(services.wire(self.event(request, object_id)))

    def put(self, request: Request, object_id: str) -> Response:
        event = self.event(request, object_id)
        changed = services.event_object_replace(
            event=event, client=partner(request), body=self.body(request), now=clock.now()
        )
        return Response(services.wire(changed))

    def delete(self, request: Request, object_id: str) -> Response:
        event = self.event(request, object_id)
        shown = services.wire(event)
        services.event_object_delete(event=event, now=clock.now())
        return Response(shown)


class ReportsView(OpenADRView):
    """/reports"""

    scopes = {"GET": "read_all"}

    def get(self, request: Request) -> Response:
        found = selectors.reports_of_event(
            organization=partner(request).organization,
            event_id=id_in_query(request, "eventID"),
            program_id=id_in_query(request, "programID"),
        )
        return Response([services.wire(one) for one in page(request, found)])  # type: ignore[arg-type]


class ReportView(OpenADRView):
    """/reports/{reportID}"""

    scopes = {"GET": "read_all"}

    def get(self, request: Request, object_id: str) -> Response:
        return Response(services.wire(object_or_404(ReportObject, request, object_id)))
