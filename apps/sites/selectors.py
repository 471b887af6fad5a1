"""Reads of sites; each takes who is looking."""

from collections.abc import Collection, Sequence

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import Organization, User
from apps.sites.households import in_force, standing_of
from apps.sites.models import GridArea, Resource, Role, Site, SiteMember
from apps.sites.rights import roles_with


def sites_of_household(*, user: User) -> QuerySet[Site]:
    """Return the homes where `user` lives: guests with a narrower right are not of the household."""
    return Site.objects.filter(pk__in=_member_ids(user, roles_with("see")), closed_at=None).order_by("pk")


def sites_of_organization(*, organization: Organization) -> QuerySet[Site]:
    """Return every site of the tenant; what is left of a deleted one is none."""
    return Site.objects.filter(organization=organization, closed_at=None).order_by("pk")


def sites_found(
    *,
    organization: Organization,
    name: str | None = None,
    external_ref: str | None = None,
    grid_area: int | None = None,
    resource: str | None = None,
) -> QuerySet[Site]:
    """Return the tenant's sites that are as asked."""
    found = sites_of_organization(organization=organization)
    if name is not None:
        found = found.filter(name__icontains=name)
    if external_ref is not None:
        found = found.filter(external_ref=external_ref)
    if grid_area is not None:
        found = found.filter(grid_area_id=grid_area)
    if resource is not None:
        found = found.filter(Exists(Resource.objects.filter(site=OuterRef("pk"), kind=resource)))
    return found


def members_of_site(*, site: Site) -> QuerySet[SiteMember]:
    """Return the site's household."""
    return SiteMember.objects.filter(site=site).select_related("user").order_by("pk")


def resources_at(*, site: Site) -> QuerySet[Resource]:
    """Return a site's resources."""
    return Resource.objects.filter(site=site).select_related("site__organization").order_by("pk")


def grid_areas_of_organization(*, organization: Organization) -> QuerySet[GridArea]:
    """Return the tenant's grid areas."""
    return GridArea.objects.filter(organization=organization).order_by("pk")


def site_visible(*, user: User, site_id: int) -> Site | None:
    """Return the site if `user` lives there or works for its organization."""
    standing = standing_of(user=user, site_id=site_id)
    return standing.site if standing is not None and "see" in standing.rights else None


def is_owner(*, user: User, site: Site) -> bool:
    """Whether `user` decides for the household of `site`."""
    return SiteMember.objects.filter(in_force(), user=user, site=site, role=Role.OWNER).exists()


def _member_ids(user: User, roles: list[str]) -> QuerySet[SiteMember, int]:
    return SiteMember.objects.filter(in_force(), user=user, role__in=roles).values_list("site_id", flat=True)


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


def areas_feeding(*, area: GridArea) -> list[GridArea]:
    """Return an area and all that feed it, the nearest first."""
    rows = {one.pk: one for one in GridArea.objects.filter(organization_id=area.organization_id)}
    found = [rows[area.pk]]
    while (above := rows.get(found[-1].parent_id or 0)) is not None and above not in found:
        found.append(above)
    return found


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


def all_site_ids() -> list[int]:
    """Return all tenants' homes, for periodic work on each."""
    return list(Site.objects.order_by("pk").values_list("pk", flat=True))
