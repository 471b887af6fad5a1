"""The published description of OpenADR 3.1.0, with what is wrong in it mended."""

import json
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).resolve().parents[2] / "data" / "openadr3" / "openadr3-3.1.0.yaml"
BASE = "/openadr3/3.1.0"
CONFLICT, UNAUTHORIZED, FORBIDDEN = (
    f"#/components/responses/{name}" for name in ("conflict", "unauthorized", "forbidden")
)


def description() -> dict[str, Any]:
    """Return the description that a correct server can satisfy."""
    # A dash that YAML takes for a part of the text "null -".
    read = yaml.safe_load(FILE.read_text().replace("default: null          -", "default: null"))
    # YAML takes examples of instants for instants; the description means text.
    found: dict[str, Any] = json.loads(json.dumps(read, default=lambda at: at.isoformat()))
    paths, schemas = found["paths"], found["components"]["schemas"]
    paths["/vens"]["post"]["responses"]["409"] = {"$ref": CONFLICT}
    paths["/programs/{programID}"]["put"]["responses"]["401"] = {"$ref": UNAUTHORIZED}
    # VENs' tokens have no read_all.
    for path in ("programs", "programs/{programID}", "programs/{programID}/events"):
        paths[f"/notifiers/mqtt/topics/{path}"]["get"]["responses"]["403"] = {"$ref": FORBIDDEN}
    # Answers are called VEN and RESOURCE, requests BL_VEN_REQUEST and so on: both at once cannot be.
    for answer, request in (("ven", "BlVenRequest"), ("resource", "BlResourceRequest")):
        schemas[answer]["allOf"][1] = _without_type(schemas[request])
    found["servers"] = [{"url": BASE}]
    return found


def _without_type(request: dict[str, Any]) -> dict[str, Any]:
    return {
        **request,
        "required": [name for name in request["required"] if name != "objectType"],
        "properties": {name: part for name, part in request["properties"].items() if name != "objectType"},
    }
