"""Reports on which baseline method fits, from stored measurements."""

from datetime import time, timedelta
from typing import Any

import pytest

from apps.accounts.models import AuditEntry
from apps.programs.errors import ProgramInvalidError, ReportUnderWayError
from apps.programs.models import BaselineReport, Program
from apps.programs.reports import KEPT, baseline_report_request, baseline_report_run, reports_of_program
from tests import factories
from tests.factories import NOW
from vpp.baselines.names import PROGRAM_METHODS

pytestmark = pytest.mark.django_db


def request(program: Program, **changes: Any) -> BaselineReport:
    wanted = {"starts": time(18), "minutes": 120, "day_type": "weekday", "placebo_days": 2}
    return baseline_report_request(program=program, **{**wanted, **changes}, actor="client x", now=NOW)


def test_report_ranks_every_method_a_program_may_choose() -> None:
    fleet = factories.make_fleet(homes=2, history=False)
    factories.add_history(sites=fleet.sites, days=40, load_kw=1.5)
    report = request(fleet.program)
    baseline_report_run(report_id=report.pk, now=NOW)
    report.refresh_from_db()
    assert (report.state, report.progress_pct, report.error) == ("done", 100, "")
    assert report.result is not None
    assert report.result["homes"] == 2
    assert report.result["site_ids"] == [site.pk for site in fleet.sites]
    assert len(report.result["placebo_dates"]) == 2
    fits = {fit["method"]: fit for fit in report.result["fits"]}
    assert set(fits) == set(PROGRAM_METHODS)
    assert fits["mean_10_of_10"]["rrmse"] == 0.0
    assert fits["mean_10_of_10"]["site_rrmse"] == [0.0, 0.0]
    assert fits["mean_10_of_10"]["portfolio_kw"] == [3.0] * 8
    assert fits["aemo_non_business_days"]["known"] == 0.0
    assert "AEMO WDR, non-business days has no baseline on any of these days." in report.result["sentences"]


def test_event_days_are_not_guessed() -> None:
    fleet = factories.make_fleet(homes=1, history=False)
    factories.add_history(sites=fleet.sites, days=40)
    yesterday = NOW - timedelta(days=1)
    factories.make_signal(program=fleet.program, starts_at=yesterday)
    report = request(fleet.program, placebo_days=5)
    baseline_report_run(report_id=report.pk, now=NOW)
    report.refresh_from_db()
    assert report.result is not None
    assert yesterday.date().isoformat() not in report.result["placebo_dates"]


def test_program_without_homes_says_so() -> None:
    program = factories.make_fleet(homes=0).program
    report = request(program)
    baseline_report_run(report_id=report.pk, now=NOW)
    report.refresh_from_db()
    assert (report.state, report.error) == ("failed", "no home takes part in this program")


def test_home_without_measurements_cannot_be_judged() -> None:
    fleet = factories.make_fleet(homes=1, history=False)
    report = request(fleet.program)
    baseline_report_run(report_id=report.pk, now=NOW)
    report.refresh_from_db()
    assert report.result is not None
    assert report.result["sentences"] == ["No method could be judged: there is too little data."]


def test_one_at_a_time_until_it_is_given_up() -> None:
    program = factories.make_fleet(homes=0).program
    first = request(program)
    with pytest.raises(ReportUnderWayError):
        request(program)
    BaselineReport.objects.update(requested_at=NOW - timedelta(hours=2))
    second = request(program)
    first.refresh_from_db()
    assert (first.state, second.state) == ("failed", "waiting")
    baseline_report_run(report_id=first.pk, now=NOW)
    first.refresh_from_db()
    assert first.result is None


def test_the_newest_reports_are_kept() -> None:
    program = factories.make_fleet(homes=0).program
    for _ in range(KEPT + 2):
        baseline_report_run(report_id=request(program).pk, now=NOW)
    assert reports_of_program(program=program).count() == KEPT


@pytest.mark.parametrize(
    "changes",
    [{"minutes": 14}, {"minutes": 721}, {"placebo_days": 1}, {"placebo_days": 31}, {"day_type": "monday"}],
)
def test_what_cannot_be_worked_out_is_refused(changes: dict[str, Any]) -> None:
    program = factories.make_fleet(homes=0).program
    with pytest.raises(ProgramInvalidError):
        request(program, **changes)
    assert BaselineReport.objects.count() == 0


class TestApi:
    def test_aggregator_asks_and_reads(self, django_capture_on_commit_callbacks: Any, settings: Any) -> None:
        settings.ORES_CLOCK = factories.clock_at(NOW)
        fleet = factories.make_fleet(homes=1)
        api = factories.make_aggregator(organization=fleet.organization)
        path = f"/programs/{fleet.program.pk}/baseline-reports"
        with django_capture_on_commit_callbacks(execute=True):
            answer = api.post(path, {"starts": "18:00", "minutes": 60, "placebo_days": 2})
        assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
        assert "programs.baseline_report" in factories.run_queued()
        found = api.get(path).json()["results"]
        assert [one["state"] for one in found] == ["done"]
        assert found[0]["result"]["fits"][0]["rrmse"] == 0.0
        assert AuditEntry.objects.filter(action="baseline_report").count() == 1

    @pytest.mark.parametrize(
        "body", [{}, {"starts": "25:00", "minutes": 60}, {"starts": "18:00", "minutes": 5}, []]
    )
    def test_bad_requests(self, body: Any) -> None:
        fleet = factories.make_fleet(homes=0)
        api = factories.make_aggregator(organization=fleet.organization)
        assert api.post(f"/programs/{fleet.program.pk}/baseline-reports", body).status_code == 400
        assert BaselineReport.objects.count() == 0

    def test_second_request_conflicts_and_strangers_find_nothing(self, settings: Any) -> None:
        settings.ORES_CLOCK = factories.clock_at(NOW)
        fleet = factories.make_fleet(homes=0)
        request(fleet.program)
        path, body = f"/programs/{fleet.program.pk}/baseline-reports", {"starts": "18:00", "minutes": 60}
        ours = factories.make_aggregator(organization=fleet.organization)
        theirs = factories.make_aggregator(organization=factories.make_organization())
        answer = ours.post(path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "report_under_way")
        assert [theirs.get(path).status_code, theirs.post(path, body).status_code] == [404, 404]
        assert BaselineReport.objects.count() == 1
