"""What an organization changes of its sites and their resources by hand; each act is in the audit log."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from apps.accounts.models import Organization
from apps.accounts.services import audit
from apps.common.errors import ConflictError, DomainError
from apps.sites.models import Resource, Site
from apps.sites.selectors import grid_areas_of_organization
from apps.sites.services import SiteInvalidError, check_site, sentence_of


class SiteTakenError(ConflictError):
    code = "site_taken"


class SiteInUseError(ConflictError):
    code = "site_in_use"


class ResourceTakenError(ConflictError):
    code = "resource_taken"


class ResourceInvalidError(DomainError):
    code = "resource_invalid"


@transaction.atomic
def site_add(*, organization: Organization, fields: Mapping[str, Any], actor: str, now: datetime) -> Site:
    """Create a site."""
    site = Site(organization=organization, created_at=now)
    _take(site, fields)
    _save(site)
    audit(
        organization=organization, actor=actor, action="site_create", subject=f"site {site.pk}", now=now, **dict(fields)
    )  # fmt: skip
    return site


@transaction.atomic
def site_set(*, site: Site, changes: Mapping[str, Any], actor: str, now: datetime) -> Site:
    """Change a site; the log has what it was."""
    was = {name: getattr(site, name) for name in changes}
    _take(site, changes)
    _save(site)
    audit(
        organization=site.organization, actor=actor, action="site_set", subject=f"site {site.pk}", now=now,
        was=was, **dict(changes),
    )  # fmt: skip
    return site


def _take(site: Site, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(site, name, value)
    area_id = site.grid_area_id
    areas = grid_areas_of_organization(organization=site.organization)
    if area_id is not None and not areas.filter(pk=area_id).exists():
        raise SiteInvalidError("grid_area: no such grid area")


def _save(site: Site) -> None:
    taken = Site.objects.filter(organization=site.organization).exclude(pk=site.pk)
    for name in ("name", "external_ref"):
        value = getattr(site, name)
        if value is not None and taken.filter(**{name: value}).exists():
            raise SiteTakenError(f"there is a site of this {name} already")
    try:
        site.full_clean(validate_unique=False, validate_constraints=False)
        check_site(site)
        with transaction.atomic():
            site.save()
    except ValidationError as error:
        raise SiteInvalidError(sentence_of(error)) from error
    except IntegrityError as error:
        raise SiteTakenError("there is a site of this name or external_ref already") from error


@transaction.atomic
def site_delete(*, site: Site, actor: str, now: datetime) -> None:
    """Delete a site that nothing refers to but its resources."""
    if users := sorted(what_refers_to(site)):
        raise SiteInUseError(f"something refers to this site: {', '.join(users)}")
    audit(
        organization=site.organization, actor=actor, action="site_delete", subject=f"site {site.pk}", now=now,
        name=site.name,
    )  # fmt: skip
    site.delete()


def what_refers_to(site: Site) -> set[str]:
    """Return what holds rows about a site, by name; its resources apart, which go with it."""
    return {
        str(relation.related_model._meta.verbose_name_plural)
        for relation in Site._meta.related_objects
        if relation.related_model is not Resource
        and relation.related_model._base_manager.filter(**{relation.field.name: site}).exists()
    }


@transaction.atomic
def resource_add(*, site: Site, fields: Mapping[str, Any], actor: str, now: datetime) -> Resource:
    """Describe a resource of a site."""
    resource = Resource(site=site, **{"parameters": {}, **fields})
    _save_resource(resource)
    audit(
        organization=site.organization, actor=actor, action="resource_create", subject=f"site {site.pk}", now=now,
        **dict(fields),
    )  # fmt: skip
    return resource


@transaction.atomic
def resource_set(*, resource: Resource, changes: Mapping[str, Any], actor: str, now: datetime) -> Resource:
    """Change what is said of a resource."""
    was = {name: getattr(resource, name) for name in changes}
    for name, value in changes.items():
        setattr(resource, name, value)
    _save_resource(resource)
    audit(
        organization=resource.site.organization, actor=actor, action="resource_set",
        subject=f"site {resource.site_id}", now=now, key=resource.key, was=was, **dict(changes),
    )  # fmt: skip
    return resource


@transaction.atomic
def resource_delete(*, resource: Resource, actor: str, now: datetime) -> None:
    """Take a resource off a site; a hub that still has it describes it again."""
    audit(
        organization=resource.site.organization, actor=actor, action="resource_delete",
        subject=f"site {resource.site_id}", now=now, key=resource.key,
    )  # fmt: skip
    resource.delete()


def _save_resource(resource: Resource) -> None:
    values = resource.parameters.values()
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in values):
        raise ResourceInvalidError("parameters: each is a finite number")
    try:
        resource.full_clean(validate_unique=False, validate_constraints=False)
        with transaction.atomic():
            resource.save()
    except ValidationError as error:
        raise ResourceInvalidError(sentence_of(error)) from error
    except IntegrityError as error:
        raise ResourceTakenError(f"the site has a resource {resource.key!r} already") from error
