"""Writes of sites and resources."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.models import Organization, User
from apps.common.errors import DomainError
from apps.sites.models import GridArea, Resource, Site, SiteMember


class SiteInvalidError(DomainError):
    code = "site_invalid"


def grid_area_create(*, organization: Organization, name: str) -> GridArea:
    """Create a grid area."""
    return GridArea.objects.create(organization=organization, name=name)


def site_create(
    *, organization: Organization, name: str, now: datetime, grid_area: GridArea | None = None, **limits: Any
) -> Site:
    """Create a site; `limits` are import_limit_kw, export_limit_kw, reserve_soc, time_zone, and where it
    stands: latitude_deg, longitude_deg.
    """
    site = Site(organization=organization, name=name, grid_area=grid_area, created_at=now, **limits)
    try:
        site.full_clean()
        _check(site)
    except ValidationError as error:
        raise SiteInvalidError(
            "; ".join(f"{k}: {' '.join(v)}" for k, v in error.message_dict.items())
        ) from error
    site.save()
    return site


def _check(site: Site) -> None:
    """What the fields' own validators let through: a comparison with NaN says nothing."""
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
