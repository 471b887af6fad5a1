"""What all OpenADR paths share: roles, scopes, the log of messages, and `problem` bodies as application/json."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import QuerySet
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.authentication import partner, scopes_of
from apps.accounts.models import ApiClient
from apps.common import clock
from apps.common.api import problem_handler
from apps.common.throttles import TenantRateThrottle, VenRateThrottle
from apps.openadr.api.log import note
from apps.openadr.api.query import page
from apps.openadr.errors import BodyError, ObjectUnknownError
from apps.openadr.models import SubscriptionObject, WireObject
from apps.openadr.notify.secrets import signing_secret
from apps.openadr.polls import is_object_id
from apps.openadr.selectors import Viewer, viewer_of, visible
from apps.openadr.services.shared import etag
from apps.openadr.wire import wire

SIGNING_HEADER = "X-ORES-Signing-Secret"

READ = {"GET", "HEAD"}


class Create(Protocol):
    """A service that stores a body."""

    def __call__(self, *, viewer: Viewer, body: dict[str, Any], now: Any) -> WireObject: ...


@dataclass(frozen=True)
class Kind:
    """A kind of object: which scopes it needs and which services write it."""

    model: type[WireObject]
    write_scope: str
    create: Create
    replace: Callable[..., WireObject]
    remove: Callable[..., WireObject]
    ven_scope: str = "read_ven_objects"


class ByRole(BasePermission):
    """A utility's or VEN's credential whose token has the scope that the role needs for the method."""

    message = "this needs a credential of another role, or a token with the right scope"

    def has_permission(self, request: Request, view: APIView) -> bool:
        client = request.auth
        if not isinstance(client, ApiClient) or not isinstance(view, OpenADRView):
            return False
        if client.role not in view.roles:
            return False
        return scope_for(request, view, role=client.role) in scopes_of(request)


def scope_for(request: Request, view: "OpenADRView", *, role: str) -> str:
    """Return the scope that the role on the credential needs."""
    if request.method not in READ:
        return view.write_scope
    return "read_all" if role == ApiClient.Role.UTILITY else view.ven_scope


def openadr_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Render failures as OpenADR's problem: application/json, the code as its title."""
    answer = problem_handler(error, context)
    if answer is not None:
        body = dict(answer.data)
        body["title"] = body.pop("code")
        answer.data = body
        answer.content_type = "application/json"
    return answer


class OpenADRView(APIView):
    """Base of the OpenADR paths."""

    permission_classes: tuple[type[BasePermission], ...] = (ByRole,)
    roles: set[str] = {ApiClient.Role.UTILITY, ApiClient.Role.VEN}
    throttle_classes = (TenantRateThrottle, VenRateThrottle)
    ven_scope = "read_ven_objects"
    write_scope = ""

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return openadr_problem

    def viewer(self, request: Request) -> Viewer:
        return viewer_of(client=partner(request))

    def body(self, request: Request) -> dict[str, Any]:
        if not isinstance(request.data, dict):
            raise BodyError("the body must be a JSON object")
        return request.data

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        note(request, answer)
        return answer


def object_id_or_404(text: str) -> str:
    """Return an id that could be one, or raise."""
    if not is_object_id(text):
        raise ObjectUnknownError("no such object")
    return text


def shown(object_: WireObject, viewer: Viewer, *, status: int = 200) -> Response:
    """Answer with one object and its revision."""
    headers = {"ETag": etag(object_)}
    if isinstance(object_, SubscriptionObject) and object_.client_key == viewer.client_key:
        headers[SIGNING_HEADER] = signing_secret(object_.pk)
    return Response(wire(object_, viewer), status=status, headers=headers)


class KindView(OpenADRView):
    """Base of the paths of one kind of object."""

    of: Kind = None  # type: ignore[assignment]  # the class says it, or as_view

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.ven_scope, self.write_scope = self.of.ven_scope, self.of.write_scope


class CollectionView(KindView):
    """GET a page of a kind of object, POST one more."""

    @abstractmethod
    def found(self, request: Request, viewer: Viewer) -> QuerySet[Any]:
        """Return what the viewer sees of what the query asks for."""

    def get(self, request: Request) -> Response:
        viewer = self.viewer(request)
        return Response([wire(one, viewer) for one in page(request, self.found(request, viewer))])

    def post(self, request: Request) -> Response:
        viewer = self.viewer(request)
        made = self.of.create(viewer=viewer, body=self.body(request), now=clock.now())
        return shown(made, viewer, status=201)


class ItemView(KindView):
    """GET, PUT and DELETE one object. If-Match guards a change against somebody else's."""

    def get(self, request: Request, object_id: str) -> Response:
        viewer = self.viewer(request)
        found = visible(kind=self.of.model, viewer=viewer).filter(pk=object_id_or_404(object_id)).first()
        if found is None:
            raise ObjectUnknownError("no such object")
        return shown(found, viewer)

    def put(self, request: Request, object_id: str) -> Response:
        viewer = self.viewer(request)
        changed = self.of.replace(
            viewer=viewer,
            object_id=object_id_or_404(object_id),
            if_match=request.headers.get("If-Match"),
            body=self.body(request),
            now=clock.now(),
        )
        return shown(changed, viewer)

    def delete(self, request: Request, object_id: str) -> Response:
        viewer = self.viewer(request)
        gone = self.of.remove(
            viewer=viewer,
            object_id=object_id_or_404(object_id),
            if_match=request.headers.get("If-Match"),
            now=clock.now(),
        )
        return Response(wire(gone, viewer))
