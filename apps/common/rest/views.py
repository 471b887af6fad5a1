"""What every view under /api/v1 does: answers once by key, tells of budgets, names its requests, says what is on its way out."""

import functools
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.common.idempotency import Answer, Keyed, answer_once
from apps.common.request_ids import request_id
from apps.common.rest.versions import DEPRECATED
from apps.common.throttles import grant_of

WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KEPT_HEADERS: Final = ("Location", "ETag", "Retry-After")


class ApiView(APIView):
    """A view of the REST API; its answers are JSON, its writes take an Idempotency-Key."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        key = request.headers.get("Idempotency-Key")
        name = (request.method or "").lower()
        if key is not None and request.method in WRITES and hasattr(self, name):
            setattr(self, name, functools.partial(self._once, getattr(self, name), key=key))

    def fingerprint(self, request: Request) -> bytes:
        """Return what of a request's body tells it from another."""
        return request._request.body

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        grant = grant_of(request)
        if grant is not None:
            answer.headers["X-RateLimit-Limit"] = str(grant.limit)
            answer.headers["X-RateLimit-Remaining"] = str(grant.left)
            answer.headers["X-RateLimit-Reset"] = str(int(grant.full_in_s) + 1 if grant.full_in_s else 0)
        match = request._request.resolver_match
        leaving = DEPRECATED.get(match.route) if match is not None else None
        for name, value in leaving.headers().items() if leaving is not None else ():
            answer.headers[name] = value
        return answer

    def handle_exception(self, exc: Exception) -> Response:
        response = super().handle_exception(exc)
        if isinstance(response.data, dict) and "code" in response.data:
            response.data["request_id"] = request_id(self.request._request)
        return response

    def _once(
        self, handler: Callable[..., Any], request: Request, *args: Any, key: str, **kwargs: Any
    ) -> HttpResponse | Response:
        keyed = Keyed(
            f"client:{request.auth.pk}" if request.auth is not None else "", key, self._digest(request)
        )
        shown: dict[str, Any] = {}

        def answer() -> Answer:
            shown["answer"] = made = self._answered(handler, request, *args, **kwargs)
            return _stored(made)

        found = answer_once(request=keyed, answer=answer, now=datetime.now(UTC))
        return _again(found) if found.replayed else shown["answer"]

    def _answered(self, handler: Callable[..., Any], request: Request, *args: Any, **kwargs: Any) -> Any:
        """Answer, refusals included: they are answers that a repetition gets too."""
        try:
            return handler(request, *args, **kwargs)
        except Exception as error:
            return self.handle_exception(error)

    def _digest(self, request: Request) -> str:
        said = f"{request.method} {request.get_full_path()}\n".encode()
        return hashlib.sha256(said + self.fingerprint(request)).hexdigest()


def _stored(made: Any) -> Answer:
    headers = {name: made.headers[name] for name in KEPT_HEADERS if name in made.headers}
    if isinstance(made, Response):
        body = b"" if made.data is None else JSONRenderer().render(made.data)
        kind = "application/problem+json" if made.status_code >= 400 else "application/json"
    else:
        body, kind = made.content, made.headers["Content-Type"]
    return Answer(made.status_code, {**headers, "Content-Type": kind}, body)


def _again(found: Answer) -> HttpResponse:
    headers = {**found.headers, "Idempotent-Replayed": "true"}
    return HttpResponse(found.body, status=found.status, headers=headers)
