"""Reads of sites; each takes who is looking."""

from collections.abc import Collection, Sequence

from django.db import connection
from django.db.models import Q, QuerySet

from apps.accounts.models import Organization, User
from apps.sites.models import GridArea, Resource, Site, SiteMember


def sites_of_household(*, user: User) -> QuerySet[Site]:
    """Return the homes that `user` belongs to."""
    return Site.objects.filter(members__user=user).order_by("pk")


def sites_of_organization(*, organization: Organization) -> QuerySet[Site]:
    """Return every site of the tenant."""
    return Site.objects.filter(organization=organization).order_by("pk")


def grid_areas_of_organization(*, organization: Organization) -> QuerySet[GridArea]:
    """Return the tenant's grid areas."""
    return GridArea.objects.filter(organization=organization).order_by("pk")


def site_visible(*, user: User, site_id: int) -> Site | None:
    """Return the site if `user` lives there or works for its organization."""
    household = Site.objects.filter(pk=site_id, members__user=user).first()
    if household is not None:
        return household
    return Site.objects.filter(pk=site_id, organization__memberships__user=user).first()


def is_owner(*, user: User, site: Site) -> bool:
    """Whether `user` decides for the household of `site`."""
    return SiteMember.objects.filter(user=user, site=site, role=SiteMember.Role.OWNER).exists()


def resources_by_site(*, site_ids: list[int]) -> dict[int, dict[str, Resource]]:
    """Return resources by site and kind (the first of a kind)."""
    found: dict[int, dict[str, Resource]] = {site_id: {} for site_id in site_ids}
    for resource in Resource.objects.filter(site_id__in=site_ids).order_by("pk"):
        found[resource.site_id].setdefault(resource.kind, resource)
    return found


def resources_of_site(*, site: Site) -> list[Resource]:
    """Return every resource of a site, in the order in which they came."""
    return list(Resource.objects.filter(site=site).order_by("pk"))


def resource_keys(*, site_ids: Sequence[int], kinds: Sequence[str]) -> dict[int, dict[str, str]]:
    """Return the keys of resources of these kinds, by site and kind (the first of a kind)."""
    rows = Resource.objects.filter(site_id__in=list(site_ids), kind__in=list(kinds)).order_by("pk")
    found: dict[int, dict[str, str]] = {}
    for site_id, kind, key in rows.values_list("site_id", "kind", "key"):
        found.setdefault(site_id, {}).setdefault(kind, key)
    return found


def sites_named(*, organization: Organization, names: Collection[str]) -> set[int]:
    """Return the tenant's sites of these names, and all in grid areas of these names or fed by them."""
    areas = list(GridArea.objects.filter(organization=organization).values_list("pk", "parent_id", "name"))
    chosen = {pk for pk, _, name in areas if name in names}
    while fed := {pk for pk, parent_id, _ in areas if parent_id in chosen} - chosen:
        chosen |= fed
    held = Site.objects.filter(organization=organization)
    return set(held.filter(Q(name__in=list(names)) | Q(grid_area_id__in=chosen)).values_list("pk", flat=True))


def areas_fed_by(*, area: GridArea) -> set[int]:
    """Return an area and all that it feeds, by number."""
    rows = list(GridArea.objects.filter(organization_id=area.organization_id).values_list("pk", "parent_id"))
    chosen = {area.pk}
    while fed := {pk for pk, parent_id in rows if parent_id in chosen} - chosen:
        chosen |= fed
    return chosen


def sites_with_resource(*, site_ids: Sequence[int], kinds: Sequence[str]) -> set[int]:
    """Return which of the sites have a resource of one of these kinds."""
    found = Resource.objects.filter(site_id__in=list(site_ids), kind__in=list(kinds))
    return set(found.values_list("site_id", flat=True))


def site_name(*, site_id: int) -> str:
    """Return what a site is called, for messages."""
    return Site.objects.values_list("name", flat=True).filter(pk=site_id).first() or f"site {site_id}"


def sites_by_id(*, site_ids: list[int]) -> dict[int, Site]:
    """Return sites by number, for services that have checked whose they are."""
    return Site.objects.in_bulk(site_ids)


def described_numbers(
    *, organization: Organization, kind: str, names: Sequence[str]
) -> list[tuple[float | None, ...]]:
    """Return (site_id, *numbers) of the first resource of `kind` at each of the tenant's sites, by site.

    A parameter that is missing or no number is None. The database reads the JSON: with many homes that is most of the
    work.
    """
    number = (
        "CASE WHEN jsonb_typeof(r.parameters -> %s) = 'number' THEN (r.parameters ->> %s)::float8 END, "
        * len(names)
    ).rstrip(", ")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT ON (r.site_id) r.site_id, {number} FROM sites_resource r "  # noqa: S608
            "JOIN sites_site s ON s.id = r.site_id WHERE s.organization_id = %s AND r.kind = %s "
            "ORDER BY r.site_id, r.id",
            [name for one in names for name in (one, one)] + [organization.pk, kind],
        )
        return list(cursor.fetchall())
