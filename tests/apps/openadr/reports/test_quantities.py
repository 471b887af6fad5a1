"""What reports tell beside what was drawn: baselines, states, batteries, what can be given, and forecasts."""

from datetime import timedelta
from typing import Any

import pytest

from apps.flexibility.forecasts import forecasts_issue
from apps.flexibility.models import SiteFlexibility
from apps.flexibility.snapshots import portfolio_refresh
from apps.openadr.models import EventObject
from apps.openadr.reporting.production import reports_produce
from apps.programs.models import OptOut
from tests import factories
from tests.apps.openadr.asked import (
    MINUTE,
    START,
    ask,
    draw,
    enrolled_program,
    only,
    post_event,
    reports,
    rows,
)
from tests.factories import NOW, QUARTER, Api, Fleet

pytestmark = pytest.mark.django_db
SHED = [{"id": 0, "payloads": [{"type": "DISPATCH_SETPOINT_RELATIVE", "values": [-2.0]}]}]
AHEAD = {"historical": False, "aggregate": True}


def together(report: dict[str, Any]) -> list[dict[str, Any]]:
    return rows(report)["AGGREGATED_REPORT"]


class TestStorage:
    def test_batteries_tell_their_state_at_once_as_in_the_guides_example(
        self, fleet: Fleet, utility: Api
    ) -> None:
        bare = factories.make_site(organization=fleet.organization, battery=None)
        program_id = enrolled_program(utility, [*fleet.sites, bare])
        types = ("USABLE_CAPACITY", "CHARGE_LEVEL", "MAX_DISCHARGE_POWER", "MAX_CHARGE_POWER")
        wishes = [ask(f"STORAGE_{name}", frequency=0, reportIntervals="OPEN_INTERVALS") for name in types]
        event_id = post_event(
            utility,
            program_id,
            *wishes,
            intervals=None,
            intervalPeriod={"start": "0001-01-01", "duration": "PT0S"},
        )
        assert [reports_produce(now=NOW + at * MINUTE) for at in (0, 2, 30)] == [0, 1, 0]
        told = {
            "STORAGE_USABLE_CAPACITY": 10.0, "STORAGE_CHARGE_LEVEL": 0.8, "STORAGE_MAX_DISCHARGE_POWER": 4.0,
            "STORAGE_MAX_CHARGE_POWER": 4.0,
        }  # fmt: skip
        assert rows(only(utility, event_id)) == {site.name: [told] for site in fleet.sites}

    def test_charge_of_all_is_weighted_by_capacity(self, fleet: Fleet, utility: Api) -> None:
        small = {**factories.BATTERY, "capacity_kwh": 5.0}
        other = factories.make_site(organization=fleet.organization, battery=small)
        sites = [fleet.sites[0], other]
        factories.add_snapshots(sites=[sites[0]], starts_at=START, ends_at=START + QUARTER, battery_soc=0.9)
        factories.add_snapshots(sites=[other], starts_at=START, ends_at=START + QUARTER, battery_soc=0.3)
        wishes = [ask("STORAGE_CHARGE_LEVEL", aggregate=True, units=units) for units in ("PERCENT", "KWH")]
        event_id = post_event(utility, enrolled_program(utility, sites), *wishes, count=1)
        reports_produce(now=START + QUARTER + MINUTE)
        assert [together(one) for one in reports(utility, event_id)] == [
            [{"STORAGE_CHARGE_LEVEL": 10.5}],
            [{"STORAGE_CHARGE_LEVEL": 0.7}],
        ]

    def test_battery_that_says_nothing_of_itself_is_missing(self, fleet: Fleet, utility: Api) -> None:
        dumb = factories.make_site(organization=fleet.organization, battery={"capacity_kwh": "much"})
        event_id = post_event(
            utility, enrolled_program(utility, [dumb]), ask("STORAGE_USABLE_CAPACITY"), count=1
        )
        reports_produce(now=START + QUARTER + MINUTE)
        assert rows(only(utility, event_id)) == {dumb.name: [{"DATA_QUALITY": "MISSING"}]}


class TestBaselineAndState:
    def test_baseline_is_what_was_kept_for_the_event(self, fleet: Fleet, utility: Api) -> None:
        program_id = enrolled_program(utility, fleet.sites)
        wishes = [ask("BASELINE", units="KWH"), ask("BASELINE", units="KW", aggregate=True)]
        event_id = post_event(utility, program_id, *wishes, intervals=SHED)
        signal = EventObject.objects.get(pk=event_id).signal
        assert signal is not None
        for site, kw in zip(fleet.sites, (1.5, 2.5), strict=True):
            SiteFlexibility.objects.create(
                signal_id=signal.pk, site=site, computed_at=NOW, starts_at=signal.starts_at, interval_s=900,
                baseline_kw=[kw], max_shed_kw=[4.0], energy_kwh=6.0, baseline_method="10_of_10",
            )  # fmt: skip
        reports_produce(now=START + QUARTER + MINUTE)
        total, each = (rows(report) for report in reports(utility, event_id))
        first, second = (site.name for site in fleet.sites)
        assert each == {first: [{"BASELINE": 0.375}], second: [{"BASELINE": 0.625}]}
        assert total == {"AGGREGATED_REPORT": [{"BASELINE": 4.0}]}

    def test_baseline_without_a_shed_is_computed_by_the_programs_method(
        self, fleet: Fleet, utility: Api
    ) -> None:
        program_id = enrolled_program(utility, fleet.sites)
        event_id = post_event(utility, program_id, ask("BASELINE", aggregate=True))
        draw(fleet.sites, *[1.0] * 8, starts_at=NOW)
        draw(fleet.sites, 5.0, 5.0)
        reports_produce(now=START + 2 * QUARTER + MINUTE)
        assert together(only(utility, event_id)) == [{"BASELINE": 0.5}, {"BASELINE": 0.5}]

    def test_state_of_homes_that_are_asked_away_or_silent(self, fleet: Fleet, utility: Api) -> None:
        from apps.dispatch.models import Plan, Schedule

        silent = factories.make_site(organization=fleet.organization)
        busy, away = fleet.sites
        program_id = enrolled_program(utility, [busy, away, silent])
        wishes = [ask("OPERATING_STATE"), ask("OPERATING_STATE", aggregate=True)]
        event_id = post_event(utility, program_id, *wishes, intervals=SHED)
        signal = EventObject.objects.get(pk=event_id).signal
        assert signal is not None
        plan = Plan.objects.create(
            signal=signal, revision=1, reason="test", status="optimal", created_at=NOW, starts_at=signal.starts_at,
            interval_s=900, target_kw=[2.0], planned_kw=[2.0], shortfall_kw=[0.0], price_per_kwh=[0.0], objective=0.0,
            explanation=[], inputs={}, solver="none", seconds=0.0,
        )  # fmt: skip
        Schedule.objects.create(plan=plan, site=busy, shed_kw=[2.0], site_kw=[-1.0])
        OptOut.objects.create(signal=signal, site=away, at=NOW)
        draw([busy, away], 0.5)
        reports_produce(now=START + QUARTER + MINUTE)
        total, each = (rows(report) for report in reports(utility, event_id))
        assert each == {
            busy.name: [{"OPERATING_STATE": "RUNNING_CURTAILED"}],
            away.name: [{"OPERATING_STATE": "RUNNING_OPTED_OUT"}],
            silent.name: [{"OPERATING_STATE": "ERROR"}],
        }
        assert total == {
            "AGGREGATED_REPORT": [{"OPERATING_STATE": "RUNNING_CURTAILED", "DATA_QUALITY": "ESTIMATED"}]
        }


class TestAhead:
    def test_what_can_be_given_is_told_at_once(self, fleet: Fleet, utility: Api) -> None:
        portfolio_refresh(organization=fleet.organization, now=NOW)
        types = ("UP_REGULATION_AVAILABLE", "DOWN_REGULATION_AVAILABLE", "LOAD_SHED_DELTA_AVAILABLE")
        program_id = enrolled_program(utility, fleet.sites)
        period = {"start": START.isoformat(), "duration": "PT2H"}
        event_id = post_event(
            utility, program_id, *(ask(name, **AHEAD) for name in types), count=1, intervalPeriod=period
        )
        assert reports_produce(now=NOW + MINUTE) == 1
        # Of each home: 7 kWh above the reserve at 0.95, and room for 2 kWh at 0.95, over two hours.
        assert together(only(utility, event_id)) == [
            {
                "UP_REGULATION_AVAILABLE": pytest.approx(6.65, rel=1e-6),
                "DOWN_REGULATION_AVAILABLE": pytest.approx(2 / 0.95, rel=1e-6),
                "LOAD_SHED_DELTA_AVAILABLE": pytest.approx(13.3, rel=1e-6),
            }
        ]

    def test_what_could_have_been_given_long_ago_is_not_made_up(self, fleet: Fleet, utility: Api) -> None:
        wish = ask("UP_REGULATION_AVAILABLE", aggregate=True)
        event_id = post_event(utility, enrolled_program(utility, fleet.sites), wish, count=4)
        draw(fleet.sites, *[1.0] * 4)
        factories.set_latest(
            sites=fleet.sites, at=START + 4 * QUARTER, grid_kw=1.0, load_kw=1.0, pv_kw=0.0, battery_soc=0.8
        )
        portfolio_refresh(organization=fleet.organization, now=START + 4 * QUARTER)
        reports_produce(now=START + 4 * QUARTER + MINUTE)
        missing = {"DATA_QUALITY": "MISSING"}
        assert together(only(utility, event_id)) == [missing] * 3 + [{"UP_REGULATION_AVAILABLE": 8.0}]

    def test_forecast_is_the_newest_one_and_ends_where_it_ends(self, fleet: Fleet, utility: Api) -> None:
        forecasts_issue(organization=fleet.organization, now=NOW)
        program_id = enrolled_program(utility, fleet.sites)
        period = {"start": START.isoformat(), "duration": "P1D"}
        wishes = [ask(name, **AHEAD) for name in ("USAGE_FORECAST", "USAGE")]
        event_id = post_event(utility, program_id, *wishes, count=3, intervalPeriod=period)
        reports_produce(now=NOW + MINUTE)
        report = only(utility, event_id)
        assert together(report) == [
            {"USAGE_FORECAST": pytest.approx(48.0, rel=1e-3), "USAGE": pytest.approx(48.0, rel=1e-3)},
            {
                "USAGE_FORECAST": pytest.approx(48.0, rel=1e-3),
                "USAGE": pytest.approx(48.0, rel=1e-3),
                "DATA_QUALITY": "ESTIMATED",
            },
            {"DATA_QUALITY": "MISSING"},
        ]
        assert [one["readingType"] for one in report["payloadDescriptors"]] == ["FORECAST", "FORECAST"]

    def test_rolling_forecast_comes_with_every_interval(self, fleet: Fleet, utility: Api) -> None:
        forecasts_issue(organization=fleet.organization, now=NOW)
        wish = ask("USAGE", numIntervals=2, startInterval=0, frequency=1, repeat=-1, **AHEAD)
        event_id = post_event(utility, enrolled_program(utility, fleet.sites), wish, intervals=None)
        made = [reports_produce(now=START + timedelta(minutes=at)) for at in (0, 10, 15, 30)]
        assert made == [1, 0, 1, 1]
        ids = [
            [one["id"] for one in report["resources"][0]["intervals"]]
            for report in reports(utility, event_id)
        ]
        assert ids == [[0, 1], [1, 2], [2, 3]]
