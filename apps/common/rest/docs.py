"""The API's description as a page of our own: no script, nothing from elsewhere."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET


@dataclasses.dataclass(frozen=True)
class Named:
    """A parameter or a field."""

    name: str
    kind: str
    needed: bool
    text: str
    link: str = ""


@dataclasses.dataclass(frozen=True)
class Answer:
    status: str
    text: str
    shape: str
    link: str


@dataclasses.dataclass(frozen=True)
class Operation:
    """One method of one path."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[Named]
    body: str
    body_link: str
    example: str
    answers: list[Answer]


@dataclasses.dataclass(frozen=True)
class Shape:
    """The fields of what is sent or answered."""

    name: str
    text: str
    fields: list[Named]


@dataclasses.dataclass(frozen=True)
class Description:
    groups: dict[str, list[Operation]]
    shapes: list[Shape]


@require_GET
def docs(request: HttpRequest) -> HttpResponse:
    """Show what there is under /api/v1."""
    return render(request, "common/api_docs.html", {"description": description()})


@functools.lru_cache(maxsize=1)
def description() -> Description:
    """Return the description, made once a process from the code."""
    # Imported here: only who asks for it needs the generator.
    from apps.common.rest import schema

    found = schema.description()
    groups: dict[str, list[Operation]] = {}
    for path, methods in found["paths"].items():
        for method, said in methods.items():
            groups.setdefault(said["tags"][0], []).append(_operation(path, method, said=said))
    shapes = [
        _shape(name, said)
        for name, said in sorted(found["components"]["schemas"].items())
        if said.get("properties")
    ]
    return Description(dict(sorted(groups.items())), shapes)


def _operation(path: str, method: str, *, said: Mapping[str, Any]) -> Operation:
    body = _content(said.get("requestBody", {}))
    examples = [one["value"] for one in body.get("examples", {}).values()]
    return Operation(
        anchor=said["operationId"], method=method.upper(), path=path, summary=said.get("summary", ""),
        text=said.get("description", ""), body=_kind(body.get("schema", {})), body_link=_ref(body.get("schema", {})),
        parameters=[_parameter(one) for one in said.get("parameters", [])],
        example=json.dumps(examples[0], indent=2) if examples else "",
        answers=[
            Answer(status, one.get("description", ""), _kind(schema), _ref(schema))
            for status, one in sorted(said["responses"].items())
            for schema in [_content(one).get("schema", {})]
        ],
    )  # fmt: skip


def _content(said: Mapping[str, Any]) -> dict[str, Any]:
    content = said.get("content", {})
    found: dict[str, Any] = content.get("application/json") or next(iter(content.values()), {})
    return found


def _parameter(said: Mapping[str, Any]) -> Named:
    where = "" if said["in"] == "query" else f" ({said['in']})"
    text = said.get("description", "")
    return Named(f"{said['name']}{where}", _kind(said["schema"]), said.get("required", False), text)


def _shape(name: str, said: Mapping[str, Any]) -> Shape:
    needed = set(said.get("required", ()))
    fields = [
        Named(field, _kind(one), field in needed, one.get("description", ""), _ref(one))
        for field, one in said["properties"].items()
    ]
    return Shape(name, said.get("description", ""), fields)


def _ref(schema: Mapping[str, Any]) -> str:
    inner = schema.get("items", schema)
    held = inner.get("$ref") or next((one["$ref"] for one in inner.get("allOf", ()) if "$ref" in one), "")
    return str(held).rpartition("/")[2]


def _kind(schema: Mapping[str, Any]) -> str:
    """Say in a few words of what kind a value is."""
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"] if one is not None)
    name = _ref(schema) or str(schema.get("format") or schema.get("type") or "")
    return f"{name} or null" if schema.get("nullable") else name
