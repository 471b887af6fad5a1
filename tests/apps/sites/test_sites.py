"""Homes: what is refused, and who sees them."""

from typing import Any

import pytest

from apps.sites.models import Resource, Site
from apps.sites.selectors import is_owner, site_visible, sites_of_household
from apps.sites.services import SiteInvalidError, resources_sync, site_create
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "limits",
    [
        {"import_limit_kw": -1.0},
        {"export_limit_kw": float("nan")},
        {"import_limit_kw": float("inf")},
        {"reserve_soc": 1.1},
        {"reserve_soc": float("nan")},
        {"time_zone": "Europe/Nowhere"},
        {"time_zone": ""},
    ],
)
def test_site_that_makes_no_sense_is_refused(limits: dict[str, Any]) -> None:
    organization = factories.make_organization()
    with pytest.raises(SiteInvalidError):
        site_create(organization=organization, name="Home", now=NOW, **limits)
    assert Site.objects.count() == 0


def test_name_is_taken_once_in_a_tenant() -> None:
    organization = factories.make_organization()
    site_create(organization=organization, name="Home", now=NOW)
    with pytest.raises(SiteInvalidError):
        site_create(organization=organization, name="Home", now=NOW)
    assert Site.objects.count() == 1


def test_home_is_seen_by_its_household_and_its_tenant() -> None:
    site = factories.make_site(organization=factories.make_organization())
    owner = factories.make_owner(site=site)
    operator = factories.make_operator(organization=site.organization)
    stranger = factories.make_operator(organization=factories.make_organization())
    assert [site_visible(user=user, site_id=site.pk) for user in (owner, operator, stranger)] == [
        site,
        site,
        None,
    ]
    assert [is_owner(user=user, site=site) for user in (owner, operator, stranger)] == [True, False, False]
    assert (list(sites_of_household(user=owner)), list(sites_of_household(user=operator))) == ([site], [])


def test_hub_says_its_resources_again() -> None:
    site = factories.make_site(organization=factories.make_organization())
    other = factories.make_site(organization=site.organization)
    changed = {"key": "battery", "kind": "battery", "name": "New", "parameters": {"capacity_kwh": 5.0}}
    added = {"key": "pv", "kind": "pv", "name": "", "parameters": {"peak_kw": 6.0}}
    resources_sync(site_id=site.pk, resources=[changed, added])
    held = {one.key: (one.name, one.parameters) for one in Resource.objects.filter(site=site)}
    assert held == {"battery": ("New", {"capacity_kwh": 5.0}), "pv": ("", {"peak_kw": 6.0})}
    assert Resource.objects.get(site=other).parameters == dict(factories.BATTERY)
