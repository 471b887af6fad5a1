"""The description of all operations (OpenAPI 3.1), made from the types that decode and encode them."""

import functools
from typing import Any

import msgspec

from vpp.protocols.ores.problems import Problem
from vpp.protocols.ores.routes import ROUTES, STREAMS, Route

PATH = "/ores/openapi.json"
_REF = "#/components/schemas/{name}"
_PROBLEMS = {
    "400": "What was sent makes no sense",
    "401": "No token, or one that is not good any more",
    "403": "Whoever asks may not do this",
    "404": "No such home or device, or none that whoever asks may see",
    "409": "Something stands against it now",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "429": "Too many requests",
}
_SITE = {
    "name": "site_id",
    "in": "query",
    "required": False,
    "description": "Which home; needed in the cloud by whoever may see several, and of no effect on a hub",
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
}


@functools.cache
def description_json() -> bytes:
    """The description as it is served."""
    return msgspec.json.encode(description())


def description() -> dict[str, Any]:
    """The description as plain objects."""
    types: set[type[msgspec.Struct]] = {
        kind
        for methods in ROUTES.values()
        for route in methods.values()
        for kind in (route.takes, route.gives)
    }
    ordered = sorted(types, key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components([*ordered, Problem], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "ORES endpoints", "version": "0.1", "description": "The same on a hub and in the cloud."},
        "security": [{"bearer": []}],
        "paths": {
            path: {method.lower(): _operation(path, method, route=route, schemas=schemas) for method, route in methods.items()}
            for path, methods in ROUTES.items()
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }  # fmt: skip


def _operation(path: str, method: str, *, route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF.format(name=route.gives.__name__)}}}
    if method == "GET" and path in STREAMS:
        content["text/event-stream"] = {"schema": {"type": "string"}}
    made: dict[str, Any] = {
        "operationId": method.lower() + path.replace("/", "_").replace("-", "_"),
        "summary": (route.gives.__doc__ or "").strip().split("\n")[0],
        "parameters": [_SITE],
        "responses": {
            str(route.status): {"description": "As asked", "content": content},
            **{status: _problem(why) for status, why in _PROBLEMS.items()},
        },
    }
    if route.has_body:
        schema = {"$ref": _REF.format(name=route.takes.__name__)}
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    else:
        made["parameters"] = [_SITE, *_parameters(schemas[route.takes.__name__])]
    return made


def _problem(why: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name="Problem")}
    return {"description": why, "content": {"application/problem+json": {"schema": schema}}}


def _parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(part)}
        for name, part in schema.get("properties", {}).items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query has no null: a parameter is left out instead."""
    choices = [one for one in schema.get("anyOf", []) if one.get("type") != "null"]
    return (
        dict(choices[0])
        if len(choices) == 1
        else {key: part for key, part in schema.items() if key != "default"}
    )
