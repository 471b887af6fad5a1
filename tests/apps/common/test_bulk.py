"""Rows by COPY are the rows an INSERT would make."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from apps.common.bulk import FEW, bulk_copy
from apps.flexibility.models import SiteFlexibility
from apps.hubs.models import Hub, Instruction
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("count", [0, 3, FEW + 20])
def test_json_arrays_instants_and_missing_values_come_back(count: int) -> None:
    organization = factories.make_organization()
    site = factories.make_site(organization=organization)
    hub = Hub.objects.create(
        organization=organization, site=site, state="active", public_key=b"1" * 32, created_at=NOW
    )
    schedules: list[Any] = [None, {"site_kw": [1.5, None], "reason": 'tab\t"\\N" ü'}]
    made = [
        Instruction(
            instruction_id=uuid.uuid4(),
            revision=index + 1,
            hub=hub,
            schedule=schedules[index % 2],
            reason="line\nbreak \\.",
            not_before=NOW,
            expires_at=NOW + timedelta(hours=1),
            created_at=NOW,
        )
        for index in range(count)
    ]
    bulk_copy(Instruction, made)
    held = {row.pk: row for row in Instruction.objects.all()}
    assert len(held) == count
    for one in made:
        row = held[one.pk]
        assert (row.instruction_id, row.revision, row.schedule) == (
            one.instruction_id,
            one.revision,
            one.schedule,
        )
        assert (row.reason, row.expires_at, row.sent_at, row.state) == (
            one.reason,
            one.expires_at,
            None,
            "queued",
        )
        assert not one._state.adding
    assert Instruction.objects.filter(schedule__isnull=True).count() == (count + 1) // 2


def test_arrays_of_numbers_keep_every_digit() -> None:
    organization = factories.make_organization()
    sites = [factories.make_site(organization=organization) for _ in range(FEW)]
    values = [0.1 + 0.2, -1e-17, 123456.789, 0.0]
    bulk_copy(
        SiteFlexibility,
        [
            SiteFlexibility(
                signal_id=uuid.UUID(int=1), site=site, computed_at=NOW, starts_at=NOW, interval_s=900,
                baseline_kw=values, max_shed_kw=[], energy_kwh=1 / 3, baseline_method="x", note="",
            )
            for site in sites
        ],
    )  # fmt: skip
    rows = SiteFlexibility.objects.order_by("site_id")
    assert [row.site_id for row in rows] == [site.pk for site in sites]
    assert {(*row.baseline_kw, *row.max_shed_kw, row.energy_kwh) for row in rows} == {(*values, 1 / 3)}
