"""Versions: true-ups, the final run, disputes; and every one of them computed again from what was kept."""

import zlib
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import AuditEntry, User
from apps.programs.models import GridSignal
from apps.programs.services import program_set_payment
from apps.settlement.disputes import Corrected, dispute_accept, dispute_open, dispute_reject
from apps.settlement.errors import (
    DisputeClosedError,
    DisputeInvalidError,
    DisputeOpenError,
    RunNotAllowedError,
    StatementReplacedError,
)
from apps.settlement.inputs import kept_text
from apps.settlement.models import (
    Dispute,
    MeterCorrection,
    RunInputs,
    SettlementRun,
    Statement,
    StatementLine,
)
from apps.settlement.preview import payment_preview
from apps.settlement.selectors import newest_run
from apps.settlement.services import signal_settle, signals_true_up_due
from apps.settlement.tasks import true_up_due
from apps.settlement.verify import run_verify
from tests import factories
from tests.apps.settlement.test_settling import DUE, END, START, ended, meter, settle
from tests.factories import Fleet

pytestmark = pytest.mark.django_db
LATER = DUE + timedelta(days=2)
CLOSED = END + timedelta(days=30)


@pytest.fixture
def fleet() -> Fleet:
    return factories.make_fleet(homes=2)


def rules(fleet: Fleet, **payment_rules: Any) -> None:
    program_set_payment(
        program=fleet.program,
        energy_price=Decimal("0.50"),
        event_payment=Decimal(0),
        currency="EUR",
        payment_rules=payment_rules,
        actor="test",
        now=DUE,
    )


def half_settled(fleet: Fleet) -> GridSignal:
    """The second home's last half hour has not come in."""
    signal = ended(fleet)
    meter(fleet, grid_kw=-1.0, homes=fleet.sites[:1])
    meter(fleet, grid_kw=-1.0, homes=fleet.sites[1:], minutes=30)
    settle(signal)
    return signal


def versions(signal: GridSignal) -> list[tuple[int, str, str, str]]:
    runs = SettlementRun.objects.filter(signal=signal).order_by("version")
    return [(run.version, run.kind, str(run.amount), str(run.adjustment)) for run in runs]


def newest(signal: GridSignal) -> SettlementRun:
    run = newest_run(signal_id=signal.pk)
    assert run is not None
    return run


def verified() -> None:
    for run in SettlementRun.objects.all():
        found = run_verify(run=run)
        assert (found.checked, found.differences) == (True, [])


class TestRuns:
    def test_late_data_makes_a_true_up_with_its_adjustments(self, fleet: Fleet) -> None:
        signal = half_settled(fleet)
        assert signals_true_up_due(now=LATER) == 0
        meter(fleet, grid_kw=-1.0, homes=fleet.sites[1:])
        assert [signals_true_up_due(now=LATER), signals_true_up_due(now=LATER)] == [1, 0]
        assert versions(signal) == [(1, "initial", "1.50", "0.00"), (2, "true_up", "2.00", "0.50")]
        statements = newest(signal).statements.order_by("site_id")
        assert [str(one.adjustment) for one in statements] == ["0.00", "0.50"]
        verified()

    def test_final_run_closes(self, fleet: Fleet) -> None:
        signal = half_settled(fleet)
        assert [signals_true_up_due(now=CLOSED - timedelta(seconds=1)), signals_true_up_due(now=CLOSED)] == [
            0,
            1,
        ]
        assert versions(signal)[-1] == (2, "final", "1.50", "0.00")
        meter(fleet, grid_kw=-1.0)
        assert signals_true_up_due(now=CLOSED) == 0
        with pytest.raises(RunNotAllowedError, match="after the final run"):
            signal_settle(signal=signal, now=CLOSED)
        assert len(versions(signal)) == 2

    def test_rule_of_the_first_run_stays(self, fleet: Fleet) -> None:
        signal = half_settled(fleet)
        rules(fleet, home_floor="100")
        assert signals_true_up_due(now=LATER) == 0
        meter(fleet, grid_kw=-1.0)
        assert signals_true_up_due(now=LATER) == 1
        assert newest(signal).amount == Decimal("2.00")

    def test_measurements_that_were_dropped_since_still_count(self, fleet: Fleet) -> None:
        from django.db import connection

        signal = half_settled(fleet)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM telemetry_snapshot")
        assert signals_true_up_due(now=CLOSED) == 1
        assert versions(signal)[-1] == (2, "final", "1.50", "0.00")

    def test_task_may_run_any_number_of_times(self, fleet: Fleet, settings: Any) -> None:
        settings.ORES_CLOCK = factories.clock_at(CLOSED)
        signal = half_settled(fleet)
        true_up_due()
        true_up_due()
        assert [kind for _, kind, *_ in versions(signal)] == ["initial", "final"]

    def test_program_pays_by_its_rules(self, fleet: Fleet) -> None:
        """Each home was asked for 2 kW and the second gave half an hour of it, the rest not measured."""
        rules(fleet, capacity_price="3.00", penalty_price="1", penalty_threshold="0.75", rounding_per="line")
        signal = half_settled(fleet)
        first, second = newest(signal).statements.order_by("site_id")
        assert first.parts == [["energy", "1.00"], ["capacity", "6.00"]]
        assert second.parts == [["energy", "0.50"], ["capacity", "3.00"]]
        assert (first.committed_kwh, second.committed_kwh) == (Decimal("2.000"), Decimal("1.000"))
        verified()


class TestVerify:
    def run_command(self, **options: Any) -> str:
        out = StringIO()
        call_command("settlement_verify", stdout=out, **options)
        return out.getvalue()

    def test_stored_runs_follow_from_their_inputs(self, fleet: Fleet) -> None:
        half_settled(fleet)
        said = "1 runs computed again, 0 differ; 0 were made before inputs were kept"
        assert said in self.run_command()
        assert said in self.run_command(organization=fleet.organization.slug)
        assert "0 runs" in self.run_command(organization="another")

    @pytest.mark.parametrize("what", ["amount", "line", "parts", "hash", "inputs", "adjustment", "missing"])
    def test_whatever_was_changed_is_found(self, fleet: Fleet, what: str) -> None:
        signal = half_settled(fleet)
        run = newest(signal)
        statements = Statement.objects.filter(run=run, site=fleet.sites[0])
        if what == "amount":
            statements.update(amount=Decimal("1.01"))
        elif what == "line":
            StatementLine.objects.filter(statement__in=statements, starts_at=START).update(delivered_kwh=0.6)
        elif what == "parts":
            statements.update(parts=[["energy", "2.00"]])
        elif what == "hash":
            SettlementRun.objects.update(input_hash="0" * 64)
        elif what == "adjustment":
            statements.update(adjustment=Decimal("0.01"))
        elif what == "missing":
            StatementLine.objects.filter(statement__in=statements, starts_at=START).delete()
        else:
            text = kept_text(run=run)
            assert text is not None
            changed = text.replace('"energy_price":"0.5000"', '"energy_price":"0.5001"')
            assert changed != text
            RunInputs.objects.filter(run=run).update(content=zlib.compress(changed.encode()))
        with pytest.raises(CommandError, match="1 settlement runs do not follow"):
            self.run_command()

    def test_inputs_that_are_no_inputs_are_a_difference(self, fleet: Fleet) -> None:
        run = newest(half_settled(fleet))
        RunInputs.objects.filter(run=run).update(content=zlib.compress(b"{}"))
        assert run_verify(run=run).differences == [
            "the stored inputs cannot be settled: these are no inputs of a settlement"
        ]

    def test_run_without_inputs_is_said_and_not_closed_over(self, fleet: Fleet) -> None:
        half_settled(fleet)
        RunInputs.objects.all().delete()
        assert "0 runs computed again, 0 differ; 1 were made before" in self.run_command()
        with pytest.raises(CommandError, match="no run 0"):
            self.run_command(run=0)


@pytest.fixture
def owner(fleet: Fleet) -> User:
    return factories.make_owner(site=fleet.sites[1])


@pytest.fixture
def operator(fleet: Fleet) -> User:
    return factories.make_operator(organization=fleet.organization)


class TestDisputes:
    def opened(self, fleet: Fleet, owner: User) -> Dispute:
        signal = half_settled(fleet)
        statement = Statement.objects.get(run=newest(signal), site=fleet.sites[1])
        return dispute_open(statement=statement, user=owner, reason=" My meter was read by hand. ", now=LATER)

    def test_accepted_correction_becomes_part_of_the_next_version(
        self, fleet: Fleet, owner: User, operator: User
    ) -> None:
        dispute = self.opened(fleet, owner)
        corrections = [Corrected(START + timedelta(minutes=30), -0.25, "photo of the meter")]
        run = dispute_accept(
            dispute=dispute, user=operator, note="Right.", corrections=corrections, now=LATER
        )
        assert (run.kind, run.amount, run.adjustment) == ("true_up", Decimal("1.75"), Decimal("0.25"))
        line = StatementLine.objects.get(
            statement__run=run, statement__site=fleet.sites[1], starts_at=corrections[0].starts_at
        )
        assert (line.metered_kwh, line.status, line.note) == (
            -0.25,
            "measured",
            "corrected: photo of the meter",
        )
        dispute.refresh_from_db()
        assert (dispute.state, dispute.answer, dispute.resolved_by) == ("accepted", run, operator)
        assert [entry.action for entry in AuditEntry.objects.filter(action__startswith="dispute").order_by("pk")] == [
            "dispute_open", "dispute_accept",
        ]  # fmt: skip
        verified()
        assert signals_true_up_due(now=LATER) == 0

    def test_correction_after_the_final_run_counts_on_what_was_kept(
        self, fleet: Fleet, owner: User, operator: User
    ) -> None:
        dispute = self.opened(fleet, owner)
        signal = dispute.statement.run.signal
        signals_true_up_due(now=CLOSED)
        meter(fleet, grid_kw=-1.0)  # too late to count
        left_out = [Corrected(START, None, "the hub was being exchanged")]
        run = dispute_accept(dispute=dispute, user=operator, note="Yes.", corrections=left_out, now=CLOSED)
        assert [kind for _, kind, *_ in versions(signal)] == ["initial", "final", "correction"]
        assert (run.amount, run.adjustment) == (Decimal("1.25"), Decimal("-0.25"))
        verified()

    def test_run_closed_before_inputs_were_kept_cannot_be_corrected(
        self, fleet: Fleet, owner: User, operator: User
    ) -> None:
        dispute = self.opened(fleet, owner)
        signals_true_up_due(now=CLOSED)
        RunInputs.objects.all().delete()
        with pytest.raises(RunNotAllowedError, match="cannot be corrected"):
            dispute_accept(dispute=dispute, user=operator, note="Yes.", corrections=[], now=CLOSED)
        dispute.refresh_from_db()
        assert (dispute.state, SettlementRun.objects.count()) == ("open", 2)

    def test_rejected_dispute_changes_nothing(self, fleet: Fleet, owner: User, operator: User) -> None:
        dispute = self.opened(fleet, owner)
        assert dispute.reason == "My meter was read by hand."
        closed = dispute_reject(
            dispute=dispute, user=operator, note="The photo shows another day.", now=LATER
        )
        assert (closed.state, SettlementRun.objects.count()) == ("rejected", 1)
        with pytest.raises(DisputeClosedError, match="rejected already"):
            dispute_accept(dispute=dispute, user=operator, note="x", corrections=[], now=LATER)

    def test_one_at_a_time_and_only_about_the_newest_version(self, fleet: Fleet, owner: User) -> None:
        dispute = self.opened(fleet, owner)
        with pytest.raises(DisputeOpenError):
            dispute_open(statement=dispute.statement, user=owner, reason="again", now=LATER)
        settle(dispute.statement.run.signal)
        with pytest.raises(StatementReplacedError):
            dispute_open(statement=dispute.statement, user=owner, reason="late", now=LATER)
        assert Dispute.objects.count() == 1

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 1001, "a\x00b"])
    def test_reason_without_sense_is_refused(self, fleet: Fleet, owner: User, reason: str) -> None:
        statement = Statement.objects.get(run=newest(half_settled(fleet)), site=fleet.sites[1])
        with pytest.raises(DisputeInvalidError):
            dispute_open(statement=statement, user=owner, reason=reason, now=LATER)
        assert Dispute.objects.count() == 0

    @pytest.mark.parametrize(
        ("corrections", "note"),
        [
            ([Corrected(START - timedelta(minutes=15), 0.1, "x")], "ok"),
            ([Corrected(START + timedelta(minutes=1), 0.1, "x")], "ok"),
            ([Corrected(START, float("nan"), "x")], "ok"),
            ([Corrected(START, 25.1, "x")], "ok"),
            ([Corrected(START, 0.1, "")], "ok"),
            ([Corrected(START, 0.1, "x"), Corrected(START, 0.2, "y")], "ok"),
            ([], ""),
        ],
    )
    def test_correction_without_sense_is_refused_and_nothing_changes(
        self, fleet: Fleet, owner: User, operator: User, corrections: list[Corrected], note: str
    ) -> None:
        dispute = self.opened(fleet, owner)
        with pytest.raises(DisputeInvalidError):
            dispute_accept(dispute=dispute, user=operator, note=note, corrections=corrections, now=LATER)
        dispute.refresh_from_db()
        assert (dispute.state, MeterCorrection.objects.count(), SettlementRun.objects.count()) == (
            "open",
            0,
            1,
        )


class TestPreview:
    def test_past_events_under_another_rule(self, fleet: Fleet) -> None:
        signal = half_settled(fleet)
        before = SettlementRun.objects.count(), fleet.program.payment_rules
        found = payment_preview(program=fleet.program, changes={"energy_price": "1", "home_floor": "1.25"})
        (event,) = found.events
        assert (event.signal, event.homes, event.amount_before, event.amount_after) == (
            signal, 2, Decimal("1.50"), Decimal("3.25"),
        )  # fmt: skip
        assert (event.before.least, event.before.middle, event.before.most) == (
            Decimal("0.50"), Decimal("0.75"), Decimal("1.00"),
        )  # fmt: skip
        assert (event.after.least, event.after.middle, event.after.most) == (
            Decimal("1.25"), Decimal("1.625"), Decimal("2.00"),
        )  # fmt: skip
        fleet.program.refresh_from_db()
        assert (SettlementRun.objects.count(), fleet.program.payment_rules) == before

    def test_unchanged_rule_pays_what_was_paid(self, fleet: Fleet) -> None:
        half_settled(fleet)
        (event,) = payment_preview(program=fleet.program, changes={}).events
        assert (event.amount_before, event.before) == (event.amount_after, event.after)

    def test_event_without_inputs_or_homes_is_said(self, fleet: Fleet) -> None:
        settle(ended(factories.make_fleet(homes=0)))
        half_settled(fleet)
        RunInputs.objects.all().delete()
        found = payment_preview(program=fleet.program, changes={})
        assert (found.events, found.left_out) == ([], 1)
