"""What a view says of itself for the OpenAPI description of /api/v1. Light: the generator is imported when somebody asks."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from apps.common.rest.queries import Query

View = TypeVar("View", bound=Callable[..., Any])


def describes(
    summary: str,
    *,
    tag: str,
    answers: Any = None,
    status: int = 200,
    sends: Any = None,
    query: type[Query] | None = None,
    pages: bool = False,
    example: Mapping[str, Any] | None = None,
    answer_example: Any = None,
    description: str | None = None,
    tagged: bool = False,
    csv: bool = False,
    paging: bool = False,
    also: int | None = None,
) -> Callable[[View], View]:
    """Describe one method of a view.

    `answers` is the serializer of the answer (None: no body), `pages` says that it comes page by page, `sends` and `query`
    are what the request says, `example` an example of its body; `tagged` that a revision goes with it; `csv` that the same
    can be had as text/csv; `paging` that the serializer is of a page already; `also` is
    another status with the same answer.
    """
    shown = page_serializer(answers) if pages else answers
    responses: dict[Any, Any] = {}
    if shown is not None:
        responses = {(one, "application/json"): shown for one in (status, also) if one is not None}
    elif not csv:
        responses[status] = None
    if csv:
        responses[(status, "text/csv")] = OpenApiTypes.STR
    parameters: list[Any] = [*([query] if query else []), *(PAGE_PARAMETERS if pages or paging else [])]
    return extend_schema(
        summary=summary, description=description or "", tags=[tag], request=sends, responses=responses,
        parameters=[*parameters, *([IF_MATCH] if tagged else [])],
        examples=_examples(example, answer_example, status=status),
    )  # fmt: skip


def _examples(example: Mapping[str, Any] | None, answer: Any, *, status: int) -> list[OpenApiExample]:
    found = []
    if example is not None:
        found.append(OpenApiExample("Request", value=dict(example), request_only=True))
    if answer is not None:
        found.append(OpenApiExample("Answer", value=answer, response_only=True, status_codes=[str(status)]))
    return found


PAGE_PARAMETERS: Final = (
    OpenApiParameter("limit", int, description="rows of a page, 1 to 200; 50 if left out"),
    OpenApiParameter("cursor", str, description="where the page begins: take the whole address from `next`"),
)
IF_MATCH: Final = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="change it only while this `ETag` is the present one",
)


@functools.cache
def page_serializer(row: Any) -> Any:
    """Return the serializer of a page of rows."""
    name = row.__name__.removesuffix("Serializer")
    fields = {"results": row(many=True), "next": serializers.URLField(allow_null=True)}
    return inline_serializer(f"{name}Page", fields)
