"""Statements to keep, and what a partner gets over the API."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.common.papers import latin
from apps.settlement.documents import _interval_cells, run_csv, statement_csv, statement_pdf
from apps.settlement.models import SettlementRun, Statement, StatementLine
from tests import factories
from tests.apps.settlement.test_settling import ended, meter, pay, settle
from tests.factories import Fleet

pytestmark = pytest.mark.django_db


@pytest.fixture
def fleet() -> Fleet:
    return factories.make_fleet(homes=2)


@pytest.fixture
def statement(fleet: Fleet) -> Statement:
    pay(fleet.program, energy="0.50", event="0.25")
    signal = ended(fleet)
    meter(fleet, grid_kw=-1.0, homes=fleet.sites[:1])
    meter(fleet, grid_kw=-1.0, homes=fleet.sites[1:], minutes=30)
    settle(signal)
    return Statement.objects.get(site=fleet.sites[1])


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_statement_has_intervals_parts_and_total(statement: Statement) -> None:
    found = rows(statement_csv(statement=statement))
    assert [row["line"] for row in found] == ["interval"] * 4 + ["energy", "event", "total"]
    assert [row["amount"] for row in found[4:]] == ["0.50", "0.25", "0.75"]
    assert [(row["metered_kwh"] != "", row["status"]) for row in found[:4]] == [
        (True, "measured"), (True, "measured"), (False, "missing"), (False, "missing"),
    ]  # fmt: skip
    assert statement.run.input_hash in found[-1]["note"]


def test_run_has_a_line_for_each_home(fleet: Fleet, statement: Statement) -> None:
    found = rows(run_csv(run=statement.run))
    assert [(row["site_id"], row["delivered_kwh"], row["amount"], row["kind"]) for row in found] == [
        (str(fleet.sites[0].pk), "2.000", "1.25", "initial"),
        (str(fleet.sites[1].pk), "1.000", "0.75", "initial"),
    ]


@pytest.mark.parametrize("name", ["=1+1", "+49 30", "-2+3", "@SUM(A1)", "\t=1", "  =1"])
def test_name_that_a_spreadsheet_would_run_is_made_text(
    fleet: Fleet, statement: Statement, name: str
) -> None:
    fleet.sites[1].name = name
    fleet.sites[1].save()
    assert rows(run_csv(run=statement.run))[1]["site"] == f"'{name}"


def test_letters_and_negative_numbers_stay_as_they_are(fleet: Fleet, statement: Statement) -> None:
    fleet.sites[1].name = "Łódź, Ölweg “3”\n2"
    fleet.sites[1].save()
    Statement.objects.filter(pk=statement.pk).update(
        adjustment=Decimal("-0.50"), parts=[["penalty", "-1.00"]]
    )
    statement.refresh_from_db()
    found = rows(run_csv(run=statement.run))[1]
    assert (found["site"], found["adjustment"]) == ("Łódź, Ölweg “3”\n2", "-0.50")
    assert rows(statement_csv(statement=statement))[4]["amount"] == "-1.00"


def test_page_is_the_same_each_time(statement: Statement) -> None:
    first = statement_pdf(statement=statement)
    assert first.startswith(b"%PDF-")
    assert first == statement_pdf(statement=statement)


@pytest.mark.parametrize("name", ["日本の家 🏠", "Łódź", "a\x00b\n", "x" * 200])
def test_page_of_any_name(fleet: Fleet, statement: Statement, name: str) -> None:
    fleet.sites[1].name = name.replace("\x00", "")[:100]
    fleet.sites[1].save()
    statement.refresh_from_db()
    assert statement_pdf(statement=statement).startswith(b"%PDF-")


def test_other_letters_are_written_in_their_nearest_form() -> None:
    assert [latin(text) for text in ("Straße 3", "Łódź", "Ağrı", "日本", "5 €", "a\tb")] == [
        "Straße 3", "Lódz", "Agri", "??", "5 EUR", "a b",
    ]  # fmt: skip


class TestApi:
    def test_run_shows_kind_parts_and_adjustment(self, fleet: Fleet, statement: Statement) -> None:
        api = factories.make_aggregator(organization=fleet.organization)
        (run,) = api.get(f"/signals/{statement.run.signal_id}/settlements").json()
        assert (run["kind"], run["adjustment"], run["amount"]) == ("initial", "0.00", "2.00")
        second = run["statements"][1]
        assert second["parts"] == [{"kind": "energy", "amount": "0.50"}, {"kind": "event", "amount": "0.25"}]
        assert (second["committed_kwh"], second["lines"][3]["note"]) == ("1.000", "missing")

    def test_csv_is_the_tenants_own(self, fleet: Fleet, statement: Statement) -> None:
        path = f"/signals/{statement.run.signal_id}/settlements/1/csv"
        answer = factories.make_aggregator(organization=fleet.organization).get(path)
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert len(rows(answer.content.decode())) == 2
        other = factories.make_aggregator(organization=factories.make_organization())
        assert [other.get(path).status_code, other.get(path.replace("/1/", "/2/")).status_code] == [404, 404]

    def test_preview_says_what_events_would_have_paid(self, fleet: Fleet, statement: Statement) -> None:
        api = factories.make_aggregator(organization=fleet.organization)
        path = f"/programs/{fleet.program.pk}/payment-preview"
        answer = api.post(path, {"energy_price": "1", "capacity_price": "2"})
        (event,) = answer.json()["events"]
        assert event["before"] == {
            "amount": "2.00", "currency": "EUR", "per_home": {"min": "0.75", "median": "1.00", "max": "1.25"},
        }  # fmt: skip
        # Energy 2.00 and 1.00, capacity 2 x 2 kW and 2 x 1 kW, 0.25 each for taking part.
        assert event["after"]["per_home"] == {"min": "3.25", "median": "4.75", "max": "6.25"}
        assert SettlementRun.objects.count() == 1
        other = factories.make_aggregator(organization=factories.make_organization())
        assert other.post(path, {}).status_code == 404

    @pytest.mark.parametrize("body", [[], {"bonus": "1"}, {"energy_price": "-1"}, {"rounding": "0.005"}])
    def test_preview_of_a_rule_without_sense_is_refused(self, fleet: Fleet, body: Any) -> None:
        api = factories.make_aggregator(organization=fleet.organization)
        answer = api.post(f"/programs/{fleet.program.pk}/payment-preview", body)
        assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "program_invalid")


def test_event_on_the_night_clocks_go_back_has_both_hours() -> None:
    """Interval times are shown with their zone, so 02:30 twice is two lines that differ."""
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    shown = [
        _interval_cells(
            StatementLine(starts_at=at, baseline_kwh=1, metered_kwh=None, delivered_kwh=0, note=""),
            ZoneInfo("Europe/Berlin"),
        )[0]
        for at in (first, first + timedelta(hours=1))
    ]
    assert shown == ["02:30 CEST", "02:30 CET"]
