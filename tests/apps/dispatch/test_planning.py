"""From a grid signal to a plan, schedules and the hubs' instructions."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from apps.dispatch.errors import SignalUnknownError
from apps.dispatch.models import Plan, Schedule
from apps.dispatch.selectors import asked_kw, newest_plan
from apps.dispatch.services import signal_plan, signal_release, site_release
from apps.flexibility.models import SiteFlexibility
from apps.hubs.models import Hub, Instruction
from apps.programs.models import GridSignal
from apps.programs.services import opt_out_create, signal_cancel, signal_receive, signal_revise
from apps.sites.models import Resource, Site
from tests import factories
from tests.factories import NOW, QUARTER

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)


def plan_of(signal: GridSignal, *, now: Any = NOW, reason: str = "test") -> Plan:
    plan = signal_plan(signal_id=signal.pk, reason=reason, now=now)
    assert plan is not None
    return plan


def said(plan: Plan) -> str:
    return " | ".join(plan.explanation)


def instructions_of(site: Site) -> list[tuple[int, bool, str]]:
    """Return (revision, whether it carries a schedule, state) of what a home was told, in order."""
    held = Instruction.objects.filter(hub__site=site).order_by("pk")
    return [(one.revision, one.schedule is not None, one.state) for one in held]


class TestPlan:
    def test_target_is_met_and_every_home_that_gives_is_told(self) -> None:
        fleet = factories.make_fleet()
        signal = factories.make_signal(program=fleet.program, target_kw=[6.0, 6.0, 3.0, 0.0])
        plan = plan_of(signal)
        assert (plan.status, plan.revision, plan.starts_at) == ("optimal", 1, START)
        assert plan.planned_kw == pytest.approx([6.0, 6.0, 3.0, 0.0], abs=0.05)
        assert plan.shortfall_kw == pytest.approx([0.0] * 4, abs=0.01)
        signal.refresh_from_db()
        assert signal.state == "planned"
        for site in fleet.sites:
            assert instructions_of(site) == [(1, True, "queued")]

    def test_schedule_is_the_baseline_less_the_shed(self) -> None:
        fleet = factories.make_fleet(homes=1)
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[2.5] * 4))
        schedule = Schedule.objects.get(plan=plan)
        assert schedule.shed_kw == pytest.approx([2.5] * 4, abs=0.01)
        assert schedule.site_kw == pytest.approx([-1.5] * 4, abs=0.01)
        assert schedule.battery_kw == pytest.approx([-2.5] * 4, abs=0.01)
        told = Instruction.objects.get().schedule
        assert told is not None
        assert told["site_kw"] == schedule.site_kw
        assert (told["starts_at"], told["interval_s"]) == (factories.ms(START), 900)

    def test_instruction_holds_until_the_event_ends(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        plan_of(signal)
        told = Instruction.objects.get()
        assert (told.not_before, told.expires_at) == (NOW, signal.ends_at)

    def test_program_that_nobody_joined_gets_an_empty_plan_that_says_so(self) -> None:
        fleet = factories.make_fleet(homes=0)
        signal = factories.make_signal(program=fleet.program)
        plan = plan_of(signal)
        assert (plan.status, plan.planned_kw, plan.shortfall_kw) == ("empty", [0.0] * 4, [2.0] * 4)
        assert plan.explanation[0] == "No home takes part in this program, so nothing can be given."
        signal.refresh_from_db()
        assert signal.state == "planned"
        assert Instruction.objects.count() == 0

    def test_target_beyond_the_fleet_is_met_in_part_and_the_shortfall_is_named(self) -> None:
        fleet = factories.make_fleet()
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[20.0] * 4))
        assert plan.status == "partial"
        assert plan.planned_kw == pytest.approx([12.0] * 4, abs=0.05)
        assert plan.shortfall_kw == pytest.approx([8.0] * 4, abs=0.05)
        assert "12.0 of 20.0 kW can be met at 18:00." in plan.explanation

    def test_home_without_a_meter_is_not_counted_on(self) -> None:
        fleet = factories.make_fleet(homes=2)
        metered, unmetered = fleet.sites
        factories.set_latest(sites=[unmetered], at=NOW, battery_kw=0.0, battery_soc=0.8)
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[6.0] * 4))
        assert plan.planned_kw == pytest.approx([4.0] * 4, abs=0.05)
        assert [one.site for one in plan.schedules.all()] == [metered]
        assert f"{unmetered.name}: no meter tells what the home draws" in plan.explanation

    def test_absurd_target_is_answered_as_well(self) -> None:
        fleet = factories.make_fleet(homes=1)
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[1e12] * 4))
        assert (plan.status, sum(plan.planned_kw) > 0) == ("partial", True)

    def test_energy_bounds_a_long_event(self) -> None:
        """0.7 of 10 kWh at 95 % are 6.65 kWh at the meter, less than two hours of 4 kW."""
        fleet = factories.make_fleet(homes=1)
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[4.0] * 8))
        assert plan.status == "partial"
        assert sum(plan.planned_kw) / 4 == pytest.approx(6.65, abs=0.02)
        assert "1 battery reaches its reserve." in plan.explanation

    def test_reserve_of_the_home_is_kept(self) -> None:
        fleet = factories.make_fleet(homes=1)
        Site.objects.filter(pk=fleet.sites[0].pk).update(reserve_soc=0.7)
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[4.0] * 4))
        assert sum(plan.planned_kw) / 4 == pytest.approx(0.95, abs=0.02)

    def test_export_limit_of_the_home_is_kept(self) -> None:
        fleet = factories.make_fleet(homes=1)
        Site.objects.filter(pk=fleet.sites[0].pk).update(export_limit_kw=0.5)
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[4.0] * 4))
        assert plan.planned_kw == pytest.approx([1.5] * 4, abs=0.01)
        assert "1 home is held by its export limit." in plan.explanation

    def test_unknown_signal_is_an_error(self) -> None:
        with pytest.raises(SignalUnknownError):
            signal_plan(signal_id=uuid.uuid4(), reason="test", now=NOW)

    def test_signal_that_is_over_gets_no_plan(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        assert signal_plan(signal_id=signal.pk, reason="late", now=signal.ends_at) is None
        assert Plan.objects.count() == 0

    def test_another_plan_is_the_next_revision_over_the_rest(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        plan_of(signal)
        later = START + QUARTER + timedelta(minutes=1)
        factories.add_minutes(
            sites=fleet.sites, starts_at=later - timedelta(minutes=5), ends_at=later, grid_kw=-1.0
        )
        second = plan_of(signal, now=later)
        assert (second.revision, second.starts_at, len(second.target_kw)) == (2, START + QUARTER, 3)
        assert instructions_of(fleet.sites[0]) == [(1, True, "expired"), (2, True, "queued")]


class TestHomes:
    def test_home_without_history_is_left_out_and_named(self) -> None:
        fleet = factories.make_fleet(homes=2)
        new = factories.make_site(organization=fleet.organization)
        factories.make_hub(site=new)
        factories.enroll(program=fleet.program, sites=[new])
        factories.set_latest(sites=[new], at=NOW, grid_kw=1.0, load_kw=1.0, battery_soc=0.9)
        plan = plan_of(factories.make_signal(program=fleet.program))
        assert f"{new.name}: too_few_days: 0 of 5" in plan.explanation
        assert set(Schedule.objects.values_list("site_id", flat=True)) <= {site.pk for site in fleet.sites}
        assert (plan.status, instructions_of(new)) == ("optimal", [])
        assert not SiteFlexibility.objects.filter(site=new).exists()

    def test_home_that_never_sent_anything_is_left_out_and_named(self) -> None:
        fleet = factories.make_fleet(homes=1)
        new = factories.make_site(organization=fleet.organization)
        factories.enroll(program=fleet.program, sites=[new])
        plan = plan_of(factories.make_signal(program=fleet.program))
        assert f"{new.name}: it has sent no measurement yet" in plan.explanation

    def test_home_without_battery_gives_nothing(self) -> None:
        fleet = factories.make_fleet(homes=1)
        Resource.objects.all().delete()
        plan = plan_of(factories.make_signal(program=fleet.program))
        assert plan.planned_kw == pytest.approx([0.0] * 4, abs=0.01)
        assert plan.status in {"partial", "empty"}
        assert SiteFlexibility.objects.get().max_shed_kw == pytest.approx([0.0] * 4)

    def test_home_without_hub_is_not_told_anything(self) -> None:
        fleet = factories.make_fleet(homes=1)
        Hub.objects.all().delete()
        plan_of(factories.make_signal(program=fleet.program))
        assert Instruction.objects.count() == 0

    @pytest.mark.parametrize(
        "parameters",
        [
            {},
            {"capacity_kwh": "big"},
            {"capacity_kwh": -1, "charge_kw": 1, "discharge_kw": 1},
            {"capacity_kwh": None},
        ],
    )
    def test_home_with_a_nonsensical_battery_does_not_stop_the_others(self, parameters: Any) -> None:
        fleet = factories.make_fleet(homes=2)
        Resource.objects.filter(site=fleet.sites[0]).update(parameters=parameters)
        plan = plan_of(factories.make_signal(program=fleet.program))
        assert f"{fleet.sites[0].name}: its hub describes a resource wrongly" in said(plan)
        assert plan.planned_kw == pytest.approx([2.0] * 4, abs=0.05)

    def test_silent_home_is_planned_around(self) -> None:
        fleet = factories.make_fleet(homes=2)
        factories.set_latest(
            sites=fleet.sites[:1], at=NOW - timedelta(minutes=4), grid_kw=1.0, load_kw=1.0, battery_soc=0.8
        )
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[8.0] * 4))
        assert plan.planned_kw == pytest.approx([4.0] * 4, abs=0.05)
        assert plan.inputs["away"] == [fleet.sites[0].pk]
        assert instructions_of(fleet.sites[0]) == []

    def test_home_that_left_the_program_is_not_asked(self) -> None:
        fleet = factories.make_fleet(homes=2)
        fleet.program.enrollments.filter(site=fleet.sites[0]).update(ends_at=NOW)
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[8.0] * 4))
        assert plan.planned_kw == pytest.approx([4.0] * 4, abs=0.05)
        assert instructions_of(fleet.sites[0]) == []

    def test_homes_of_two_time_zones_are_planned_together(self) -> None:
        fleet = factories.make_fleet(homes=2)
        Site.objects.filter(pk=fleet.sites[0].pk).update(time_zone="Asia/Tokyo")
        plan = plan_of(factories.make_signal(program=fleet.program, target_kw=[8.0] * 4))
        assert plan.planned_kw == pytest.approx([8.0] * 4, abs=0.1)


class TestOptOut:
    def test_opting_out_releases_the_hub_and_plans_again(
        self, settings: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        settings.ORES_CLOCK = factories.clock_at(NOW)
        fleet = factories.make_fleet(homes=2)
        signal = factories.make_signal(program=fleet.program, target_kw=[4.0] * 4)
        plan_of(signal)
        home, other = fleet.sites
        with django_capture_on_commit_callbacks(execute=True):
            opt_out_create(
                signal_id=signal.pk, site=home, user=factories.make_owner(site=home), reason="guests", now=NOW
            )
        assert factories.run_queued() == ["dispatch.release_site"]
        plan = newest_plan(signal_id=signal.pk)
        assert plan is not None
        assert (plan.revision, plan.reason) == (2, f"{home.name} opted out")
        assert plan.planned_kw == pytest.approx([4.0] * 4, abs=0.05)
        told = instructions_of(home)
        assert told[0] == (1, True, "expired")
        assert (told[-1][1], told[-1][2]) == (False, "queued")
        assert instructions_of(other)[-1][1] is True
        assert asked_kw(signal=signal)[home.pk] == [0.0] * 4

    def test_release_is_queued_even_where_planning_cannot_follow(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        plan_of(signal)
        site_release(signal_id=signal.pk, site_id=fleet.sites[0].pk, reason="opted out", now=NOW)
        assert instructions_of(fleet.sites[0]) == [(1, True, "expired"), (2, False, "queued")]


class TestChange:
    def test_canceled_signal_releases_every_hub(
        self, settings: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        settings.ORES_CLOCK = factories.clock_at(NOW)
        fleet = factories.make_fleet(homes=2)
        signal = factories.make_signal(program=fleet.program, target_kw=[8.0] * 4)
        plan_of(signal)
        with django_capture_on_commit_callbacks(execute=True):
            signal_cancel(signal_id=signal.pk, now=NOW)
        assert factories.run_queued() == ["dispatch.cancel_signal"]
        for site in fleet.sites:
            assert instructions_of(site) == [(1, True, "expired"), (2, False, "queued")]
        assert signal_plan(signal_id=signal.pk, reason="late", now=NOW) is None

    def test_releasing_twice_tells_the_hubs_nothing_new(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        plan_of(signal)
        for _ in range(2):
            signal_release(signal_id=signal.pk, reason="canceled", now=NOW)
        held = Instruction.objects.order_by("-revision").first()
        assert held is not None
        assert held.schedule is None

    def test_revised_signal_is_planned_anew(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program, target_kw=[4.0] * 4)
        plan_of(signal)
        later = START + timedelta(minutes=30)
        draft = factories.make_draft(starts_at=later, target_kw=[1.0] * 6)
        signal = signal_revise(signal_id=signal.pk, draft=draft, name="New", now=NOW)
        plan = plan_of(signal)
        assert plan.starts_at == later
        assert plan.planned_kw == pytest.approx([1.0] * 6, abs=0.05)
        assert {len(values) for values in asked_kw(signal=signal).values()} == {6}
        assert SiteFlexibility.objects.get().starts_at == later

    def test_plan_of_a_signal_that_changed_meanwhile_is_dropped(self) -> None:
        """A trigger revises the signal when the homes' flexibility is stored, which is while the plan is made."""
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE FUNCTION pg_temp.revise() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN UPDATE programs_gridsignal SET revision = revision + 1; RETURN NULL; END $$"
            )
            cursor.execute(
                "CREATE TRIGGER revise AFTER INSERT ON flexibility_siteflexibility "
                "EXECUTE FUNCTION pg_temp.revise()"
            )
        assert signal_plan(signal_id=signal.pk, reason="test", now=NOW) is None
        assert (Plan.objects.count(), Instruction.objects.count()) == (0, 0)
        signal.refresh_from_db()
        assert (signal.state, signal.revision) == ("accepted", 2)

    def test_second_signal_of_a_program_is_planned_beside_the_first(self) -> None:
        fleet = factories.make_fleet(homes=1)
        first = factories.make_signal(program=fleet.program)
        second = signal_receive(
            program=fleet.program,
            draft=factories.make_draft(starts_at=START + timedelta(hours=3)),
            source="test:second",
            name="Late",
            now=NOW,
        )
        plan_of(first)
        plan_of(second)
        assert [told[:2] for told in instructions_of(fleet.sites[0])] == [(1, True), (1, True)]


class TestTasks:
    def test_task_plans_by_the_platforms_clock(self, settings: Any) -> None:
        settings.ORES_CLOCK = factories.clock_at(NOW)
        fleet = factories.make_fleet(homes=1)
        signal = factories.make_signal(program=fleet.program)
        from apps.dispatch.tasks import plan_signal

        plan_signal(signal_id=str(signal.pk), reason="test")
        assert abs(Plan.objects.get().created_at - NOW) < timedelta(seconds=30)
