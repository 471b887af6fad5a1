"""What all OpenADR paths share: roles, scopes, paging, and `problem` bodies as application/json."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.authentication import scopes_of
from apps.accounts.api.permissions import scope_for
from apps.accounts.models import ApiClient
from apps.common.api import problem_handler
from apps.openadr.errors import BodyError
from apps.openadr.models import WireObject

LARGEST_PAGE = 50
IMPOSSIBLE_ID = "-"  # no object has it


class BusinessLogic(BasePermission):
    """A utility's credential whose token has the method's scope."""

    message = "this needs a utility's credential with the right scope"

    def has_permission(self, request: Request, view: APIView) -> bool:
        client = request.auth
        scope = scope_for(request, view)
        return (
            isinstance(client, ApiClient)
            and client.role == ApiClient.Role.UTILITY
            and (scope is None or scope in scopes_of(request))
        )


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

    permission_classes: tuple[type[BasePermission], ...] = (BusinessLogic,)
    scopes: dict[str, str] = {}

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return openadr_problem

    def body(self, request: Request) -> dict[str, Any]:
        if not isinstance(request.data, dict):
            raise BodyError("the body must be a JSON object")
        return request.data


def page(request: Request, found: QuerySet[Any]) -> list[WireObject]:
    """Return the page that `skip` and `limit` name."""
    skip = _number(request, "skip", default=0, largest=2**31 - 1)
    limit = _number(request, "limit", default=LARGEST_PAGE, largest=LARGEST_PAGE)
    return list(found[skip : skip + limit])


def id_in_query(request: Request, name: str) -> str | None:
    """Return the object id that a filter names, if any."""
    found = request.query_params.get(name)
    return found if found is None or is_object_id(found) else IMPOSSIBLE_ID


def is_object_id(text: str) -> bool:
    """Whether `text` can be the id of an object: others are not looked up."""
    return 0 < len(text) <= 128 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def _number(request: Request, name: str, *, default: int, largest: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or int(text) > largest:
        raise BodyError(f"{name} must be a whole number from 0 to {largest}", code="query_invalid")
    return int(text)
