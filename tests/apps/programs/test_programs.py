"""Programs, enrollments and opt-outs, by services and by the aggregator's API."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.accounts.models import AuditEntry
from apps.programs.errors import AlreadyEnrolledError, NameTakenError, NotEnrolledError, SignalOverError
from apps.programs.models import Enrollment, GridSignal, OptOut, Program
from apps.programs.payment import payment_rule
from apps.programs.selectors import (
    earlier_event_days,
    enrolled_site_ids,
    event_days_of_program,
    opted_out_site_ids,
    signals_of_site,
)
from apps.programs.services import (
    enrollment_create,
    opt_out_create,
    program_create,
    signal_cancel,
    signal_receive,
    signal_revise,
)
from apps.sites.models import Site
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def opt_out(signal: GridSignal, site: Site) -> OptOut:
    user = factories.make_owner(site=site)
    return opt_out_create(signal_id=signal.pk, site=site, user=user, reason="guests", now=NOW)


class TestEnrollment:
    def test_home_takes_part_once(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        with pytest.raises(AlreadyEnrolledError):
            enrollment_create(program=fleet.program, site=fleet.sites[0], now=NOW)
        assert Enrollment.objects.count() == 1

    def test_home_of_another_tenant_cannot_take_part(self) -> None:
        fleet = factories.make_fleet(homes=0)
        stranger = factories.make_site(organization=factories.make_organization())
        with pytest.raises(NotEnrolledError):
            enrollment_create(program=fleet.program, site=stranger, now=NOW)
        assert Enrollment.objects.count() == 0

    def test_part_is_half_open(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        start, site_id = NOW - timedelta(days=30), fleet.sites[0].pk
        fleet.program.enrollments.update(ends_at=NOW)
        instants = [start - timedelta(seconds=1), start, NOW - timedelta(seconds=1), NOW]
        found = [enrolled_site_ids(program=fleet.program, at=at) for at in instants]
        assert found == [[], [site_id], [site_id], []]

    def test_home_that_left_may_come_back(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        fleet.program.enrollments.update(ends_at=NOW - timedelta(days=1))
        enrollment_create(program=fleet.program, site=fleet.sites[0], now=NOW)
        assert enrolled_site_ids(program=fleet.program, at=NOW) == [fleet.sites[0].pk]

    def test_home_that_came_back_sees_each_event_once(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        fleet.program.enrollments.update(ends_at=NOW - timedelta(days=1))
        enrollment_create(program=fleet.program, site=fleet.sites[0], now=NOW)
        signal = factories.make_signal(program=fleet.program)
        assert list(signals_of_site(site=fleet.sites[0])) == [signal]


class TestProgram:
    def test_name_is_taken_once_in_a_tenant(self) -> None:
        organization = factories.make_organization()
        program_create(organization=organization, name="Relief", now=NOW)
        with pytest.raises(NameTakenError):
            program_create(organization=organization, name="Relief", now=NOW)
        program_create(organization=factories.make_organization(), name="Relief", now=NOW)
        assert Program.objects.count() == 2


class TestEventDays:
    def test_days_are_local_and_an_event_past_midnight_has_two(self) -> None:
        fleet = factories.make_fleet(homes=0)
        night = factories.make_signal(program=fleet.program, starts_at=datetime(2026, 6, 2, 4, tzinfo=UTC))
        later = factories.make_signal(program=fleet.program, starts_at=datetime(2026, 6, 9, tzinfo=UTC))
        assert earlier_event_days(signal=later, zone=ZoneInfo("America/Los_Angeles")) == {date(2026, 6, 1)}
        assert earlier_event_days(signal=night, zone=ZoneInfo("UTC")) == set()
        GridSignal.objects.filter(pk=night.pk).update(ends_at=datetime(2026, 6, 2, 8, tzinfo=UTC))
        found = event_days_of_program(program=fleet.program, zone=ZoneInfo("America/Los_Angeles"))
        assert found == {date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 8)}


class TestOptOut:
    def test_opting_out_twice_is_once(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        signal = factories.make_signal(program=fleet.program)
        assert opt_out(signal, fleet.sites[0]) == opt_out(signal, fleet.sites[0])
        assert opted_out_site_ids(signal_id=signal.pk) == {fleet.sites[0].pk}
        assert AuditEntry.objects.filter(action="opt_out").count() == 1

    def test_home_that_does_not_take_part_cannot_opt_out(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        signal = factories.make_signal(program=fleet.program)
        for organization in (fleet.organization, factories.make_organization()):
            site = factories.make_site(organization=organization)
            with pytest.raises(NotEnrolledError):
                opt_out(signal, site)
        assert OptOut.objects.count() == 0

    @pytest.mark.parametrize("state", ["ended", "settled", "canceled"])
    def test_event_that_is_over_cannot_be_opted_out_of(self, state: str) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        signal = factories.make_signal(program=fleet.program)
        GridSignal.objects.update(state=state)
        with pytest.raises(SignalOverError):
            opt_out(signal, fleet.sites[0])
        assert OptOut.objects.count() == 0


class TestSignal:
    def test_same_source_is_taken_once(self) -> None:
        fleet = factories.make_fleet(homes=0)
        draft = factories.make_draft()
        signal_receive(program=fleet.program, draft=draft, source="openadr3:1", name="", now=NOW)
        with pytest.raises(Exception, match="signal_source"):
            signal_receive(program=fleet.program, draft=draft, source="openadr3:1", name="", now=NOW)

    def test_canceling_twice_tells_the_hubs_once(self, django_capture_on_commit_callbacks: Any) -> None:
        fleet = factories.make_fleet(homes=0)
        signal = factories.make_signal(program=fleet.program)
        for _ in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                signal_cancel(signal_id=signal.pk, now=NOW)
        assert factories.run_queued() == ["dispatch.cancel_signal"]

    def test_settled_signal_stays_settled(self) -> None:
        signal = factories.make_signal(program=factories.make_fleet(homes=0).program)
        GridSignal.objects.update(state="settled")
        assert signal_cancel(signal_id=signal.pk, now=NOW).state == "settled"
        with pytest.raises(SignalOverError):
            signal_revise(signal_id=signal.pk, draft=factories.make_draft(), name="", now=NOW)


class TestApi:
    def test_aggregator_sets_what_is_paid(self) -> None:
        fleet = factories.make_fleet(homes=0)
        api = factories.make_aggregator(organization=fleet.organization)
        answer = api.patch(
            f"/programs/{fleet.program.pk}", {"energy_price": "0.75", "currency": "USD", "name": "x"}
        )
        assert (answer.status_code, answer.json()["energy_price"]) == (200, "0.7500")
        fleet.program.refresh_from_db()
        assert (fleet.program.energy_price, fleet.program.currency) == (Decimal("0.7500"), "USD")
        assert fleet.program.name == "x"
        assert AuditEntry.objects.get(action="program_set_payment").detail["currency"] == "USD"

    @pytest.mark.parametrize(
        "body",
        [
            {"energy_price": "-0.01"},
            {"energy_price": "NaN"},
            {"energy_price": "Infinity"},
            {"energy_price": "a lot"},
            {"energy_price": "9999999.0"},
            {"currency": "EURO"},
            {"currency": ""},
            {"currency": "eur"},
            {"currency": "É€R"},
            {"payment_rules": "a lot"},
            {"payment_rules": None},
            {"payment_rules": {"energy_price": "1"}},
            {"payment_rules": {"bonus": "1"}},
            {"payment_rules": {"rounding": "0.001"}},
            {"payment_rules": {"capacity_price": 0.5}},
            [],
        ],
    )
    def test_payment_that_makes_no_sense_is_refused(self, body: Any) -> None:
        fleet = factories.make_fleet(homes=0)
        api = factories.make_aggregator(organization=fleet.organization)
        assert api.patch(f"/programs/{fleet.program.pk}", body).status_code == 400
        fleet.program.refresh_from_db()
        assert (fleet.program.energy_price, fleet.program.currency) == (Decimal("0.5000"), "EUR")

    def test_aggregator_sets_further_rules_and_they_stay(self) -> None:
        fleet = factories.make_fleet(homes=0)
        api = factories.make_aggregator(organization=fleet.organization)
        path, rules = f"/programs/{fleet.program.pk}", {"capacity_price": "3.00", "rounding_per": "line"}
        assert api.patch(path, {"payment_rules": rules}).json()["payment_rules"] == rules
        assert api.patch(path, {"energy_price": "0.75"}).json()["payment_rules"] == rules
        fleet.program.refresh_from_db()
        rule = payment_rule(program=fleet.program)
        assert (rule.energy_price, rule.capacity_price, rule.rounding_per) == (
            Decimal("0.75"), Decimal("3.00"), "line",
        )  # fmt: skip
        assert (
            AuditEntry.objects.filter(action="program_set_payment", detail__payment_rules=rules).count() == 2
        )

    def test_aggregator_sets_how_homes_are_asked(self) -> None:
        fleet = factories.make_fleet(homes=0)
        api = factories.make_aggregator(organization=fleet.organization)
        path = f"/programs/{fleet.program.pk}"
        answer = api.patch(path, {"reserve_kw": 25, "most_events": 4})
        assert (answer.status_code, answer.json()["most_events_days"]) == (200, 30)
        fleet.program.refresh_from_db()
        assert (fleet.program.reserve_kw, fleet.program.most_events) == (25.0, 4)
        assert AuditEntry.objects.get(action="program_set_dispatch").detail["reserve_kw"] == 25.0
        for wrong in (
            {"reserve_kw": -1},
            {"reserve_kw": "NaN"},
            {"most_events": -1},
            {"most_events_days": 0},
        ):
            assert api.patch(path, wrong).status_code == 400
        fleet.program.refresh_from_db()
        assert (fleet.program.reserve_kw, fleet.program.most_events_days) == (25.0, 30)

    def test_aggregator_chooses_the_baseline(self) -> None:
        fleet = factories.make_fleet(homes=0)
        assert fleet.program.baseline_method == "mean_10_of_10"
        api = factories.make_aggregator(organization=fleet.organization)
        sent = {"baseline_method": "pjm_high_4_of_5", "holidays": ["2026-12-25", "2026-01-01", "2026-12-25"]}
        answer = api.patch(f"/programs/{fleet.program.pk}", sent)
        assert (answer.status_code, answer.json()["baseline_method"]) == (200, "pjm_high_4_of_5")
        fleet.program.refresh_from_db()
        assert fleet.program.holidays == [date(2026, 1, 1), date(2026, 12, 25)]
        assert fleet.program.energy_price == Decimal("0.5000")
        assert AuditEntry.objects.get(action="program_set_baseline").detail["method"] == "pjm_high_4_of_5"

    @pytest.mark.parametrize(
        "body",
        [
            {"baseline_method": "ten_of_ten"},
            {"baseline_method": None},
            {"baseline_method": "weather_matching"},  # telemetry knows no temperatures
            {"holidays": ["soon"]},
            {"holidays": "2026-12-25"},
            {"holidays": ["2026-12-25"] * 401},
        ],
    )
    def test_baseline_that_cannot_be_is_refused(self, body: Any) -> None:
        fleet = factories.make_fleet(homes=0)
        api = factories.make_aggregator(organization=fleet.organization)
        assert api.patch(f"/programs/{fleet.program.pk}", body).status_code == 400
        fleet.program.refresh_from_db()
        assert (fleet.program.baseline_method, fleet.program.holidays) == ("mean_10_of_10", [])

    def test_each_home_gets_its_own_result(self) -> None:
        fleet = factories.make_fleet(homes=1, history=False)
        new = factories.make_site(organization=fleet.organization)
        foreign = factories.make_site(organization=factories.make_organization())
        api = factories.make_aggregator(organization=fleet.organization)
        wanted = [fleet.sites[0].pk, new.pk, new.pk, foreign.pk, 10**30]
        answer = api.post(f"/programs/{fleet.program.pk}/enrollments", {"site_ids": wanted})
        assert (answer.status_code, [one["result"] for one in answer.json()["results"]]) == (
            201,
            ["already_enrolled", "enrolled", "already_enrolled", "not_found", "not_found"],
        )
        assert Enrollment.objects.count() == 2

    @pytest.mark.parametrize("site_ids", [[], [0], ["x"], [1.5], "all", None, [None], [True, []]])
    def test_homes_that_cannot_be_are_refused(self, site_ids: Any) -> None:
        fleet = factories.make_fleet(homes=0)
        api = factories.make_aggregator(organization=fleet.organization)
        answer = api.post(f"/programs/{fleet.program.pk}/enrollments", {"site_ids": site_ids})
        assert answer.status_code == 400

    def test_signals_are_the_tenants_own(self) -> None:
        fleet = factories.make_fleet(homes=0)
        signal = factories.make_signal(program=fleet.program)
        ours = factories.make_aggregator(organization=fleet.organization)
        theirs = factories.make_aggregator(organization=factories.make_organization())
        assert [one["id"] for one in ours.get("/signals").json()["results"]] == [str(signal.pk)]
        assert theirs.get("/signals").json()["results"] == []
        assert ours.get(f"/signals/{signal.pk}").status_code == 200
        assert theirs.get(f"/signals/{signal.pk}").status_code == 404
