"""Revisions of what is shown: a change that names one is made only while it is the present one."""

import hashlib
from typing import Any

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import DomainError


class RevisionMismatchError(DomainError):
    code = "revision_mismatch"
    status = 412


def etag_of(shown: Any) -> str:
    """Return the revision of something as it is shown."""
    return f'"{hashlib.sha256(JSONRenderer().render(shown)).hexdigest()[:24]}"'


def tagged(request: Request, shown: Any, *, status: int = 200) -> Response:
    """Answer with something and its revision; a GET for what the caller holds already is 304."""
    tag = etag_of(shown)
    if request.method == "GET" and tag in _tags(request.headers.get("If-None-Match", "")):
        return Response(status=304, headers={"ETag": tag})
    return Response(shown, status=status, headers={"ETag": tag})


def check_if_match(request: Request, shown: Any) -> None:
    """Refuse a change of something that is not as the caller knows it; call it with the row locked."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    if etag_of(shown) not in _tags(wanted):
        raise RevisionMismatchError("it was changed since; read it again")


def _tags(header: str) -> list[str]:
    return [one.strip().removeprefix("W/") for one in header.split(",")]
