"""The fleet on a map: sites drawn together by cell where they are many, in the database, and outlines of areas."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Avg, Count, F, FloatField, Func, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import Floor

from apps.accounts.models import Organization
from apps.common.errors import DomainError
from apps.console.site_filter import SiteFilter, sites_filtered
from apps.hubs.selectors import site_ids_with_hub
from apps.sites.models import Resource, Site
from apps.sites.selectors import grid_areas_of_organization

# A cell is about so many pixels wide on the screen, where the world at zoom 0 has 256.
CELL_PIXELS: Final = 56
WORLD_PIXELS: Final = 256
DEEPEST: Final = 19
MOST_CELLS: Final = 1500


class BatteryPower(Func):
    """The described power of a battery [kW]; what is no number counts as none."""

    template = (
        "CASE WHEN jsonb_typeof(%(expressions)s -> 'discharge_kw') = 'number' "
        "THEN (%(expressions)s ->> 'discharge_kw')::float8 END"
    )
    output_field = FloatField()

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:  # it stands twice
        sql, parameters = super().as_sql(compiler, connection, *args, **extra)
        return sql, (*parameters, *parameters)


@dataclasses.dataclass(frozen=True)
class Window:
    """The part of the world on the screen [degrees] and how near it is."""

    west: float
    south: float
    east: float
    north: float
    zoom: int

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> "Window":
        try:
            west, south, east, north = (float(sent[name]) for name in ("west", "south", "east", "north"))
            zoom = int(sent["zoom"])
        except (KeyError, ValueError) as error:
            raise DomainError(
                "west, south, east, north and zoom are needed", code="window_invalid"
            ) from error
        if not all(map(math.isfinite, (west, south, east, north))) or not 0 <= zoom <= DEEPEST:
            raise DomainError("this is no part of the world", code="window_invalid")
        return cls(west, south, east, north, zoom=zoom)

    @property
    def cell_deg(self) -> float:
        """How wide a cell is [degrees of longitude]."""
        return 360 * CELL_PIXELS / (WORLD_PIXELS * 2.0**self.zoom)


def clusters(*, organization: Organization, chosen: SiteFilter, window: Window) -> dict[str, Any]:
    """Return the cells of the window that hold sites: where, how many, how many online, and what batteries can give."""
    sites = sites_filtered(organization=organization, chosen=chosen).filter(
        longitude_deg__range=(window.west, window.east), latitude_deg__range=(window.south, window.north)
    )
    online = site_ids_with_hub(organization=organization, state="online")
    size = window.cell_deg
    rows = _cells(sites, size).annotate(
        sites=Count("pk"),
        online=Count("pk", filter=Q(pk__in=online)),
        longitude=Avg("longitude_deg"),
        latitude=Avg("latitude_deg"),
        site=Min("pk"),
        name=Min("name"),
    )
    power = _power(sites, size)
    found = [
        {
            "sites": row["sites"],
            "online": row["online"],
            "at": [round(row["longitude"], 6), round(row["latitude"], 6)],
            "kw": round(power.get((row["column"], row["line"]), 0.0), 1),
            **({"site": row["site"], "name": row["name"]} if row["sites"] == 1 else {}),
        }
        for row in rows.order_by("-sites")[:MOST_CELLS]
    ]
    return {"cells": found, "sites": sum(one["sites"] for one in found)}


def _cells(sites: QuerySet[Any], size: float, *, prefix: str = "") -> Any:
    """Group rows by the cell they stand in; a cell is lower near the poles, as the map is stretched there."""
    return (
        sites.order_by()
        .annotate(
            column=Floor(F(f"{prefix}longitude_deg") / size, output_field=FloatField()),
            line=Floor(F(f"{prefix}latitude_deg") / (size * 0.65), output_field=FloatField()),
        )
        .values("column", "line")
    )


def _power(sites: QuerySet[Site], size: float) -> dict[tuple[float, float], float]:
    batteries = Resource.objects.filter(kind=Resource.Kind.BATTERY, site__in=sites.order_by().values("pk"))
    rows = _cells(batteries, size, prefix="site__").annotate(kw=Sum(BatteryPower("parameters")))
    return {(row["column"], row["line"]): row["kw"] or 0.0 for row in rows}


def outlines(*, organization: Organization) -> dict[str, Any]:
    """Return the areas that have an outline, as GeoJSON, with how many sites stand in each."""
    areas = grid_areas_of_organization(organization=organization).filter(shape__isnull=False)
    features = [
        {
            "type": "Feature",
            "geometry": area.shape,
            "properties": {"id": area.pk, "name": area.name, "sites": area.sites},
        }
        for area in areas.annotate(sites=Count("site"))
    ]
    return {"type": "FeatureCollection", "features": features}


@dataclasses.dataclass(frozen=True)
class Extent:
    """Where the map begins [degrees]; all that the filter lets through fits in."""

    west: float
    south: float
    east: float
    north: float
    placed: int
    unplaced: int


def extent(*, organization: Organization, chosen: SiteFilter) -> Extent:
    """Return where the sites of the filter stand, and how many have no place."""
    found = sites_filtered(organization=organization, chosen=chosen).order_by().aggregate(
        west=Min("longitude_deg"), south=Min("latitude_deg"), east=Max("longitude_deg"), north=Max("latitude_deg"),
        placed=Count("longitude_deg"), all=Count("pk"),
    )  # fmt: skip
    if not found["placed"]:
        return Extent(-11.0, 35.0, 31.0, 66.0, 0, found["all"])
    west, south, east, north = (found[name] for name in ("west", "south", "east", "north"))
    return Extent(west, south, east, north, placed=found["placed"], unplaced=found["all"] - found["placed"])
