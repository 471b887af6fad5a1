"""What homes were asked, from several plans, for all and for some."""

from datetime import timedelta

import pytest

from apps.dispatch.asked import asked_of_homes
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.selectors import asked_kw
from apps.programs.models import GridSignal
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
STEP = timedelta(minutes=15)


def signal_of_three() -> GridSignal:
    organization = factories.make_organization()
    return GridSignal.objects.create(
        organization=organization,
        program=factories.make_program(organization=organization),
        source="test",
        starts_at=NOW,
        ends_at=NOW + 3 * STEP,
        interval_s=900,
        target_kw=[5.0] * 3,
        received_at=NOW,
    )


def plan(signal: GridSignal, *, first: int, made_s: float, shed_kw: dict[int, list[float]]) -> None:
    made = Plan.objects.create(
        signal=signal, revision=signal.plans.count() + 1, status="optimal",
        created_at=signal.starts_at + timedelta(seconds=made_s), starts_at=signal.starts_at + first * STEP,
        interval_s=900, target_kw=[], planned_kw=[], shortfall_kw=[], price_per_kwh=[], explanation=[], inputs={},
        seconds=0.0,
    )  # fmt: skip
    for site_id, values in shed_kw.items():
        Schedule.objects.create(plan=made, site_id=site_id, shed_kw=values, site_kw=[])


def test_a_later_plan_counts_from_when_it_was_made() -> None:
    signal = signal_of_three()
    one, other, third = (factories.make_site(organization=signal.organization).pk for _ in range(3))
    plan(signal, first=0, made_s=-60, shed_kw={one: [1.0, 2.0, 3.0], other: [4.0, 4.0, 4.0]})
    # A third of the second interval is over; the schedules are too long, too short and of a new home.
    plan(signal, first=1, made_s=1200, shed_kw={one: [8.0, 8.0, 8.0], third: [6.0]})
    asked = asked_kw(signal=signal)
    assert asked == {
        one: [1.0, pytest.approx(2.0 / 3 + 16.0 / 3), 8.0],
        other: [4.0, pytest.approx(4.0 / 3), 0.0],
        third: [0.0, pytest.approx(4.0), 0.0],
    }
    assert asked_kw(signal=signal, site_ids=[third]) == {third: asked[third]}
    assert asked_kw(signal=signal, site_ids=[]) == {}
    assert asked_of_homes(signal=signal).site_id.tolist() == sorted([one, other, third])


def test_signal_without_a_plan_asks_nothing() -> None:
    assert asked_kw(signal=signal_of_three()) == {}
