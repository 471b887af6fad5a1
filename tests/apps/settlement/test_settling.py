"""From registers to statements that sum to the cent; tasks that may run twice."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.dispatch.services import signal_plan
from apps.flexibility.models import SiteFlexibility
from apps.openadr.models import EventObject, ProgramObject, ReportObject
from apps.openadr.services import reports_due
from apps.programs.models import GridSignal, Program
from apps.programs.services import program_set_payment
from apps.settlement.models import SettlementRun, Statement, StatementLine
from apps.settlement.selectors import settled_signals, statements_of_site
from apps.settlement.services import signal_settle, signals_settle_due
from apps.settlement.tasks import settle_due
from tests import factories
from tests.factories import NOW, Fleet

pytestmark = pytest.mark.django_db
START = NOW + timedelta(hours=2)
END = START + timedelta(hours=1)
DUE = END + timedelta(minutes=10)


def ended(fleet: Fleet, *, target_kw: float = 4.0) -> GridSignal:
    """An event over an hour that was planned and has ended."""
    signal = factories.make_signal(program=fleet.program, target_kw=[target_kw] * 4)
    signal_plan(signal_id=signal.pk, reason="test", now=NOW)
    GridSignal.objects.filter(pk=signal.pk).update(state="ended")
    signal.refresh_from_db()
    return signal


def meter(fleet: Fleet, *, grid_kw: float, homes: Any = None, minutes: int = 70) -> None:
    factories.add_minutes(
        sites=fleet.sites if homes is None else homes,
        starts_at=START - timedelta(minutes=10),
        ends_at=START + timedelta(minutes=minutes),
        grid_kw=grid_kw,
    )


def settle(signal: GridSignal) -> SettlementRun:
    run = signal_settle(signal=signal, now=DUE)
    assert run is not None
    return run


def pay(program: Program, *, energy: str, event: str = "0.00") -> None:
    program_set_payment(
        program=program,
        energy_price=Decimal(energy),
        event_payment=Decimal(event),
        currency="EUR",
        actor="test",
        now=NOW,
    )


def test_delivered_energy_is_baseline_less_meter() -> None:
    fleet = factories.make_fleet(homes=2)
    signal = ended(fleet)
    meter(fleet, grid_kw=-1.0)
    run = settle(signal)
    assert (run.delivered_kwh, run.amount, run.currency, run.version) == (
        Decimal("4.000"), Decimal("2.00"), "EUR", 1,
    )  # fmt: skip
    assert [(s.delivered_kwh, s.amount) for s in run.statements.all()] == [
        (Decimal("2.000"), Decimal("1.00"))
    ] * 2
    line = StatementLine.objects.filter(starts_at=START).first()
    assert line is not None
    values = [line.baseline_kwh, line.metered_kwh, line.delivered_kwh]
    assert values == pytest.approx([0.25, -0.25, 0.5])


@pytest.mark.parametrize(
    ("energy", "event", "total"),
    [("0.0100", "0.00", "0.06"), ("0.3333", "0.00", "2.00"), ("0.1234", "0.05", "0.89")],
)
def test_statements_sum_to_the_rule_on_the_total(energy: str, event: str, total: str) -> None:
    """Three homes shed 2 kW for an hour each: 6 kWh."""
    fleet = factories.make_fleet(homes=3)
    pay(fleet.program, energy=energy, event=event)
    signal = ended(fleet, target_kw=6.0)
    meter(fleet, grid_kw=-1.0)
    run = settle(signal)
    assert run.amount == Decimal(total)
    assert sum(s.amount for s in run.statements.all()) == run.amount
    assert sum(s.delivered_kwh for s in run.statements.all()) == run.delivered_kwh == Decimal("6.000")


def test_more_than_a_fifth_above_what_was_asked_is_not_paid() -> None:
    fleet = factories.make_fleet(homes=1)
    signal = ended(fleet, target_kw=1.0)
    meter(fleet, grid_kw=-3.0)
    assert settle(signal).delivered_kwh == Decimal("1.200")


def test_drawing_more_than_the_baseline_costs_nothing() -> None:
    fleet = factories.make_fleet(homes=1)
    signal = ended(fleet, target_kw=1.0)
    meter(fleet, grid_kw=5.0)
    run = settle(signal)
    assert (run.delivered_kwh, run.amount) == (Decimal("0.000"), Decimal("0.00"))


def test_missing_meter_data_is_said_and_not_paid() -> None:
    fleet = factories.make_fleet(homes=2)
    signal = ended(fleet)
    meter(fleet, grid_kw=-1.0, homes=fleet.sites[:1])
    meter(fleet, grid_kw=-1.0, homes=fleet.sites[1:], minutes=30)
    run = settle(signal)
    whole, half = run.statements.order_by("site_id")
    assert (whole.delivered_kwh, half.delivered_kwh) == (Decimal("2.000"), Decimal("1.000"))
    lines = half.lines.order_by("starts_at")
    assert [(line.status, line.note) for line in lines] == [("measured", "")] * 2 + [
        ("missing", "missing")
    ] * 2
    assert [line.metered_kwh for line in lines][2:] == [None, None]


def test_register_that_was_reset_is_missing() -> None:
    fleet = factories.make_fleet(homes=1)
    signal = ended(fleet, target_kw=2.0)
    factories.add_minutes(
        sites=fleet.sites,
        starts_at=START - timedelta(minutes=10),
        ends_at=START + timedelta(minutes=20),
        grid_kw=-1.0,
    )
    factories.add_minutes(
        sites=fleet.sites,
        starts_at=START + timedelta(minutes=21),
        ends_at=END + timedelta(minutes=10),
        grid_kw=-1.0,
        register_kwh=0.0,
    )
    run = settle(signal)
    notes = [line.note for line in StatementLine.objects.order_by("starts_at")]
    assert (notes, run.delivered_kwh) == (["", "reset", "", ""], Decimal("1.500"))


def test_home_whose_baseline_does_not_fit_the_signal_any_more_is_not_paid() -> None:
    fleet = factories.make_fleet(homes=2)
    signal = ended(fleet)
    SiteFlexibility.objects.filter(site=fleet.sites[0]).update(baseline_kw=[1.0])
    meter(fleet, grid_kw=-1.0)
    run = settle(signal)
    assert [s.delivered_kwh for s in run.statements.order_by("site_id")] == [
        Decimal("0.000"),
        Decimal("2.000"),
    ]
    assert {line.status for line in StatementLine.objects.filter(statement__site=fleet.sites[0])} == {
        "missing"
    }


def test_signal_that_nobody_gave_to_is_settled_with_nothing() -> None:
    fleet = factories.make_fleet(homes=0)
    signal = ended(fleet)
    run = settle(signal)
    assert (run.delivered_kwh, run.amount, run.statements.count()) == (Decimal("0.000"), Decimal("0.00"), 0)
    signal.refresh_from_db()
    assert signal.state == "settled"


class TestTasks:
    def test_settling_twice_pays_once(self) -> None:
        fleet = factories.make_fleet(homes=1)
        ended(fleet, target_kw=2.0)
        meter(fleet, grid_kw=-1.0)
        assert [signals_settle_due(now=DUE), signals_settle_due(now=DUE)] == [1, 0]
        assert (SettlementRun.objects.count(), Statement.objects.count()) == (1, 1)

    def test_settling_at_the_same_time_pays_once(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = ended(fleet, target_kw=2.0)
        meter(fleet, grid_kw=-1.0)
        assert signal_settle(signal=signal, now=DUE, first_only=True) is not None
        assert signal_settle(signal=signal, now=DUE, first_only=True) is None
        assert SettlementRun.objects.count() == 1

    def test_late_data_has_ten_minutes(self) -> None:
        ended(factories.make_fleet(homes=1))
        assert signals_settle_due(now=DUE - timedelta(seconds=1)) == 0
        assert signals_settle_due(now=DUE) == 1

    def test_canceled_signal_is_not_settled(self) -> None:
        signal = ended(factories.make_fleet(homes=1))
        GridSignal.objects.filter(pk=signal.pk).update(state="canceled")
        assert signals_settle_due(now=DUE) == 0

    def test_task_may_run_any_number_of_times(self, settings: Any) -> None:
        settings.ORES_CLOCK = factories.clock_at(DUE)
        ended(factories.make_fleet(homes=1))
        settle_due()
        settle_due()
        assert SettlementRun.objects.count() == 1

    def test_same_inputs_have_the_same_hash(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = ended(fleet, target_kw=2.0)
        meter(fleet, grid_kw=-1.0)
        first, second = settle(signal), settle(signal)
        assert (first.version, second.version) == (1, 2)
        assert first.input_hash == second.input_hash


def test_correction_takes_the_place_of_the_statement_before() -> None:
    fleet = factories.make_fleet(homes=1)
    signal = ended(fleet, target_kw=2.0)
    meter(fleet, grid_kw=-1.0, minutes=30)
    assert settle(signal).delivered_kwh == Decimal("1.000")
    meter(fleet, grid_kw=-1.0)
    assert settle(signal).delivered_kwh == Decimal("2.000")
    (statement,) = statements_of_site(site=fleet.sites[0])
    assert (statement.run.version, statement.amount) == (2, Decimal("1.00"))
    assert SettlementRun.objects.count() == 2


class TestReport:
    def event(self, signal: GridSignal) -> EventObject:
        held = {"organization": signal.organization, "content": {}, "created_at": NOW, "modified_at": NOW}
        program = ProgramObject.objects.create(program=signal.program, **held)
        return EventObject.objects.create(program_object=program, signal=signal, **held)

    def payloads(self, report: ReportObject) -> list[dict[str, Any]]:
        (row,) = report.content["resources"]
        return [
            {payload["type"]: payload["values"][0] for payload in interval["payloads"]}
            for interval in row["intervals"]
        ]

    def test_settled_signal_is_reported_once(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = ended(fleet, target_kw=2.0)
        event = self.event(signal)
        meter(fleet, grid_kw=-1.0)
        settle(signal)
        assert [reports_due(now=DUE), reports_due(now=DUE)] == [1, 0]
        report = ReportObject.objects.get(event=event)
        assert (report.organization, report.content["reportName"]) == (fleet.organization, "settlement 1")
        first = self.payloads(report)[0]
        assert (first["BASELINE"], first["USAGE"], first["DELTA_USAGE"]) == (
            pytest.approx(0.25), 0.0, pytest.approx(-0.5),
        )  # fmt: skip

    def test_interval_that_nobody_measured_is_reported_as_missing(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = ended(fleet, target_kw=2.0)
        self.event(signal)
        meter(fleet, grid_kw=-1.0, minutes=30)
        settle(signal)
        reports_due(now=DUE)
        qualities = [one["DATA_QUALITY"] for one in self.payloads(ReportObject.objects.get())]
        assert qualities == ["OK", "OK", "MISSING", "MISSING"]

    def test_signal_without_event_is_not_reported(self) -> None:
        run = settle(ended(factories.make_fleet(homes=1)))
        assert (len(settled_signals(signal_ids=[run.signal_id])), reports_due(now=DUE)) == (1, 0)

    def test_correction_is_reported_as_well(self) -> None:
        fleet = factories.make_fleet(homes=1)
        signal = ended(fleet, target_kw=2.0)
        self.event(signal)
        made = []
        for _ in range(2):
            settle(signal)
            made.append(reports_due(now=DUE))
        assert (made, reports_due(now=DUE)) == ([1, 1], 0)
        names = sorted(report.content["reportName"] for report in ReportObject.objects.all())
        assert names == ["settlement 1", "settlement 2"]
