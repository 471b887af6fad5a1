"""Grid areas: their limits, what feeds them, and their outlines for maps."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Count

from apps.accounts.errors import OperatorOnlyError
from apps.accounts.models import Organization, User
from apps.accounts.selectors import is_operator
from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.sites.models import GridArea
from apps.sites.selectors import grid_areas_of_organization
from apps.sites.services import SiteInvalidError, grid_area_create, grid_area_set
from apps.sites.shapes import LARGEST_BYTES, shape_of


@dataclasses.dataclass(frozen=True)
class AreaPage:
    """A grid area with what the form offers."""

    area: GridArea
    sites: int
    children: list[GridArea]
    parents: list[GridArea]
    points: int


def area_rows(*, organization: Organization) -> list[GridArea]:
    """Return the tenant's areas with how many sites stand in each."""
    found = grid_areas_of_organization(organization=organization).select_related("parent")
    return list(found.annotate(sites=Count("site")).order_by("name"))


def area_of_organization(*, organization: Organization, area_id: int) -> GridArea | None:
    """Return the tenant's area."""
    found = grid_areas_of_organization(organization=organization).select_related("parent", "organization")
    return found.filter(pk=area_id).first()


def area_page(*, area: GridArea) -> AreaPage:
    """Return the page of an area."""
    held = grid_areas_of_organization(organization=area.organization)
    return AreaPage(
        area=area,
        sites=area.site_set.count(),
        children=list(area.children.order_by("name")),
        parents=list(held.exclude(pk=area.pk).order_by("name")),
        points=_points(area.shape),
    )


def _points(shape: Any) -> int:
    if not shape:
        return 0
    polygons = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
    return sum(len(ring) for polygon in polygons for ring in polygon)


@transaction.atomic
def create(*, organization: Organization, user: User, sent: Mapping[str, str], now: datetime) -> GridArea:
    """Create an area; viewers may not."""
    _must_operate(user, organization)
    area = grid_area_create(organization=organization, name=sent.get("name", "").strip())
    audit(
        organization=organization, actor=user.email, action="grid_area_create", subject=f"grid area {area.pk}", now=now,
        name=area.name,
    )  # fmt: skip
    return area


def change(
    *, area: GridArea, user: User, sent: Mapping[str, str], upload: UploadedFile[Any] | None, now: datetime
) -> str:
    """Change an area as one of the page's forms asks; return what was done. Viewers may not."""
    _must_operate(user, area.organization)
    do = sent.get("do")
    if do == "outline":
        if upload is None:
            raise DomainError("Choose a file first.", code="form_invalid")
        if (upload.size or 0) > LARGEST_BYTES:
            raise SiteInvalidError("an outline may have at most 1 MB")
        grid_area_set(area=area, changes={"shape": shape_of(upload.read())}, actor=user.email, now=now)
        return "The outline is on the map."
    if do == "no_outline":
        grid_area_set(area=area, changes={"shape": None}, actor=user.email, now=now)
        return "The outline is removed."
    if do == "limits":
        grid_area_set(area=area, changes=_limits(area, sent), actor=user.email, now=now)
        return "Saved."
    raise DomainError("That is no change.", code="form_invalid")


def _limits(area: GridArea, sent: Mapping[str, str]) -> dict[str, Any]:
    changes: dict[str, Any] = {"name": sent.get("name", "").strip()}
    for name in ("import_limit_kw", "export_limit_kw"):
        text = sent.get(name, "").strip()
        try:
            changes[name] = float(text) if text else None
        except ValueError as error:
            raise DomainError("A limit is a number of kW, or empty.", code="form_invalid") from error
    changes["parent"] = _parent(area, sent.get("parent", ""))
    return changes


def _parent(area: GridArea, number: str) -> GridArea | None:
    if not number:
        return None
    held = grid_areas_of_organization(organization=area.organization)
    found = held.filter(pk=int(number)).first() if number.isdecimal() and len(number) < 18 else None
    if found is None:
        raise DomainError("Choose an area of yours that feeds this one.", code="form_invalid", status=404)
    return found


def _must_operate(user: User, organization: Organization) -> None:
    if not is_operator(user=user, organization=organization):
        raise OperatorOnlyError("only an operator can change grid areas")
