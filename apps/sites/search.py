"""Choosing among a tenant's sites, in the database: by words of the name, area and kinds of resources."""

import re

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Exists, OuterRef, QuerySet

from apps.accounts.models import Organization
from apps.sites.models import GridArea, Resource, Site
from apps.sites.selectors import areas_fed_by

WORDS = re.compile(r"[^\W_]+", re.UNICODE)
MOST_WORDS = 8
KINDS = {"battery": "battery", "ev_charger": "car charger", "heat_pump": "heat pump", "pv": "solar power"}


def words_query(text: str) -> SearchQuery | None:
    """Return a full-text question for rows with words that begin so; None where `text` has no words."""
    words = WORDS.findall(text)[:MOST_WORDS]
    if not words:
        return None
    return SearchQuery(" & ".join(f"'{word}':*" for word in words), search_type="raw", config="simple")


def sites_searched(
    *, organization: Organization, name: str = "", area: GridArea | None = None, kinds: tuple[str, ...] = ()
) -> QuerySet[Site]:
    """Return the tenant's sites with such words in their names, in the area or one fed by it, with all of `kinds`."""
    found = Site.objects.filter(organization=organization)
    if name.strip():
        query = words_query(name)
        if query is None:
            return found.none()
        found = found.annotate(words=SearchVector("name", config="simple")).filter(words=query)
    if area is not None:
        found = found.filter(grid_area_id__in=areas_fed_by(area=area))
    for kind in kinds:
        found = found.filter(Exists(Resource.objects.filter(site=OuterRef("pk"), kind=kind)))
    return found
