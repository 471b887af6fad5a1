"""Writes of sites and resources."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.models import Organization, User
from apps.accounts.services import audit
from apps.common.errors import DomainError
from apps.sites.models import GridArea, Resource, Site, SiteMember


class SiteInvalidError(DomainError):
    code = "site_invalid"


def grid_area_create(*, organization: Organization, name: str) -> GridArea:
    """Create a grid area."""
    area = GridArea(organization=organization, name=name)
    try:
        area.full_clean()
    except ValidationError as error:
        raise SiteInvalidError(sentence_of(error)) from error
    area.save()
    return area


@transaction.atomic
def grid_area_set(*, area: GridArea, changes: Mapping[str, Any], actor: str, now: datetime) -> GridArea:
    """Change an area's name, limits (None for no limit), the area that feeds it, or its outline."""
    was = {name: _kept(getattr(area, name)) for name in changes}
    for name, value in changes.items():
        setattr(area, name, value)
    try:
        area.full_clean()
        for name in ("import_limit_kw", "export_limit_kw"):
            value = getattr(area, name)
            if value is not None and not math.isfinite(value):
                raise ValidationError({name: "is not a finite number"})
        if area.parent is not None and not _may_feed(area.parent, area):
            raise ValidationError({"parent": "is not an area of yours that could feed this one"})
    except ValidationError as error:
        raise SiteInvalidError(sentence_of(error)) from error
    area.save()
    audit(
        organization=area.organization, actor=actor, action="grid_area_set", subject=f"grid area {area.pk}", now=now,
        was=was, **{name: _kept(value) for name, value in changes.items()},
    )  # fmt: skip
    return area


def _kept(value: Any) -> Any:
    """A value as the audit log keeps it: an area by its name, an outline by its length alone."""
    if isinstance(value, GridArea):
        return value.name
    return f"outline of {len(str(value))} characters" if isinstance(value, dict) else value


def _may_feed(parent: GridArea, area: GridArea) -> bool:
    """Whether `parent` is of the same tenant and not fed by `area` itself."""
    if parent.organization_id != area.organization_id:
        return False
    above: GridArea | None = parent
    while above is not None:
        if above.pk == area.pk:
            return False
        above = above.parent
    return True


def sentence_of(error: ValidationError) -> str:
    """Return what fields are wrong, in words."""
    return "; ".join(f"{name}: {' '.join(said)}" for name, said in error.message_dict.items())


def site_create(
    *, organization: Organization, name: str, now: datetime, grid_area: GridArea | None = None, **limits: Any
) -> Site:
    """Create a site; `limits` are import_limit_kw, export_limit_kw, reserve_soc, time_zone, and where it
    stands: latitude_deg, longitude_deg.
    """
    site = Site(organization=organization, name=name, grid_area=grid_area, created_at=now, **limits)
    try:
        site.full_clean()
        check_site(site)
    except ValidationError as error:
        raise SiteInvalidError(sentence_of(error)) from error
    site.save()
    return site


def check_site(site: Site) -> None:
    """Check what the fields' own validators let through: a comparison with NaN says nothing."""
    if not all(map(math.isfinite, (site.import_limit_kw, site.export_limit_kw, site.reserve_soc))):
        raise ValidationError({"import_limit_kw": "limits and reserve must be finite numbers"})
    place = [degrees for degrees in (site.latitude_deg, site.longitude_deg) if degrees is not None]
    if len(place) == 1 or not all(map(math.isfinite, place)):
        raise ValidationError({"latitude_deg": "a place has a latitude and a longitude"})
    try:
        ZoneInfo(site.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValidationError({"time_zone": f"{site.time_zone} is not a time zone"}) from error


def site_member_add(*, site: Site, user: User, role: str = SiteMember.Role.OWNER) -> SiteMember:
    """Make `user` part of the household."""
    return SiteMember.objects.create(site=site, user=user, role=role)


@transaction.atomic
def resources_sync(*, site_id: int, resources: Sequence[Mapping[str, Any]]) -> None:
    """Take over what the hub says its resources are: key, kind, name, parameters."""
    for found in resources:
        Resource.objects.update_or_create(
            site_id=site_id,
            key=found["key"],
            defaults={"kind": found["kind"], "name": found["name"], "parameters": found["parameters"]},
        )
