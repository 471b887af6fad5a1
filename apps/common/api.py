"""What every REST view shares: problem details."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import page_not_found
from rest_framework import exceptions
from rest_framework.response import Response

from apps.common.errors import DomainError


def problem(
    *,
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """Return RFC 9457 problem details with a stable `code`, and what is wrong field by field where that is known."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return Response(body, status=status, headers=headers, content_type="application/problem+json")


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Render anticipated failures; everything else propagates."""
    if isinstance(error, DomainError):
        wait = getattr(error, "wait", None)
        headers = {"Retry-After": str(wait)} if wait else None
        errors = getattr(error, "errors", None)
        return problem(
            status=error.status, code=error.code, detail=error.detail, headers=headers, errors=errors
        )
    if isinstance(error, Http404):
        return problem(status=404, code="not_found", detail="no such object")
    if isinstance(error, exceptions.APIException):
        headers = {}
        if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
            headers["WWW-Authenticate"] = 'Bearer realm="ores"'
        wait = getattr(error, "wait", None)
        if wait:
            headers["Retry-After"] = str(int(wait) + 1)
        codes = error.get_codes()
        code = codes if isinstance(codes, str) else "invalid"
        errors = [] if isinstance(codes, str) else field_errors(error.get_full_details())
        return problem(
            status=error.status_code, code=code, detail=_flat(error.detail), headers=headers, errors=errors
        )
    return None


def field_errors(found: Any, field: str = "") -> list[dict[str, str]]:
    """Return (field, code, message) of everything that a serializer found wrong."""
    if isinstance(found, dict) and set(found) == {"message", "code"} and isinstance(found["message"], str):
        return [{"field": field, "code": str(found["code"]), "message": str(found["message"])}]
    if isinstance(found, dict):
        parts = [(f"{field}.{name}" if field else str(name), value) for name, value in found.items()]
    elif isinstance(found, list):
        nested = any(isinstance(one, dict) and set(one) != {"message", "code"} for one in found)
        parts = [(f"{field}[{place}]" if nested else field, one) for place, one in enumerate(found)]
    else:
        return [{"field": field, "code": "invalid", "message": str(found)}]
    return [one for name, value in parts for one in field_errors(value, name)]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer addresses of the API that no path takes, such as a negative number's, as all its failures are answered."""
    if not request.path.startswith("/api/"):
        return page_not_found(request, exception)
    body = {
        "type": "about:blank", "title": "not found", "status": 404, "code": "not_found", "detail": "no such object",
    }  # fmt: skip
    return JsonResponse(body, status=404, content_type="application/problem+json")


def _flat(detail: Any) -> str:
    if isinstance(detail, dict):
        return "; ".join(f"{name}: {_flat(value)}" for name, value in detail.items())
    if isinstance(detail, list):
        return "; ".join(_flat(value) for value in detail)
    return str(detail)
