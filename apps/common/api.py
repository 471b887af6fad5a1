"""What every REST view shares: problem details."""

from typing import Any

from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from apps.common.errors import DomainError


def problem(*, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Return RFC 9457 problem details with a stable `code`."""
    body = {
        "type": "about:blank",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return Response(body, status=status, headers=headers, content_type="application/problem+json")


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Render anticipated failures; everything else propagates."""
    if isinstance(error, DomainError):
        return problem(status=error.status, code=error.code, detail=error.detail)
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
        return problem(status=error.status_code, code=code, detail=_flat(error.detail), headers=headers)
    return None


def _flat(detail: Any) -> str:
    if isinstance(detail, dict):
        return "; ".join(f"{name}: {_flat(value)}" for name, value in detail.items())
    if isinstance(detail, list):
        return "; ".join(_flat(value) for value in detail)
    return str(detail)
