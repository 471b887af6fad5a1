"""Where a site stands: both degrees or none, and on this planet."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from apps.sites.models import Site
from apps.sites.services import SiteInvalidError, site_create
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "wrong",
    [
        {"latitude_deg": 51.0},
        {"longitude_deg": 9.0},
        {"latitude_deg": 91.0, "longitude_deg": 9.0},
        {"latitude_deg": 51.0, "longitude_deg": -181.0},
        {"latitude_deg": float("nan"), "longitude_deg": 9.0},
    ],
)
def test_half_a_place_and_one_off_the_globe_are_refused_by_service_and_database(
    wrong: dict[str, Any],
) -> None:
    organization = factories.make_organization()
    with pytest.raises(SiteInvalidError):
        site_create(organization=organization, name="Nowhere", now=NOW, **wrong)
    with pytest.raises(IntegrityError), transaction.atomic():
        Site.objects.create(organization=organization, name="Nowhere", created_at=NOW, **wrong)
    assert Site.objects.count() == 0


def test_place_is_kept_and_may_be_left_out() -> None:
    organization = factories.make_organization()
    placed = site_create(
        organization=organization, name="Here", now=NOW, latitude_deg=51.3, longitude_deg=9.0
    )
    unplaced = site_create(organization=organization, name="Somewhere", now=NOW)
    assert (placed.latitude_deg, placed.longitude_deg, unplaced.latitude_deg) == (51.3, 9.0, None)
