"""Delivery against meters: imbalances charged by rule, excused by events, waited for where meters are silent."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.common.errors import DomainError
from apps.dispatch.services import signal_plan
from apps.markets.clearing import run_cancel
from apps.markets.delivery import deliveries_settle_due, imbalance_nano
from apps.markets.models import (
    Account,
    ClearingRun,
    Delivery,
    DeliveryBatch,
    LogEntry,
    LogLeaf,
    Participant,
    Posting,
)
from apps.markets.selectors import savings_of, statement_lines
from apps.markets.tasks import deliveries
from tests import factories
from tests.apps.markets.world import BID, END, OFFER, START, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DUE = END + timedelta(minutes=10)


def traded(*, homes: int = 2, firm: bool = False, history: bool = False) -> Street:
    """Home 0 buys a kWh from home 1 at 0.20; half a kWh of home 1 is left."""
    street = make_street(homes=homes, history=history)
    street.order(0, BID, 200_000, 1000)
    street.order(1, OFFER, 200_000, 1500, firm=firm)
    street.clear()
    return street


def meter(street: Street, place: int, grid_kw: float) -> None:
    factories.add_minutes(
        sites=[street.fleet.sites[place]], starts_at=START - timedelta(minutes=5), ends_at=END + timedelta(minutes=5),
        grid_kw=grid_kw,
    )  # fmt: skip


def lines() -> list[tuple[int, int, int | None, int, int, str]]:
    names = ("traded_wh", "position_wh", "metered_wh", "imbalance_wh", "pay_nano", "status")
    return list(Delivery.objects.order_by("participant_id").values_list(*names))


def test_short_pays_and_long_is_paid() -> None:
    """The buyer draws 1.25 instead of 1 kWh; the seller gives 1.25 instead of 1."""
    street = traded()
    meter(street, 0, 5.0)
    meter(street, 1, -5.0)
    before = [one.account.balance_nano for one in refreshed(street)]
    assert [deliveries_settle_due(now=DUE - timedelta(seconds=1)), deliveries_settle_due(now=DUE)] == [0, 1]
    assert lines() == [
        (1000, 1000, 1250, 250, 250 * 400_000, "measured"),
        (-1000, -1000, -1250, -250, -250 * 50_000, "measured"),
    ]
    after = [one.account.balance_nano for one in refreshed(street)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [-100_000_000, 12_500_000]
    assert Account.objects.get(market=street.market, kind="imbalance").balance_nano == 87_500_000
    assert LogEntry.objects.order_by("-index").values_list("kind", flat=True)[0] == "delivery"
    assert LogLeaf.objects.filter(entry__kind="delivery").count() == 2
    assert deliveries_settle_due(now=DUE) == 0


def refreshed(street: Street) -> list[Participant]:
    found: list[Participant] = []
    for one in street.participants:
        one.refresh_from_db()
        one.account.refresh_from_db()
        found.append(one)
    return found


def test_firm_rest_is_no_imbalance() -> None:
    street = traded(firm=True)
    meter(street, 0, 4.0)
    meter(street, 1, -6.0)
    deliveries_settle_due(now=DUE)
    assert [(line[0], line[1], line[3]) for line in lines()] == [(1000, 1000, 0), (-1000, -1500, 0)]


def test_silent_meter_is_waited_for_and_then_given_up() -> None:
    street = traded()
    meter(street, 0, 5.0)
    assert deliveries_settle_due(now=DUE) == 0
    assert DeliveryBatch.objects.count() == 0
    assert deliveries_settle_due(now=END + timedelta(days=2)) == 1
    assert [(line[2], line[4], line[5]) for line in lines()] == [
        (1250, 100_000_000, "measured"),
        (None, 0, "missing"),
    ]


def test_late_meter_is_settled_when_it_comes() -> None:
    street = traded()
    meter(street, 0, 4.0)
    assert deliveries_settle_due(now=DUE) == 0
    meter(street, 1, -4.0)
    assert deliveries_settle_due(now=DUE + timedelta(minutes=5)) == 1
    assert [line[3] for line in lines()] == [0, 0]


def test_event_that_came_after_clearing_excuses_its_homes() -> None:
    street = traded(history=True)
    signal = factories.make_signal(program=street.fleet.program, starts_at=START, target_kw=[2.0])
    signal_plan(signal_id=signal.pk, reason="test", now=NOW)
    meter(street, 0, -2.0)
    meter(street, 1, -2.0)
    deliveries_settle_due(now=DUE)
    assert {(line[4], line[5]) for line in lines()} == {(0, "excused")}
    assert not Posting.objects.filter(line="imbalance").exists()


def test_settled_run_is_not_canceled_any_more() -> None:
    street = traded()
    meter(street, 0, 4.0)
    meter(street, 1, -4.0)
    deliveries_settle_due(now=DUE)
    with pytest.raises(DomainError) as refused:
        run_cancel(run=ClearingRun.objects.get(), reason="too late", actor="test", now=DUE)
    assert refused.value.code == "run_not_allowed"
    assert ClearingRun.objects.get().state == "done"


def test_canceled_run_has_no_delivery() -> None:
    street = traded()
    run_cancel(run=ClearingRun.objects.get(), reason="test", actor="test", now=NOW)
    meter(street, 0, 5.0)
    meter(street, 1, -5.0)
    assert deliveries_settle_due(now=DUE) == 0


def test_statement_lines_and_savings_are_what_was_booked(settings: object) -> None:
    street = traded()
    meter(street, 0, 5.0)
    meter(street, 1, -4.0)
    deliveries_settle_due(now=DUE)
    buyer = refreshed(street)[0]
    rows = statement_lines(
        participant=buyer, starts_at=NOW - timedelta(days=1), ends_at=DUE + timedelta(seconds=1)
    )
    assert [(row.line, row.amount_nano, row.energy_wh) for row in rows] == [
        ("deposit", 10_000_000_000, 0), ("energy", -200_000_000, 1000), ("imbalance", -100_000_000, 250),
    ]  # fmt: skip
    assert sum(row.amount_nano for row in rows) == buyer.account.balance_nano
    saved = savings_of(participant=buyer, since=NOW)
    assert (saved.bought_wh, saved.paid_nano, saved.imbalance_nano, saved.saved_nano) == (
        1000, 200_000_000, 100_000_000, 75_000_000,  # 1 kWh for 0.1 less; 0.25 kWh for 0.4 instead of 0.3
    )  # fmt: skip
    seller = refreshed(street)[1]
    assert savings_of(participant=seller, since=NOW).saved_nano == 200_000_000 - 80_000_000


def test_task_settles(settings: object) -> None:
    street = traded()
    meter(street, 0, 4.0)
    meter(street, 1, -4.0)
    settings.ORES_CLOCK = factories.clock_at(_soon(DUE))  # type: ignore[attr-defined]
    deliveries()
    assert DeliveryBatch.objects.count() == 1


def _soon(at: datetime) -> datetime:
    return at + timedelta(seconds=1)


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.integers(0, 10**9))
def test_nobody_gains_by_being_out_of_balance_against_another(wh: int, long_micro: int, more: int) -> None:
    """Two opposite imbalances together never earn anything."""
    prices = {"short_price_micro": long_micro + more, "long_price_micro": long_micro}
    assert imbalance_nano(wh, **prices) + imbalance_nano(-wh, **prices) >= 0
