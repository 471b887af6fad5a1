"""MQTT topics: their names, and which of them hear of a change. Each tenant's begin with its number."""

from apps.openadr.models import EventObject, ResourceObject
from apps.openadr.notify.audience import Change, vens_told

OPERATIONS = ("CREATE", "UPDATE", "DELETE")
PLURALS = {"PROGRAM": "programs", "EVENT": "events", "REPORT": "reports", "SUBSCRIPTION": "subscriptions",
           "VEN": "vens", "RESOURCE": "resources"}  # fmt: skip


def prefix(organization_id: int) -> str:
    """Return what all topics of a tenant begin with."""
    return f"openadr3/{organization_id}"


def topic_names(organization_id: int, path: str, *, of_one: bool = False) -> dict[str, str]:
    """Return the topic of each operation on what `path` names; one object's creation has none."""
    start = f"{prefix(organization_id)}/{path}"
    operations = [operation for operation in OPERATIONS if not (of_one and operation == "CREATE")]
    names = {operation: f"{start}/{operation.lower()}" for operation in operations}
    return {**names, "ALL": f"{start}/+"}


def topics_of(change: Change) -> list[tuple[str, frozenset[str] | None]]:
    """Return the topics of a change, each with the grants of the VEN that reads it, None for business logic's."""
    object_, plural = change.object_, PLURALS[change.object_type]
    paths = [plural]
    if change.object_type in {"PROGRAM", "VEN"} and change.operation != "CREATE":
        paths.append(f"{plural}/{object_.pk}")
    if isinstance(object_, EventObject):
        paths.append(f"programs/{object_.program_object_id}/events")
    if isinstance(object_, ResourceObject):
        paths.append(f"vens/{object_.ven_id}/resources")
    ends: list[tuple[str, frozenset[str] | None]] = [(path, None) for path in paths]
    if change.object_type in {"PROGRAM", "EVENT"}:
        held = vens_told(change).values_list("pk", "grants")
        ends += [(f"vens/{pk}/{plural}", frozenset(grants)) for pk, grants in held]
    start, operation = prefix(object_.organization_id), change.operation.lower()
    return [(f"{start}/{path}/{operation}", grants) for path, grants in ends]
