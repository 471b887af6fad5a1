"""OpenADR 3.0.1's objects in 3.1's form and back, as far as a VEN needs them.

The two differ in words more than in sense: targets are strings instead of typed lists, operations have other names,
a program's descriptive properties moved into its attributes, resources are objects of their own, and "now" is the
year 1 instead of the year 0.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

from vpp.protocols.openadr3.common import OpenADRFormatError

Body = Mapping[str, Any]
Kind = Literal["PROGRAM", "EVENT", "REPORT", "SUBSCRIPTION", "VEN", "RESOURCE"]
NOW: Final = "0001-01-01"
LEGACY_NOW: Final = "0000-00-00"
# Of 3.0.1's types of targets these say what an object belongs to, not whom it is for.
BELONGS: Final = frozenset({"PROGRAM_NAME", "EVENT_NAME"})
GROUP: Final = "GROUP"
OPERATIONS: Final[Mapping[str, str]] = {
    "GET": "READ",
    "POST": "CREATE",
    "PUT": "UPDATE",
    "DELETE": "DELETE",
}
LEGACY_OPERATIONS: Final[Mapping[str, str]] = {new: old for old, new in OPERATIONS.items()}
PROGRAM_ATTRIBUTES: Final[Mapping[str, str]] = {
    "programLongName": "PROGRAM_LONG_NAME",
    "retailerName": "RETAILER_NAME",
    "retailerLongName": "RETAILER_LONG_NAME",
    "programType": "PROGRAM_TYPE",
    "country": "COUNTRY",
    "principalSubdivision": "PRINCIPAL_SUBDIVISION",
    "timeZoneOffset": "TIME_ZONE_OFFSET",
    "bindingEvents": "BINDING_EVENTS",
    "localPrice": "LOCAL_PRICE",
}
_PROPERTIES: Final[Mapping[str, str]] = {new: old for old, new in PROGRAM_ATTRIBUTES.items()}
_REQUEST_TYPES: Final = frozenset(
    {"VEN_VEN_REQUEST", "VEN_RESOURCE_REQUEST", "BL_VEN_REQUEST", "BL_RESOURCE_REQUEST"}
)


def from_legacy(body: Body, *, kind: Kind) -> dict[str, Any]:
    """Put a 3.0.1 object into 3.1's form.

    Raises
    ------
    OpenADRFormatError
        Where targets or operations are not what 3.0.1 says they are.
    """
    found: dict[str, Any] = _restarted(_without_nulls(body), old=LEGACY_NOW, new=NOW)
    if "targets" in found:
        found["targets"] = targets_from_legacy(found["targets"])
    return _FROM[kind](found) if kind in _FROM else found


def to_legacy(body: Body, *, kind: Kind, program_id: str | None = None) -> dict[str, Any]:
    """Put a 3.1 object into 3.0.1's form; a report needs the id of its event's program.

    Raises
    ------
    OpenADRFormatError
        Where 3.0.1 cannot say it: an event with a duration of its own, a report or subscription without program.
    """
    found: dict[str, Any] = _restarted(_without_nulls(body), old=NOW, new=LEGACY_NOW)
    if "targets" in found:
        found["targets"] = targets_to_legacy(found["targets"])
    if kind in {"REPORT", "SUBSCRIPTION"}:
        found.setdefault("programID", program_id)
        if not found["programID"]:
            raise OpenADRFormatError(f"a {kind.lower()} of 3.0.1 names its program")
    found.pop("clientID", None)
    if found.get("objectType") in _REQUEST_TYPES:
        found["objectType"] = kind
    return _TO[kind](found) if kind in _TO else found


def targets_from_legacy(targets: Any) -> list[str]:
    """Return the values of typed targets, each once and in order; types that only say where an object belongs go."""
    if not isinstance(targets, list) or not all(_is_values_map(one) for one in targets):
        raise OpenADRFormatError("targets of 3.0.1 are a list of types and values")
    values = (str(value) for one in targets if one["type"] not in BELONGS for value in one["values"])
    return list(dict.fromkeys(value for value in values if value))


def targets_to_legacy(targets: Iterable[str]) -> list[dict[str, Any]]:
    """Return targets as one group, which is what 3.0.1 calls a name without a type."""
    values = list(dict.fromkeys(targets))
    return [{"type": GROUP, "values": values}] if values else []


def operation_from_legacy(name: str) -> str:
    """Return 3.1's name of an operation; the published 3.0.1 uses both, so 3.1's own pass."""
    if name in LEGACY_OPERATIONS:
        return name
    if name not in OPERATIONS:
        raise OpenADRFormatError(f"{name[:64]!r} is no operation")
    return OPERATIONS[name]


def resources_path(version: str, ven_id: str) -> str:
    """Return where a ven's resources are kept."""
    return f"vens/{ven_id}/resources" if version == "3.0.1" else "resources"


def _program_from(program: dict[str, Any]) -> dict[str, Any]:
    moved = [
        {"type": type_, "values": [program.pop(name)]}
        for name, type_ in PROGRAM_ATTRIBUTES.items()
        if name in program
    ]
    return {**program, "attributes": [*program.get("attributes", ()), *moved]} if moved else program


def _program_to(program: dict[str, Any]) -> dict[str, Any]:
    """Attributes that were properties become these again; 3.0.1 has no place for others."""
    attributes = program.pop("attributes", ())
    known = {one["type"]: one["values"] for one in attributes if one["type"] in _PROPERTIES and one["values"]}
    return {**program, **{_PROPERTIES[type_]: values[0] for type_, values in known.items()}}


def _event_from(event: dict[str, Any]) -> dict[str, Any]:
    # 3.0.1 does not insist on a descriptor's type, and knows one kind of them in events.
    for descriptor in _dicts(event, "payloadDescriptors"):
        descriptor.setdefault("objectType", "EVENT_PAYLOAD_DESCRIPTOR")
    for descriptor in _dicts(event, "reportDescriptors"):
        if "targets" in descriptor:
            descriptor["targets"] = targets_from_legacy(descriptor["targets"])
    return event


def _event_to(event: dict[str, Any]) -> dict[str, Any]:
    if "duration" in event:
        raise OpenADRFormatError("an event of 3.0.1 has no duration of its own")
    event.setdefault("intervals", [])
    for descriptor in _dicts(event, "reportDescriptors"):
        if "targets" in descriptor:
            descriptor["targets"] = targets_to_legacy(descriptor["targets"])
    return event


def _report_from(report: dict[str, Any]) -> dict[str, Any]:
    report.pop("programID", None)
    for descriptor in _dicts(report, "payloadDescriptors"):
        descriptor.setdefault("objectType", "REPORT_PAYLOAD_DESCRIPTOR")
    return report


def _subscription_from(subscription: dict[str, Any]) -> dict[str, Any]:
    for wish in _dicts(subscription, "objectOperations"):
        wish["operations"] = [operation_from_legacy(str(name)) for name in wish.get("operations", ())]
    return subscription


def _subscription_to(subscription: dict[str, Any]) -> dict[str, Any]:
    for wish in _dicts(subscription, "objectOperations"):
        wish["operations"] = [LEGACY_OPERATIONS[name] for name in wish["operations"]]
    return subscription


def _ven_from(ven: dict[str, Any]) -> dict[str, Any]:
    """Resources are objects of their own in 3.1: see `resources_of_legacy`."""
    ven.pop("resources", None)
    return ven


def resources_of_legacy(ven: Body) -> list[dict[str, Any]]:
    """Return the resources inside a 3.0.1 ven in 3.1's form, each naming its ven."""
    held = ven.get("resources") or []
    if not isinstance(held, list) or not all(isinstance(one, Mapping) for one in held):
        raise OpenADRFormatError("a ven's resources are a list of objects")
    named = {"venID": ven["id"]} if "id" in ven else {}
    return [from_legacy({**named, **one}, kind="RESOURCE") for one in held]


_FROM: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "PROGRAM": _program_from,
    "EVENT": _event_from,
    "REPORT": _report_from,
    "SUBSCRIPTION": _subscription_from,
    "VEN": _ven_from,
}
_TO: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "PROGRAM": _program_to,
    "EVENT": _event_to,
    "SUBSCRIPTION": _subscription_to,
}


def _dicts(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = body.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _is_values_map(one: Any) -> bool:
    return (
        isinstance(one, Mapping) and isinstance(one.get("type"), str) and isinstance(one.get("values"), list)
    )


def _without_nulls(value: Any) -> Any:
    """Copy without properties that are null, which 3.0.1 shows and means as absent."""
    if isinstance(value, Mapping):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    return [_without_nulls(part) for part in value] if isinstance(value, list | tuple) else value


def _restarted(value: Any, *, old: str, new: str) -> Any:
    """Say "now" in the other version's words, wherever a period starts."""
    if isinstance(value, dict):
        return {
            name: new + part[len(old) :]
            if name == "start" and isinstance(part, str) and part.startswith(old)
            else _restarted(part, old=old, new=new)
            for name, part in value.items()
        }
    return [_restarted(part, old=old, new=new) for part in value] if isinstance(value, list) else value
