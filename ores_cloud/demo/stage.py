"""The tenant that the demo plays in: an organization, its people, homes and partners' credentials."""

import dataclasses
from datetime import datetime

from django.contrib.auth.hashers import make_password

from apps.accounts.models import ApiClient, Membership
from apps.accounts.services import (
    Credential,
    api_client_create,
    membership_create,
    organization_create,
    user_create,
)
from apps.sites.models import Site
from apps.sites.services import grid_area_create, grid_area_set, site_create, site_member_add
from ores_cloud.demo.people import OPERATOR, PASSWORD

# The street's surroundings, as a map shows them (longitude, latitude).
CORNERS = (
    (8.9982, 51.2988),
    (9.0045, 51.2984),
    (9.0105, 51.2993),
    (9.0112, 51.3022),
    (9.0088, 51.3052),
    (8.9987, 51.3042),
)
OUTLINE = {"type": "Polygon", "coordinates": [[list(corner) for corner in (*CORNERS, CORNERS[0])]]}


@dataclasses.dataclass(frozen=True)
class Stage:
    """What the story needs to know."""

    sites: dict[str, Site]  # by home key
    owners: dict[str, str]  # e-mail by home key
    utility: Credential
    aggregator: Credential


def build(*, homes: dict[str, tuple[str, float]], now: datetime) -> Stage:
    """Create the tenant; `homes` gives name and reserve by key."""
    organization = organization_create(name="Sunny Street Energy", slug="sunny-street")
    operator = user_create(email=OPERATOR, password=PASSWORD, first_name="Olga")
    membership_create(organization=organization, user=operator, role=Membership.Role.OPERATOR)
    area = grid_area_create(organization=organization, name="Feeder 7")
    grid_area_set(area=area, changes={"shape": OUTLINE}, actor=OPERATOR, now=now)
    hashed = make_password(PASSWORD)  # one slow hash for all who share the demo's password
    sites: dict[str, Site] = {}
    owners: dict[str, str] = {}
    for index, (key, (name, reserve_soc)) in enumerate(homes.items()):
        site = site_create(
            organization=organization,
            name=name,
            now=now,
            grid_area=area,
            reserve_soc=reserve_soc,
            export_limit_kw=10.0,
            # Where the profiles' sun stands: noon of 9 degrees east.
            latitude_deg=51.3 + (index % 4) * 0.0011 + (index % 3) * 0.0002,
            longitude_deg=9.0 + (index // 4) * 0.0017 + (index % 2) * 0.0003,
        )
        owner = user_create(email=f"{key}@demo.example", password=None, first_name=name)
        owner.password = hashed
        owner.save(update_fields=["password"])
        site_member_add(site=site, user=owner)
        sites[key], owners[key] = site, owner.email
    return Stage(
        sites=sites,
        owners=owners,
        utility=api_client_create(
            organization=organization, name="City Utility", role=ApiClient.Role.UTILITY
        ),
        aggregator=api_client_create(
            organization=organization, name="Aggregator", role=ApiClient.Role.AGGREGATOR
        ),
    )
