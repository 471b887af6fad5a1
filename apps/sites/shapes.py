"""Outlines of grid areas as GeoJSON: what is taken, and why something is not."""

import json
import math
from typing import Any, Final

from apps.sites.services import SiteInvalidError

LARGEST_BYTES: Final = 1_000_000
MOST_POINTS: Final = 5_000
GEOMETRIES = ("Polygon", "MultiPolygon")


def shape_of(text: str | bytes) -> dict[str, Any]:
    """Read one Polygon or MultiPolygon, by itself or as the only feature; degrees, longitude first (RFC 7946)."""
    if len(text) > LARGEST_BYTES:
        raise SiteInvalidError("an outline may have at most 1 MB")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SiteInvalidError("this is not JSON that can be read") from error
    geometry = _geometry(found)
    kind, coordinates = geometry["type"], geometry.get("coordinates")
    polygons = coordinates if kind == "MultiPolygon" else [coordinates]
    if not isinstance(polygons, list) or not polygons:
        raise SiteInvalidError("the outline has no coordinates")
    clean = [_polygon(one) for one in polygons]
    if sum(len(ring) for polygon in clean for ring in polygon) > MOST_POINTS:
        raise SiteInvalidError(f"an outline may have at most {MOST_POINTS} points; simplify it first")
    return {"type": kind, "coordinates": clean if kind == "MultiPolygon" else clean[0]}


def _geometry(found: Any) -> dict[str, Any]:
    if isinstance(found, dict) and found.get("type") == "FeatureCollection":
        features = found.get("features")
        if not isinstance(features, list) or len(features) != 1:
            raise SiteInvalidError("a collection must have exactly one feature: the area's outline")
        found = features[0]
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = found.get("geometry")
    if not isinstance(found, dict) or found.get("type") not in GEOMETRIES:
        raise SiteInvalidError("an outline is a GeoJSON Polygon or MultiPolygon")
    return found


def _polygon(rings: Any) -> list[list[list[float]]]:
    if not isinstance(rings, list) or not rings:
        raise SiteInvalidError("a polygon needs at least one ring")
    return [_ring(ring) for ring in rings]


def _ring(ring: Any) -> list[list[float]]:
    if not isinstance(ring, list) or len(ring) < 4:
        raise SiteInvalidError("a ring needs at least four points")
    points = [_point(point) for point in ring]
    if points[0] != points[-1]:
        raise SiteInvalidError("a ring must end where it begins")
    return points


def _point(point: Any) -> list[float]:
    if not isinstance(point, list) or len(point) < 2:
        raise SiteInvalidError("a point is a longitude and a latitude")
    numbers = [one for one in point[:2] if isinstance(one, int | float) and not isinstance(one, bool)]
    if len(numbers) != 2 or not all(map(math.isfinite, numbers)):
        raise SiteInvalidError("a point is a longitude and a latitude, in degrees")
    longitude, latitude = float(numbers[0]), float(numbers[1])
    if abs(longitude) > 180 or abs(latitude) > 90:
        raise SiteInvalidError(f"no place on earth is at {longitude:g}, {latitude:g}: longitude comes first")
    return [round(longitude, 6), round(latitude, 6)]
