"""What binds a plan besides the homes: grid areas, a reserve, how often a home may be asked, and whose turn it is."""

from datetime import timedelta

import pytest

from apps.dispatch.models import Plan, Schedule
from apps.dispatch.question import limit_from
from apps.dispatch.services import signal_plan
from apps.programs.models import GridSignal, Program
from apps.sites.models import GridArea, Site
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def plan_of(signal: GridSignal) -> Plan:
    plan = signal_plan(signal_id=signal.pk, reason="test", now=NOW)
    assert plan is not None
    return plan


def shed_of(plan: Plan, sites: list[Site]) -> list[float]:
    """Return what each home gives in the first interval [kW]."""
    held = {schedule.site_id: schedule.shed_kw[0] for schedule in Schedule.objects.filter(plan=plan)}
    return [held.get(site.pk, 0.0) for site in sites]


def asked_before(program: Program, sites: list[Site], *, days_ago: int) -> None:
    """An event that is settled, for which these homes were asked."""
    signal = factories.make_signal(program=program)
    starts_at = NOW - timedelta(days=days_ago)
    GridSignal.objects.filter(pk=signal.pk).update(
        state=GridSignal.State.SETTLED, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1)
    )
    plan = Plan.objects.create(
        signal=signal, revision=1, reason="then", status="optimal", created_at=starts_at, starts_at=starts_at,
        interval_s=900, target_kw=[1.0], planned_kw=[1.0], shortfall_kw=[0.0], price_per_kwh=[0.0], explanation=[],
        inputs={}, solver="test", seconds=0.0,
    )  # fmt: skip
    for site in sites:
        Schedule.objects.create(plan=plan, site=site, shed_kw=[1.0], site_kw=[0.0])


def test_a_feeder_that_may_not_export_leaves_its_part_to_the_others() -> None:
    fleet = factories.make_fleet(homes=4)
    feeder = GridArea.objects.create(
        organization=fleet.program.organization, name="feeder south", export_limit_kw=0.0
    )
    street = GridArea.objects.create(organization=fleet.program.organization, name="street", parent=feeder)
    for site in fleet.sites[:2]:
        site.grid_area = street
        site.save()
    free = plan_of(factories.make_signal(program=fleet.program, target_kw=[10.0] * 4))
    inside, outside = sum(shed_of(free, fleet.sites[:2])), sum(shed_of(free, fleet.sites[2:]))
    assert inside == pytest.approx(2.0, abs=0.05)  # their own draw of 1 kW each, and nothing exported
    assert outside == pytest.approx(min(8.0, 10.0 - inside), abs=0.1)
    assert any(sentence.startswith("feeder south costs ") for sentence in free.explanation)
    assert max(map(abs, free.limit_prices["feeder south"])) > 0
    kept = limit_from(free.inputs["limits"][0])
    assert (kept.name, kept.least_kw.tolist(), kept.zones) == ("feeder south", [0.0] * 4, (1,))


def test_an_area_without_homes_of_the_program_binds_nothing() -> None:
    fleet = factories.make_fleet(homes=2)
    GridArea.objects.create(organization=fleet.program.organization, name="elsewhere", export_limit_kw=0.0)
    plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[4.0] * 4))
    assert (plan.status, plan.limit_prices, plan.inputs["limits"]) == ("optimal", {}, [])


def test_homes_that_have_had_their_events_are_left_alone() -> None:
    fleet = factories.make_fleet(homes=3)
    Program.objects.filter(pk=fleet.program.pk).update(most_events=1, most_events_days=10)
    asked_before(fleet.program, fleet.sites[:1], days_ago=3)
    asked_before(fleet.program, fleet.sites[1:2], days_ago=20)
    plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[4.0] * 4))
    given = shed_of(plan, fleet.sites)
    assert given[0] == 0.0 and given[1] > 1.0 and given[2] > 1.0
    assert plan.inputs["away"] == [fleet.sites[0].pk]
    assert any(sentence.startswith("1 home has had its share of 1 event") for sentence in plan.explanation)


def test_who_gave_lately_gives_less_now() -> None:
    fleet = factories.make_fleet(homes=2)
    asked_before(fleet.program, fleet.sites[:1], days_ago=3)
    plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[3.0] * 4))
    # shares of one and two parts
    assert shed_of(plan, fleet.sites) == pytest.approx([1.0, 2.0], abs=0.02)


def test_a_reserve_is_left() -> None:
    fleet = factories.make_fleet(homes=2)
    most = plan_of(factories.make_signal(program=fleet.program, target_kw=[100.0] * 4)).planned_kw
    Program.objects.filter(pk=fleet.program.pk).update(reserve_kw=1.0)
    kept = plan_of(factories.make_signal(program=fleet.program, target_kw=[sum(most) / 4 - 1.5] * 4))
    assert kept.status == "optimal"
    spent = plan_of(factories.make_signal(program=fleet.program, target_kw=[100.0] * 4))
    assert sum(spent.planned_kw) * 0.25 == pytest.approx(sum(most) * 0.25 - 1.0, abs=0.1)
