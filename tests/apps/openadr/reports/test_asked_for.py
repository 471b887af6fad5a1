"""Reports that events ask for: what the platform says of homes whose measurements are known."""

from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from apps.openadr.models import EventObject, MessageEntry, ReportObject, ReportWish
from apps.openadr.reporting.build import reports_for
from apps.openadr.reporting.production import event_reports_produce, reports_produce
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
from vpp.protocols.openadr3.event import decode_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet() -> Fleet:
    """Three homes that draw 1 kW until NOW and hold 10 kWh, with programs that the utility's API has not made."""
    return factories.make_fleet()


class TestThroughTheApi:
    def test_utility_gets_what_it_asked_for_once_the_last_interval_is_over(
        self, fleet: Fleet, utility: Api
    ) -> None:
        program_id = enrolled_program(utility, fleet.sites)
        event_id = post_event(
            utility, program_id, ask("USAGE", aggregate=True), ask("DEMAND", aggregate=True)
        )
        draw(fleet.sites, 2.0, 0.4)
        end = START + 2 * QUARTER
        assert [reports_produce(now=at) for at in (NOW, end, end + MINUTE, end + 2 * MINUTE)] == [0, 0, 1, 0]
        report = only(utility, event_id)
        assert rows(report) == {
            "AGGREGATED_REPORT": [{"USAGE": 1.5, "DEMAND": 6.0}, {"USAGE": 0.3, "DEMAND": 1.2}]
        }
        assert report["payloadDescriptors"] == [
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": "USAGE", "units": "KWH", "readingType": "SUMMED"},
            {"objectType": "REPORT_PAYLOAD_DESCRIPTOR", "payloadType": "DEMAND", "units": "KW", "readingType": "MEAN"},
        ]  # fmt: skip
        (resource,) = report["resources"]
        assert resource["intervalPeriod"] == {"start": "2026-06-17T16:00:00Z", "duration": "PT15M"}
        assert [one["id"] for one in resource["intervals"]] == [10, 11]
        assert (report["clientID"], report["eventID"]) == ("ores-cloud", event_id)
        assert ReportWish.objects.get().next_at is None

    def test_each_home_has_a_row_under_its_name(self, fleet: Fleet, utility: Api) -> None:
        program_id = enrolled_program(utility, fleet.sites[:2])
        event_id = post_event(utility, program_id, ask("USAGE"), ask("READING"), ask("USAGE", units="WH"))
        draw(fleet.sites[:1], 2.0, -1.0)
        draw(fleet.sites[1:], 4.0, 4.0)
        reports_produce(now=START + 2 * QUARTER + MINUTE)
        first, second, _ = (site.name for site in fleet.sites)
        in_wh, in_kwh = (rows(report) for report in reports(utility, event_id))
        # A net export is no usage: the enumeration knows none below 0.
        assert in_kwh == {
            first: [{"USAGE": 0.5, "READING": 101.0}, {"USAGE": 0.0, "READING": 102.0}],
            second: [{"USAGE": 1.0, "READING": 101.0}, {"USAGE": 1.0, "READING": 102.0}],
        }
        # A report has one word on the units of a payload type, so other units take another report.
        assert in_wh == {first: [{"USAGE": 500.0}, {"USAGE": 0.0}], second: [{"USAGE": 1000.0}] * 2}

    def test_subscriber_is_told_as_of_any_report(self, fleet: Fleet, utility: Api) -> None:
        from apps.openadr.models import Notification, SubscriptionObject

        event_id = post_event(utility, enrolled_program(utility, fleet.sites), ask("USAGE"), count=1)
        SubscriptionObject.objects.create(
            organization=fleet.organization, client=EventObject.objects.get().client, is_business_logic=True,
            created_at=NOW, modified_at=NOW,
            content={"clientName": "u", "objectOperations": [
                {"objects": ["REPORT"], "operations": ["CREATE"], "callbackUrl": "https://example.org/r"}]},
        )  # fmt: skip
        reports_produce(now=START + QUARTER + MINUTE)
        assert Notification.objects.get().body["object"]["eventID"] == event_id

    def test_deleted_event_gets_no_report(self, fleet: Fleet, utility: Api) -> None:
        event_id = post_event(utility, enrolled_program(utility, fleet.sites), ask("USAGE"), count=1)
        assert utility.delete(f"/events/{event_id}").status_code == 200
        assert reports_produce(now=START + QUARTER + MINUTE) == 0
        assert ReportObject.objects.count() == 0

    def test_changed_event_reports_by_its_new_times_and_nothing_twice(
        self, fleet: Fleet, utility: Api, settings: Any
    ) -> None:
        program_id = enrolled_program(utility, fleet.sites)
        wish = ask("USAGE", aggregate=True, frequency=1, repeat=-1)
        event_id = post_event(utility, program_id, wish, count=2)
        draw(fleet.sites, 1.0, 1.0, 1.0)
        assert reports_produce(now=START + QUARTER + MINUTE) == 1
        settings.ORES_CLOCK = factories.clock_at(START + QUARTER + 2 * MINUTE)
        body = utility.get(f"/events/{event_id}").json()
        body["intervals"] = [{"id": index, "payloads": []} for index in range(3)]
        assert utility.put(f"/events/{event_id}", body).status_code == 200
        made = [reports_produce(now=START + QUARTER + 3 * MINUTE + step * QUARTER) for step in range(4)]
        assert made == [0, 1, 1, 0]
        names = [one["reportName"] for one in reports(utility, event_id)]
        assert names == [f"USAGE 2026-06-17T16:{minute}:00Z" for minute in (15, 30, 45)]

    def test_unknown_payload_is_said_once_and_the_others_are_made(self, fleet: Fleet, utility: Api) -> None:
        program_id = enrolled_program(utility, fleet.sites)
        event_id = post_event(
            utility, program_id, ask("MOOD"), ask("USAGE", units="THERMS"), ask("DEMAND", aggregate=True),
            ask("USAGE", numIntervals=0, aggregate=True), ask("USAGE", startInterval=9),
        )  # fmt: skip
        draw(fleet.sites, 1.0, 1.0)
        assert [reports_produce(now=START + at * QUARTER + MINUTE) for at in (0, 2, 3)] == [0, 1, 0]
        assert rows(only(utility, event_id)) == {"AGGREGATED_REPORT": [{"DEMAND": 3.0}, {"DEMAND": 3.0}]}
        entry = MessageEntry.objects.get(kind=f"reportDescriptors of event {event_id}")
        assert entry.body == (
            "payload type MOOD is not known here; USAGE is not measured in THERMS; "
            "a report of num intervals 0 cannot be made; "
            "the event has no interval on which a report of USAGE would be due"
        )

    def test_event_for_vens_only_asks_the_platform_for_nothing(self, fleet: Fleet, utility: Api) -> None:
        factories.make_ven(organization=fleet.organization, targets=["north"])
        post_event(utility, enrolled_program(utility, fleet.sites), ask("USAGE"), targets=["north"])
        assert ReportWish.objects.count() == 0

    def test_targets_of_event_and_descriptor_choose_the_homes(self, fleet: Fleet, utility: Api) -> None:
        names = [site.name for site in fleet.sites]
        program_id = enrolled_program(utility, fleet.sites)
        event_id = post_event(
            utility, program_id, ask("USAGE", targets=names[1:]), targets=names[:2], count=1
        )
        draw(fleet.sites, 1.0)
        reports_produce(now=START + QUARTER + MINUTE)
        assert rows(only(utility, event_id)) == {names[1]: [{"USAGE": 0.25}]}

    def test_other_tenants_homes_are_in_no_report(self, fleet: Fleet, utility: Api) -> None:
        theirs = factories.make_fleet(homes=1)
        program_id = enrolled_program(utility, fleet.sites)
        event_id = post_event(utility, program_id, ask("USAGE", targets=[theirs.sites[0].name]), count=1)
        draw(theirs.sites, 1.0)
        reports_produce(now=START + QUARTER + MINUTE)
        assert rows(only(utility, event_id)) == {}
        assert factories.make_utility(organization=theirs.organization).get("/reports").json() == []


class TestMeasurements:
    def test_gap_is_missing_and_a_part_is_an_estimate(self, fleet: Fleet, utility: Api) -> None:
        program_id = enrolled_program(utility, fleet.sites[:2])
        period = {"start": START.isoformat(), "duration": "PT30M"}
        asked = [ask("USAGE"), ask("USAGE", aggregate=True), ask("DATA_QUALITY")]
        event_id = post_event(utility, program_id, *asked, count=2, intervalPeriod=period)
        draw(fleet.sites[:1], 2.0, 2.0, 2.0)
        draw(fleet.sites[1:2], 1.0, 1.0)
        reports_produce(now=START + timedelta(minutes=61))
        each, together = (rows(report) for report in reports(utility, event_id))
        first, second = (site.name for site in fleet.sites[:2])
        assert each == {
            first: [{"USAGE": 1.0, "DATA_QUALITY": "OK"}, {"USAGE": 1.0, "DATA_QUALITY": "ESTIMATED"}],
            second: [{"USAGE": 0.5, "DATA_QUALITY": "OK"}, {"DATA_QUALITY": "MISSING"}],
        }
        assert together == {
            "AGGREGATED_REPORT": [{"USAGE": 1.5}, {"USAGE": 1.0, "DATA_QUALITY": "ESTIMATED"}]
        }

    def test_late_measurement_counts_until_the_report_is_made(self, fleet: Fleet, utility: Api) -> None:
        program_id = enrolled_program(utility, fleet.sites[:1])
        wish = ask("USAGE", aggregate=True, frequency=1, repeat=-1)
        event_id = post_event(utility, program_id, wish, count=2)
        draw(fleet.sites[:1], 2.0)
        reports_produce(now=START + QUARTER + MINUTE)
        # The home was cut off, and sends both quarter-hours with the second.
        draw(fleet.sites[:1], 8.0, 4.0)
        reports_produce(now=START + 2 * QUARTER + MINUTE)
        assert [rows(one)["AGGREGATED_REPORT"] for one in reports(utility, event_id)] == [
            [{"USAGE": 0.5}],
            [{"USAGE": 0.5}, {"USAGE": 1.0}],
        ]

    def test_intervals_beside_the_quarter_hours_are_told_from_the_measurements_themselves(
        self, fleet: Fleet, utility: Api
    ) -> None:
        program_id = enrolled_program(utility, fleet.sites[:2])
        period = {"start": (START + 5 * MINUTE).isoformat(), "duration": "PT20M"}
        peak = ask("DEMAND", aggregate=True, readingType="PEAK")
        event_id = post_event(
            utility, program_id, ask("USAGE", aggregate=True), peak, count=1, intervalPeriod=period
        )
        draw(fleet.sites[:1], 3.0, 6.0)
        draw(fleet.sites[1:2], 1.5, 0.0)
        reports_produce(now=START + 26 * MINUTE)
        # 10 minutes of 4.5 kW, then 10 of 6 kW: peaks of homes, 6 and 1.5 kW, do not add up.
        assert rows(only(utility, event_id)) == {"AGGREGATED_REPORT": [{"USAGE": 1.75, "DEMAND": 6.0}]}

    def test_day_of_25_hours_is_told_by_its_intervals(
        self, fleet: Fleet, utility: Api, settings: Any
    ) -> None:
        midnight = datetime(2026, 10, 24, 22, tzinfo=UTC)
        settings.ORES_CLOCK = factories.clock_at(midnight - timedelta(hours=1))
        program_id = enrolled_program(utility, fleet.sites[:1])
        period = {"start": "2026-10-25T00:00:00+02:00", "duration": "PT1H"}
        event_id = post_event(utility, program_id, ask("USAGE"), count=25, intervalPeriod=period)
        for hour in range(25):
            draw(fleet.sites[:1], *[float(hour)] * 4, starts_at=midnight + timedelta(hours=hour))
        assert reports_produce(now=midnight + timedelta(hours=25)) == 0
        assert reports_produce(now=midnight + timedelta(hours=25, minutes=1)) == 1
        (row,) = rows(only(utility, event_id)).values()
        assert row == [{"USAGE": float(hour)} for hour in range(25)]

    def test_report_is_made_once_however_often_it_is_begun(self, fleet: Fleet, utility: Api) -> None:
        event_id = post_event(utility, enrolled_program(utility, fleet.sites), ask("USAGE"), count=1)
        at = START + QUARTER + MINUTE
        assert event_reports_produce(event_id=event_id, now=at) == 1
        # As after a crash between the report and the note of it, had they not been one transaction.
        ReportWish.objects.update(next_at=at, reported_until=None)
        assert event_reports_produce(event_id=event_id, now=at) == 0
        assert ReportObject.objects.count() == 1

    def test_settlement_still_reports_on_an_event_with_wishes(self, fleet: Fleet, utility: Api) -> None:
        from apps.openadr.services import reports_due
        from apps.settlement.models import SettlementRun

        event_id = post_event(utility, enrolled_program(utility, fleet.sites), ask("USAGE"), count=1)
        reports_produce(now=START + QUARTER + MINUTE)
        signal = factories.make_signal(program=fleet.program)
        EventObject.objects.filter(pk=event_id).update(signal=signal)
        SettlementRun.objects.create(
            signal=signal, version=1, created_at=START, rule={}, delivered_kwh=0, amount=0, currency="EUR"
        )
        assert reports_due(now=START + timedelta(hours=2)) == 1
        assert [one["reportName"] for one in reports(utility, event_id)] == [ANY, "settlement 1"]


class TestForOtherVtns:
    def test_reports_of_an_event_that_another_vtn_has(self, fleet: Fleet) -> None:
        request = decode_event({
            "programID": "theirs", "intervalPeriod": {"start": START.isoformat(), "duration": "PT15M"},
            "intervals": [{"id": 0, "payloads": []}, {"id": 1, "payloads": []}],
            "reportDescriptors": [ask("USAGE", aggregate=True, frequency=1, repeat=-1)],
        })  # fmt: skip
        draw(fleet.sites, 1.0, 2.0)
        from apps.telemetry.rollups import roll_up

        roll_up(now=START + 2 * QUARTER)

        def told(since: datetime | None, now: datetime) -> list[str | None]:
            made = reports_for(
                program=fleet.program, targets=(), request=request, said_at=NOW, since=since, now=now, event_id="e-7"
            )  # fmt: skip
            assert {one.event_id for one in made} <= {"e-7"}
            return [one.report_name for one in made]

        later = START + 2 * QUARTER + MINUTE
        assert told(None, NOW) == []
        assert told(NOW, later) == ["USAGE 2026-06-17T16:15:00Z", "USAGE 2026-06-17T16:30:00Z"]
        assert told(START + QUARTER + MINUTE, later) == ["USAGE 2026-06-17T16:30:00Z"]
        assert told(later, later + MINUTE) == []
