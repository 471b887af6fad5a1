"""Pages of long tables by the last row seen: page 1,000 costs as much as page 1, and rows that come in shift nothing."""

import base64
import binascii
import dataclasses
import json
from typing import Any, Generic, TypeVar, cast

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet

from apps.common.errors import DomainError

Row = TypeVar("Row", bound=Model)
LONGEST_CURSOR = 600


class CursorInvalidError(DomainError):
    code = "cursor_invalid"


@dataclasses.dataclass(frozen=True)
class KeysetPage(Generic[Row]):
    """Some rows in order, with cursors to those before and after; empty where there are none."""

    rows: list[Row]
    previous: str
    next: str


def keyset_page(
    rows: QuerySet[Row], *, order: str, cursor: str, size: int, descending: bool = False
) -> KeysetPage[Row]:
    """Return a page of `rows` by the never-null field `order`, then by primary key, both in the same direction."""
    backwards, after = _read(cursor)
    after = _typed(rows.model, order=order, after=after)
    falling = descending != backwards
    found = rows.filter(_beyond(order, after, falling=falling)) if after else rows
    sign = "-" if falling else ""
    held = list(found.order_by(f"{sign}{order}", f"{sign}pk")[: size + 1])
    more, held = len(held) > size, held[:size]
    if backwards:
        held.reverse()
    before = bool(after) if not backwards else more
    beyond = more if not backwards else True
    return KeysetPage(
        held,
        previous=_cursor(held[0], order, backwards=True) if held and before else "",
        next=_cursor(held[-1], order, backwards=False) if held and beyond else "",
    )


def _beyond(order: str, after: list[Any], *, falling: bool) -> Q:
    """Rows after one, in words that an index on (order, pk) serves."""
    value, pk = after
    side, edge = ("lt", "lte") if falling else ("gt", "gte")
    if order == "pk":
        return Q(**{f"pk__{side}": pk})
    return Q(**{f"{order}__{edge}": value}) & (
        Q(**{f"{order}__{side}": value}) | Q(**{order: value, f"pk__{side}": pk})
    )


def _cursor(row: Model, order: str, *, backwards: bool) -> str:
    value = getattr(row, order)
    pk = row.pk if isinstance(row.pk, int) else str(row.pk)
    text = json.dumps([backwards, value if isinstance(value, int | float | str) else value.isoformat(), pk])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[bool, list[Any]]:
    if not cursor:
        return False, []
    try:
        text = base64.urlsafe_b64decode(cursor[:LONGEST_CURSOR] + "=" * (-len(cursor) % 4))
        backwards, value, pk = json.loads(text)
    except (binascii.Error, ValueError, TypeError) as error:
        raise CursorInvalidError("this place in the list is not known") from error
    plain = isinstance(value, int | float | str) and not (isinstance(value, str) and "\x00" in value)
    number = isinstance(pk, int) and abs(pk) < 2**63
    if not plain or not isinstance(backwards, bool) or not (number or isinstance(pk, str)):
        raise CursorInvalidError("this place in the list is not known")
    return backwards, [value, pk]


def _typed(model: type[Model], *, order: str, after: list[Any]) -> list[Any]:
    """Return the place as the model's own fields hold it: a cursor of another list is refused here, not by the database."""
    if not after:
        return []
    key = model._meta.pk
    field = key if order == "pk" else cast("Field[Any, Any]", model._meta.get_field(order))
    try:
        return [field.to_python(after[0]), key.to_python(after[1])]
    except (ValidationError, OverflowError, ValueError) as error:
        raise CursorInvalidError("this place in the list is not known") from error
