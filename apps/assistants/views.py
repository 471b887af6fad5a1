"""The assistants' doors: find out who speaks, answer in the protocol's words, also where something is wrong."""

from typing import Any

from rest_framework import exceptions
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.models import User
from apps.assistants import alexa, google, shortcut
from apps.assistants.caller import Caller
from apps.common import clock
from apps.common.errors import DomainError
from apps.common.throttles import PersonRateThrottle
from apps.sites.api.access import Granted, TokenAuthentication, access_of

MAX_BODY = 65_536
Known = exceptions.APIException | DomainError


class IsPersonsApp(BasePermission):
    """A token that a person granted to an app: partners have the ORES endpoints."""

    message = "this door is for what people have connected"
    code = "person_required"

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, User) and isinstance(request.auth, Granted)


class BodyTooLargeError(exceptions.APIException):
    status_code = 413
    default_code = "body_too_large"
    default_detail = f"a body has at most {MAX_BODY} bytes"


class AssistantView(APIView):
    """One door: POST, JSON, a person's token."""

    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated, IsPersonsApp)
    throttle_classes = (PersonRateThrottle,)
    schema = None  # the protocols are their makers'

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse bodies that are not read before anything looks into them."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > MAX_BODY:
            raise BodyTooLargeError
        super().initial(request, *args, **kwargs)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Answer in JSON whatever was asked for."""
        return super().perform_content_negotiation(request, force=True)

    def caller(self, request: Request) -> Caller:
        """Return who speaks; `permission_classes` have seen to it that it is a person."""
        assert isinstance(request.user, User)
        assert isinstance(request.auth, Granted)
        return Caller(request.user, request.auth, clock.now())


class ProtocolView(AssistantView):
    """A door whose protocol has errors of its own."""

    def handle_exception(self, exc: Exception) -> Response:
        """Say what went wrong in the protocol's words; what nobody foresaw propagates."""
        if not isinstance(exc, Known):
            return super().handle_exception(exc)
        status = exc.status_code if isinstance(exc, exceptions.APIException) else exc.status
        response = Response(self.refused(exc), status=status)
        if status == 401:
            response["WWW-Authenticate"] = 'Bearer realm="ores"'
        wait = getattr(exc, "wait", None)
        if wait:
            response["Retry-After"] = str(int(wait) + 1)
        response.exception = True
        return response

    def refused(self, error: Known) -> dict[str, Any]:
        """Return the protocol's error."""
        raise error

    def body(self) -> object:
        """Return what was sent, as far as it could be read."""
        try:
            return self.request.data
        except exceptions.APIException:
            return {}


class GoogleView(ProtocolView):
    """POST /assistants/google"""

    def post(self, request: Request) -> Response:
        return Response(google.answer(self.caller(request), request.data))

    def refused(self, error: Known) -> dict[str, Any]:
        return google.refusal(self.body(), google.code_of(error))


class AlexaAuthentication(TokenAuthentication):
    """The token stands in the directive."""

    def shown(self, request: Request) -> str | None:
        return alexa.token_of(request.data)


class AlexaView(ProtocolView):
    """POST /assistants/alexa"""

    authentication_classes = (AlexaAuthentication,)

    def post(self, request: Request) -> Response:
        return Response(alexa.answer(self.caller(request), request.data))

    def refused(self, error: Known) -> dict[str, Any]:
        return alexa.refusal(self.body(), error)


class ShortcutView(AssistantView):
    """POST /assistants/shortcut"""

    def post(self, request: Request) -> Response:
        asked = shortcut.read(request.data)
        access = access_of(request, site_id=None if asked.site_id is None else str(asked.site_id))
        return Response({"say": shortcut.say(access, asked, now=clock.now())})
