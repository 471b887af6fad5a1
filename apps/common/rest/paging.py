"""Lists page by page in a total order: a row that comes in meanwhile moves no other to another page.

A cursor says after which row the page begins, by the values it is ordered by; it is not secret and not signed, and what
does not fit is refused.
"""

import base64
import binascii
import dataclasses
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from apps.common.errors import DomainError

DEFAULT_LIMIT: Final = 50
MOST: Final = 200
M = TypeVar("M", bound=Model)


class CursorInvalidError(DomainError):
    code = "cursor_invalid"


class LimitInvalidError(DomainError):
    code = "limit_invalid"


@dataclasses.dataclass(frozen=True)
class Page:
    """Some rows, and where the next ones begin; None where there are no more."""

    rows: Sequence[Any]
    cursor: str | None


def page_of(rows: QuerySet[M], *, order: Sequence[str], limit: int, cursor: str = "") -> Page:
    """Return the page after `cursor`; `order` are columns, the last of them unique, with "-" for descending."""
    ordered = rows.order_by(*order)
    if cursor:
        try:
            ordered = ordered.filter(_after(order, _values(cursor, order=order)))
            found = list(ordered[: limit + 1])
        except (ValueError, TypeError, ValidationError) as error:
            raise CursorInvalidError("this cursor is of another list, or none") from error
    else:
        found = list(ordered[: limit + 1])
    more = len(found) > limit
    return Page(found[:limit], _cursor(found[limit - 1], order=order) if more else None)


def paged(
    request: Request,
    rows: QuerySet[M],
    *,
    order: Sequence[str],
    shown: Callable[..., BaseSerializer[Any]],
) -> Response:
    """Answer a GET with a page: `results`, and the address of the `next` one."""
    page = page_of(rows, order=order, limit=limit_of(request), cursor=request.query_params.get("cursor", ""))
    return Response({"results": shown(page.rows, many=True).data, "next": next_of(request, page.cursor)})


def next_of(request: Request, cursor: str | None) -> str | None:
    """Return the address of the page after `cursor`."""
    if cursor is None:
        return None
    query = request._request.GET.copy()
    query["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def limit_of(request: Request) -> int:
    """Return how many rows are asked for."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise LimitInvalidError(f"limit is a whole number from 1 to {MOST}")
    return int(text)


def cursor_of(number: int) -> str:
    """Return the cursor of a list by number, after `number`: for rows that are no table's."""
    return _coded([number])


def number_in(cursor: str) -> int:
    """Return after which number a page begins; 0 without a cursor."""
    if not cursor:
        return 0
    [number] = _values(cursor, order=("pk",))
    if not isinstance(number, int) or number < 0:
        raise CursorInvalidError("this cursor is of another list, or none")
    return number


def _after(order: Sequence[str], values: Sequence[Any]) -> Q:
    """Rows that come later in the order: greater in the first column that differs."""
    found = Q()
    for place, (column, value) in enumerate(zip(order, values, strict=True)):
        way = "lt" if column.startswith("-") else "gt"
        same = {name.lstrip("-"): held for name, held in zip(order[:place], values, strict=False)}
        found |= Q(**same, **{f"{column.lstrip('-')}__{way}": value})
    return found


def _cursor(row: Model, *, order: Sequence[str]) -> str:
    return _coded([_plain(_value(row, column.lstrip("-"))) for column in order])


def _coded(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(values, separators=(",", ":")).encode()).decode().rstrip("=")


def _value(row: Any, path: str) -> Any:
    for part in path.split("__"):
        row = getattr(row, part)
    return row


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value


def _values(cursor: str, *, order: Sequence[str]) -> list[Any]:
    try:
        raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        values = json.loads(raw)
    except (binascii.Error, UnicodeError, ValueError, RecursionError) as error:
        raise CursorInvalidError("this is no cursor") from error
    sound = isinstance(values, list) and len(values) == len(order)
    if not sound or not all(_sound(value) for value in values):
        raise CursorInvalidError("this is no cursor of this list")
    return list(values)


def _sound(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= 300 and "\x00" not in value and value.isprintable()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
