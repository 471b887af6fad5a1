"""The OpenAPI description of /api/v1: what all its operations share."""

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

PREFIX: Final = "/api/v1/"
TOKEN_PATH: Final = "/openadr3/3.1.0/auth/token"  # noqa: S105 - a path
PROBLEM: Final = "application/problem+json"
REASONS: Final[Mapping[int, str]] = {
    400: "The request cannot be understood; `errors` says which fields.",
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The credential's role does not allow it.",
    404: "No such object of this organization.",
    406: "An answer in that form is not to be had.",
    409: "It does not go together with what is there now.",
    412: "It was changed since the revision in `If-Match`.",
    415: "The body is of a type that is not read here.",
    422: "The Idempotency-Key came with another request before.",
    429: "The organization's budget of requests is used up; see `Retry-After`.",
}
READ_REASONS: Final = (400, 401, 403, 404, 406, 429)
WRITE_REASONS: Final = (400, 401, 403, 404, 406, 409, 412, 415, 422, 429)
KEY: Final = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER,
    description="any text of your own, new for each write: a repetition within 24 h is answered as the first was",
)  # fmt: skip


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="stable: what a program decides by")
    detail = serializers.CharField()
    request_id = serializers.CharField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """Add what has the name of a property of every serializer."""
        return {**super().get_fields(), "errors": FieldErrorSerializer(many=True, required=False)}


class Described(AutoSchema):
    """Adds to every operation what all share; what a view does not describe is anything."""

    def get_operation_id(self) -> str:
        """Name an operation by its method and path: /sites/{site_id}/resources is get_site_resources."""
        parts = self.path.removeprefix(PREFIX).split("/")
        words = [
            _singular(part) if place + 1 < len(parts) and parts[place + 1].startswith("{") else part
            for place, part in enumerate(parts)
            if not part.startswith("{")
        ]
        return "_".join([self.method.lower(), *words]).replace("-", "_")

    def get_override_parameters(self) -> list[Any]:
        return [KEY] if self.method != "GET" else []

    def get_auth(self) -> list[dict[str, Any]]:
        return [{"token": ["api"]}]

    def _is_list_view(self, serializer: Any = None) -> bool:
        return isinstance(serializer, serializers.ListSerializer)

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix(PREFIX).split("/")[0]]

    def _get_serializer(self) -> Any:
        return OpenApiTypes.ANY

    def get_response_serializers(self) -> Any:
        return {"2XX": OpenApiTypes.ANY}

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        found: dict[str, Any] = super()._get_response_bodies(direction=direction)
        for status in READ_REASONS if self.method == "GET" else WRITE_REASONS:
            response = OpenApiResponse(ProblemSerializer, description=REASONS[status])
            shown = self._get_response_for_code(response, str(status), media_types=[PROBLEM])  # type: ignore[no-untyped-call]
            found.setdefault(str(status), shown)
        return found


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


class ApiEndpoints(EndpointEnumerator):
    """What is under /api/v1, and nothing else: other doors have descriptions of their own."""

    def should_include_endpoint(self, path: str, callback: Any) -> bool:
        wanted = path.startswith(PREFIX) and not path.startswith(f"{PREFIX}schema")
        return wanted and bool(super().should_include_endpoint(path, callback))


class ApiGenerator(SchemaGenerator):
    endpoint_inspector_cls = ApiEndpoints


def description() -> dict[str, Any]:
    """Return the description of /api/v1."""
    generator: Any = ApiGenerator
    found: dict[str, Any] = generator().get_schema(request=None, public=True)
    return found


def budgets_told(result: dict[str, Any], generator: Any, **_: Any) -> dict[str, Any]:
    """Add the headers that every answer carries (drf-spectacular's postprocessing hook)."""
    headers = {
        "X-Request-ID": "the request's name", "X-RateLimit-Limit": "requests of the organization's budget",
        "X-RateLimit-Remaining": "what is left of them", "X-RateLimit-Reset": "seconds until it is full again",
    }  # fmt: skip
    components = result.setdefault("components", {})
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()
    }
    flows = {"clientCredentials": {"tokenUrl": TOKEN_PATH, "scopes": {"api": "Use the REST API"}}}
    components["securitySchemes"] = {"token": {"type": "oauth2", "flows": flows}}
    said = {name: {"$ref": f"#/components/headers/{name}"} for name in headers}
    for path in result["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                more = {"Retry-After": {"schema": {"type": "string"}}} if status in {"409", "429"} else {}
                response["headers"] = {**said, **more, **response.get("headers", {})}
    return result
