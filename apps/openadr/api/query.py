"""Reading what comes in a query: pages, ids, names, targets."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from apps.openadr.errors import BodyError
from apps.openadr.models import WireObject
from apps.openadr.polls import LARGEST_PAGE, is_object_id

LONGEST_TEXT = 128
IMPOSSIBLE_ID = "-"  # no object has it


def page(request: Request, found: QuerySet[Any]) -> list[WireObject]:
    """Return the page that `skip` and `limit` name."""
    skip, limit = bounds(request)
    return list(found[skip : skip + limit])


def bounds(request: Request) -> tuple[int, int]:
    """Return `skip` and `limit`."""
    skip = _number(request, "skip", default=0, largest=2**31 - 1)
    return skip, _number(request, "limit", default=LARGEST_PAGE, largest=LARGEST_PAGE)


def id_in_query(request: Request, name: str) -> str | None:
    """Return the object id that a filter names, if any."""
    found = request.query_params.get(name)
    return found if found is None or is_object_id(found) else IMPOSSIBLE_ID


def text_in_query(request: Request, name: str) -> str | None:
    """Return the name that a filter gives, if any."""
    found = request.query_params.get(name)
    return None if found is None else _text(name, found)


def targets_in_query(request: Request) -> list[str]:
    """Return the targets asked for, each by a `targets` of its own."""
    return [_text("targets", one) for one in request.query_params.getlist("targets")]


def flag_in_query(request: Request, name: str) -> bool:
    """Return whether a filter is switched on."""
    text = request.query_params.get(name, "false").lower()
    if text not in {"true", "false"}:
        raise BodyError(f"{name} must be true or false", code="query_invalid")
    return text == "true"


def one_of_in_query(request: Request, name: str, *, allowed: tuple[str, ...]) -> list[str]:
    """Return the values of a repeated filter, each of which must be allowed."""
    found = request.query_params.getlist(name)
    if not set(found) <= set(allowed):
        raise BodyError(f"{name} must be of {', '.join(allowed)}", code="query_invalid")
    return found


def _text(name: str, text: str) -> str:
    if not 0 < len(text) <= LONGEST_TEXT or "\x00" in text:
        raise BodyError(f"{name} must have from 1 to {LONGEST_TEXT} characters", code="query_invalid")
    return text


def _number(request: Request, name: str, *, default: int, largest: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 10 or int(text) > largest:
        raise BodyError(f"{name} must be a whole number from 0 to {largest}", code="query_invalid")
    return int(text)
