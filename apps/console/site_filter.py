"""Which of a tenant's sites an operator looks at: one filter for the table, the map, exports and enrollment."""

import dataclasses
from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import urlencode

from django.db.models import QuerySet

from apps.accounts.models import Organization
from apps.hubs.selectors import agent_versions, site_ids_with_hub
from apps.programs.models import Program
from apps.programs.selectors import enrolled_sites, programs_of_organization
from apps.sites.models import GridArea, Site
from apps.sites.search import KINDS, sites_searched
from apps.sites.selectors import grid_areas_of_organization

HUB_STATES: Final = {
    "online": "online",
    "offline": "offline",
    "new": "never seen",
    "any": "has a hub",
    "none": "has none",
}
NUMBER_LENGTH = 18
Row = TypeVar("Row", GridArea, Program)


@dataclasses.dataclass(frozen=True)
class SiteFilter:
    """What stands in the fields; what names nothing of the tenant's finds nothing."""

    name: str = ""
    area: str = ""
    program: str = ""
    hub: str = ""
    firmware: str = ""
    kinds: tuple[str, ...] = ()

    @classmethod
    def read(cls, sent: Mapping[str, str]) -> "SiteFilter":
        """Read a form's fields; `kind` may stand in it several times, joined by commas."""
        kinds = tuple(kind for kind in KINDS if kind in sent.get("kinds", "").split(",") or sent.get(kind))
        texts = {
            name: sent.get(name, "").replace("\x00", "")[:120]
            for name in ("name", "area", "program", "hub", "firmware")
        }
        return cls(**texts, kinds=kinds)

    @property
    def is_empty(self) -> bool:
        return self == SiteFilter()

    @property
    def query(self) -> str:
        """The filter as part of an address."""
        texts = {name: value for name, value in dataclasses.asdict(self).items() if value and name != "kinds"}
        return urlencode(texts | ({"kinds": ",".join(self.kinds)} if self.kinds else {}))


@dataclasses.dataclass(frozen=True)
class FilterForm:
    """The filter with what each field offers."""

    chosen: SiteFilter
    areas: list[GridArea]
    programs: list[Program]
    versions: list[str]
    hub_states: dict[str, str]
    kinds: list[tuple[str, str, bool]]


def filter_form(*, organization: Organization, chosen: SiteFilter) -> FilterForm:
    """Return the form."""
    return FilterForm(
        chosen=chosen,
        areas=list(grid_areas_of_organization(organization=organization).order_by("name")),
        programs=list(programs_of_organization(organization=organization)),
        versions=agent_versions(organization=organization),
        hub_states=HUB_STATES,
        kinds=[(kind, label, kind in chosen.kinds) for kind, label in KINDS.items()],
    )


def sites_filtered(*, organization: Organization, chosen: SiteFilter) -> QuerySet[Site]:
    """Return the tenant's sites that the filter lets through."""
    area = None
    if chosen.area:
        area = _numbered(grid_areas_of_organization(organization=organization), chosen.area)
        if area is None:
            return Site.objects.none()
    found = sites_searched(organization=organization, name=chosen.name, area=area, kinds=chosen.kinds)
    if chosen.program:
        program = _numbered(programs_of_organization(organization=organization), chosen.program)
        found = found.filter(pk__in=enrolled_sites(program=program)) if program else found.none()
    return _by_hub(found, organization=organization, chosen=chosen)


def _by_hub(found: QuerySet[Site], *, organization: Organization, chosen: SiteFilter) -> QuerySet[Site]:
    if chosen.hub == "none":
        return found.exclude(pk__in=site_ids_with_hub(organization=organization))
    if chosen.hub and chosen.hub not in HUB_STATES:
        return found.none()
    if chosen.hub or chosen.firmware:
        held = site_ids_with_hub(organization=organization, state=chosen.hub, version=chosen.firmware)
        found = found.filter(pk__in=held)
    return found


def _numbered(rows: QuerySet[Row], number: str) -> Row | None:
    if not (number.isascii() and number.isdigit() and len(number) < NUMBER_LENGTH):
        return None
    return rows.filter(pk=int(number)).first()
