"""What a line of an import says of a site or a resource, field by field. Pure: no database."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apps.sites.models import Resource

Errors = list[dict[str, str]]
SITE_DEFAULTS: Final[Mapping[str, Any]] = {
    "grid_area_id": None, "time_zone": "Europe/Berlin", "import_limit_kw": 17.0, "export_limit_kw": 10.0,
    "reserve_soc": 0.1, "latitude_deg": None, "longitude_deg": None,
}  # fmt: skip
SITE_FIELDS: Final = ("name", *SITE_DEFAULTS)
RESOURCE_FIELDS: Final = ("kind", "name", "parameters")
COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "site": frozenset(
        {
            "type", "external_ref", "name", "grid_area", "time_zone", "import_limit_kw", "export_limit_kw",
            "reserve_soc", "latitude_deg", "longitude_deg",
        }
    ),
    "resource": frozenset({"type", "site", "key", "kind", "name", "parameters"}),
}  # fmt: skip
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "import_limit_kw": (0, 1e6), "export_limit_kw": (0, 1e6), "reserve_soc": (0, 1), "latitude_deg": (-90, 90),
    "longitude_deg": (-180, 180),
}  # fmt: skip
KINDS: Final = frozenset(Resource.Kind.values)


def wrong(field: str, code: str, *, message: str) -> dict[str, str]:
    """Return one thing that is wrong."""
    return {"field": field, "code": code, "message": message[:300]}


def ref_of(content: Mapping[str, Any]) -> tuple[str, str]:
    """Return (type, reference) of a line, as far as it says them."""
    kind = content.get("type")
    known = kind if isinstance(kind, str) and kind in COLUMNS else ""
    if known == "resource":
        return known, f"{content.get('site', '')}/{content.get('key', '')}"[:200]
    return known, str(content.get("external_ref", ""))[:200]


def read_site(content: Mapping[str, Any], *, areas: Mapping[str, int]) -> tuple[dict[str, Any], Errors]:
    """Return the fields that a line sets of a site, and what is wrong."""
    errors = _unknown(content, "site")
    said: dict[str, Any] = {}
    _take(content, "external_ref", read=_text(120), said=said, errors=errors, needed=True)
    _take(content, "name", read=_text(120), said=said, errors=errors)
    _take(content, "time_zone", read=_zone, said=said, errors=errors)
    for name, (low, high) in RANGES.items():
        _take(content, name, read=_between(low, high), said=said, errors=errors)
    if content.get("grid_area") is not None:
        area = areas.get(str(content["grid_area"]))
        if area is None:
            errors.append(wrong("grid_area", "grid_area_unknown", message="no grid area of this name"))
        said["grid_area_id"] = area
    if ("latitude_deg" in said) != ("longitude_deg" in said):
        errors.append(
            wrong("latitude_deg", "place_incomplete", message="a place has a latitude and a longitude")
        )
    return said, errors


def read_resource(content: Mapping[str, Any]) -> tuple[dict[str, Any], Errors]:
    """Return the fields that a line sets of a resource, and what is wrong."""
    errors = _unknown(content, "resource")
    said: dict[str, Any] = {}
    _take(content, "site", read=_text(120), said=said, errors=errors, needed=True)
    _take(content, "key", read=_text(64), said=said, errors=errors, needed=True)
    _take(content, "name", read=_text(120), said=said, errors=errors)
    _take(content, "kind", read=_kind, said=said, errors=errors)
    _take(content, "parameters", read=_parameters, said=said, errors=errors)
    return said, errors


def _unknown(content: Mapping[str, Any], kind: str) -> Errors:
    names = sorted(set(map(str, content)) - COLUMNS[kind])
    return [wrong(name[:64], "field_unknown", message=f"a {kind} has no such field") for name in names[:20]]


def _take(
    content: Mapping[str, Any],
    name: str,
    *,
    read: Callable[[Any], Any],
    said: dict[str, Any],
    errors: Errors,
    needed: bool = False,
) -> None:
    value = content.get(name)
    if value is None:
        if needed:
            errors.append(wrong(name, "required", message="is needed"))
        return
    try:
        said[name] = read(value)
    except ValueError as error:
        errors.append(wrong(name, "invalid", message=str(error)))


def _text(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = value.strip() if isinstance(value, str) else ""
        if not 0 < len(text) <= longest or "\x00" in text or not text.isprintable():
            raise ValueError(f"a text of 1 to {longest} characters is needed")
        return text

    return read


def _between(low: float, high: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError("a number is needed")
        if not low <= value <= high:
            raise ValueError(f"{value:g} is not between {low:g} and {high:g}")
        return float(value)

    return read


def _zone(value: Any) -> str:
    try:
        return ZoneInfo(value).key
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise ValueError(f"{str(value)[:60]!r} is no time zone") from None


def _kind(value: Any) -> str:
    if not isinstance(value, str) or value not in KINDS:
        raise ValueError(f"one of {', '.join(sorted(KINDS))} is needed")
    return value


def _parameters(value: Any) -> dict[str, float]:
    if not isinstance(value, dict) or len(value) > 40:
        raise ValueError("an object of numbers is needed")
    number = _between(-1e9, 1e9)
    return {_text(64)(name): number(one) for name, one in value.items()}
