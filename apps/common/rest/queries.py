"""What a request says beside its path: known parameters and known fields only, so that a typing error is no silence."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request

from apps.common.errors import DomainError


class ParameterUnknownError(DomainError):
    code = "parameter_unknown"


class KnownFields:
    """Refuses fields that a serializer does not have."""

    def to_internal_value(self, data: Any) -> Any:
        fields = self.fields  # type: ignore[attr-defined]
        if isinstance(data, dict) and (unknown := sorted(set(map(str, data)) - set(fields))):
            raise serializers.ValidationError(
                {name: [ErrorDetail("is no field that is known here", "field_unknown")] for name in unknown}
            )
        return super().to_internal_value(data)  # type: ignore[misc]


class Strict(KnownFields, serializers.Serializer[Any]):
    """A body of which every field is known."""


class Query(Strict):
    """The parameters of a GET; those of paging are always known."""

    paged = frozenset({"limit", "cursor"})


def asked(request: Request, query: type[Query], *, paged: bool = False) -> dict[str, Any]:
    """Return a request's parameters; unknown and repeated ones are refused."""
    known = set(query().fields) | (Query.paged if paged else set())
    sent = request.query_params
    if unknown := sorted(set(sent) - known):
        raise ParameterUnknownError(
            f"no parameter {', '.join(unknown)[:200]!r}; known are {', '.join(sorted(known)) or 'none'}"
        )
    if repeated := sorted(name for name in sent if len(sent.getlist(name)) > 1):
        raise ParameterUnknownError(f"{repeated[0]!r} is given more than once", code="parameter_repeated")
    serializer = query(data={name: sent[name] for name in sent if name not in Query.paged})
    serializer.is_valid(raise_exception=True)
    found: dict[str, Any] = serializer.validated_data
    return found


def sent(
    request: Request, serializer: type[serializers.BaseSerializer[Any]], **options: Any
) -> dict[str, Any]:
    """Return a request's body, checked."""
    held = serializer(data=request.data, **options)
    held.is_valid(raise_exception=True)
    found: dict[str, Any] = held.validated_data
    return found
