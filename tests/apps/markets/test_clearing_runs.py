"""A gate closes: the whole run or nothing, the books balanced, hubs told, and what operators may undo."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.db.models import Sum

from apps.accounts.models import AuditEntry
from apps.common.errors import DomainError
from apps.dispatch.services import signal_plan
from apps.hubs.models import Instruction
from apps.markets.clearing import (
    clearing_run,
    gates_close_due,
    kept,
    run_again,
    run_cancel,
    run_replay,
)
from apps.markets.models import (
    Account,
    ClearingRun,
    Cut,
    LogEntry,
    LogLeaf,
    Order,
    Posting,
    Trade,
    Transfer,
)
from apps.markets.operators import market_pause, market_resume
from apps.markets.tasks import gates
from apps.sites.models import GridArea
from tests import factories
from tests.apps.markets.world import BID, CLOSED, OFFER, START, Street, join, make_street, written
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def traded(street: Street) -> ClearingRun:
    """Home 0 buys 1 kWh for at most 0.30, home 1 sells 1.5 for at least 0.10, at 0.20; home 2 bids too little."""
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1500, green=True)
    street.order(2, BID, 50_000, 400)
    return street.clear()


def check_books() -> None:
    """Every transfer sums to zero, and what is kept beside an account is the sum of its postings."""
    for transfer in Transfer.objects.annotate(
        money=Sum("postings__amount_nano"), energy=Sum("postings__energy_wh")
    ):
        assert (transfer.money, transfer.energy) == (0, 0)
    for account in Account.objects.annotate(
        money=Sum("postings__amount_nano"), energy=Sum("postings__energy_wh")
    ):
        assert (account.balance_nano, account.balance_wh) == (account.money or 0, account.energy or 0)


def balances(street: Street) -> list[int]:
    return [Account.objects.get(participant=one).balance_nano for one in street.participants]


def test_run_trades_books_and_seals_exactly() -> None:
    street = make_street(buyer_fee_micro=10_000, seller_fee_micro=5_000)
    run = traded(street)
    assert (run.buy_price_micro, run.sell_price_micro, run.volume_wh, run.welfare_nano, run.account_nano) == (
        100_000, 100_000, 1000, 200_000_000, 0,
    )  # fmt: skip
    names = ("side", "energy_wh", "price_micro", "pay_nano", "fee_nano", "green_wh")
    assert list(Trade.objects.order_by("pk").values_list(*names)) == [
        (BID, 1000, 100_000, 100_000_000, 10_000_000, 1000),
        (OFFER, 1000, 100_000, -100_000_000, 5_000_000, 1000),
    ]  # fmt: skip
    ten = 10_000_000_000
    assert balances(street) == [ten - 110_000_000, ten + 95_000_000, ten]
    own = dict(Account.objects.filter(participant=None).values_list("kind", "balance_nano"))
    assert own == {
        "bank": -3 * ten, "market": 0, "fees": 15_000_000, "imbalance": 0, "congestion": 0, "reserve": 0,
    }  # fmt: skip
    assert [one.state for one in Order.objects.order_by("pk")] == ["cleared"] * 3
    assert LogEntry.objects.count() == 1 and LogLeaf.objects.count() == 2
    check_books()


def test_homes_that_traded_are_told_by_their_hubs() -> None:
    street = make_street()
    traded(street)
    told = Instruction.objects.order_by("hub__site_id")
    assert [one.schedule["site_kw"] for one in told if one.schedule] == [[4.0], [-4.0]]
    assert {one.priority for one in told} == {2000}


def test_firm_energy_flows_whether_it_traded_or_not() -> None:
    street = make_street(homes=2)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1500, firm=True)
    street.clear()
    told = Instruction.objects.order_by("hub__site_id")
    assert [one.schedule["site_kw"] for one in told if one.schedule] == [[4.0], [-6.0]]


def test_same_orders_give_the_same_bytes_and_a_replay_says_so() -> None:
    street = make_street()
    first = traded(street)
    run_cancel(run=first, reason="a wrong limit", actor="test", now=CLOSED)
    first.refresh_from_db()
    again = run_again(run=first, reason="once more", actor="test", now=CLOSED)
    assert again.version == 2
    assert kept(again) == kept(first)
    assert (again.input_hash, again.result_hash) == (first.input_hash, first.result_hash)
    found = run_replay(run=again)
    assert (found.inputs_match, found.result_match, found.result_hash) == (True, True, again.result_hash)


def test_replay_finds_a_result_that_was_changed() -> None:
    street = make_street()
    run = traded(street)
    run.result_hash = "0" * 64
    assert run_replay(run=run).result_match is False


def test_canceled_run_is_undone_and_noted() -> None:
    street = make_street()
    before = balances(street)
    run = traded(street)
    run_cancel(run=run, reason="a wrong limit", actor="operator", now=CLOSED)
    assert balances(street) == before
    assert [one.state for one in Order.objects.order_by("pk")] == ["open"] * 3
    newest = Instruction.objects.order_by("pk")[2:]
    assert [one.schedule for one in newest] == [None, None]
    assert list(LogEntry.objects.order_by("index").values_list("kind", flat=True)) == [
        "clearing",
        "cancellation",
    ]
    note = AuditEntry.objects.get(action="market_run_cancel")
    assert (note.actor, note.detail["reason"], note.detail["run"]) == ("operator", "a wrong limit", run.pk)
    check_books()


def test_canceled_interval_waits_for_an_operator() -> None:
    street = make_street()
    run_cancel(run=traded(street), reason="a wrong limit", actor="test", now=CLOSED)
    assert gates_close_due(now=CLOSED) == 0
    assert ClearingRun.objects.filter(state="done").count() == 0


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_without_a_reason_nothing_is_undone(reason: str) -> None:
    street = make_street()
    run = traded(street)
    before = written()
    with pytest.raises(DomainError) as refused:
        run_cancel(run=run, reason=reason, actor="test", now=CLOSED)
    assert (refused.value.code, written()) == ("reason_missing", before)


def test_what_must_not_be_run_is_refused() -> None:
    street = make_street()
    run = traded(street)
    for now, again, code in (
        (CLOSED, False, "run_not_allowed"),
        (CLOSED - timedelta(seconds=1), False, "gate_open"),
        (START, False, "run_not_allowed"),
        (CLOSED, True, "run_not_allowed"),
    ):
        before = written()
        with pytest.raises(DomainError) as refused:
            if again:
                run_again(run=run, reason="again", actor="test", now=now)
            else:
                clearing_run(market=street.market, starts_at=START, now=now)
        assert (refused.value.code, written()) == (code, before)


def test_gate_cycle_clears_once_and_late_orders_expire() -> None:
    street = make_street()
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1500)
    assert gates_close_due(now=CLOSED - timedelta(seconds=1)) == 0
    assert [gates_close_due(now=CLOSED), gates_close_due(now=CLOSED)] == [1, 0]
    straggler = street.order(2, BID, 300_000, 10)  # its sender read the clock before the gate closed
    assert gates_close_due(now=CLOSED) == 0
    straggler.refresh_from_db()
    assert (straggler.state, straggler.state_reason) == ("expired", "the interval was cleared without it")


def test_paused_market_clears_nothing_and_its_orders_expire_at_delivery() -> None:
    street = make_street()
    street.order(0, BID, 300_000, 1000)
    market_pause(market=street.market, reason="grid fault", actor="test", now=NOW)
    assert gates_close_due(now=CLOSED) == 0
    assert Order.objects.get().state == "open"
    gates_close_due(now=START)
    assert Order.objects.get().state == "expired"
    market_resume(market=street.market, reason="repaired", actor="test", now=START)
    notes = AuditEntry.objects.filter(action__in=["market_pause", "market_resume"]).order_by("pk")
    assert [note.detail for note in notes] == [
        {"reason": "grid fault"},
        {"reason": "repaired"},
    ]  # fmt: skip


def test_task_by_the_clock_clears(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(CLOSED)
    street = make_street(homes=2)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1500)
    gates()
    gates()
    assert ClearingRun.objects.count() == 1


def test_offers_beyond_the_connection_are_cut_with_the_reason() -> None:
    street = make_street(homes=2)
    site = street.fleet.sites[1]
    site.export_limit_kw, site.import_limit_kw = 4.0, 2.0
    site.save()
    cheap, dear = street.order(1, OFFER, 100_000, 800), street.order(1, OFFER, 110_000, 900)
    street.order(0, BID, 300_000, 4000)
    run = street.clear()
    assert list(Cut.objects.values_list("order_id", "cut_wh", "reason")) == [
        (dear.pk, 700, "beyond the limit of the grid connection")
    ]
    assert run.volume_wh == 1000
    assert list(
        Trade.objects.filter(order__in=[cheap, dear]).order_by("pk").values_list("energy_wh", flat=True)
    ) == [800, 200]


def test_offers_beyond_a_transformer_are_cut_but_neighbors_below_it_trade_freely() -> None:
    street = make_street(homes=3)
    end = GridArea.objects.create(
        organization=street.fleet.organization,
        name="end of the street",
        parent=street.area,
        export_limit_kw=2.0,
    )
    for site in street.fleet.sites[:2]:
        site.grid_area = end
        site.save()
    street.order(0, OFFER, 100_000, 1500)
    outside = street.order(2, BID, 300_000, 500)
    inside = street.order(1, BID, 290_000, 1000)
    assert street.clear().volume_wh == 1500  # no more than 500 can leave
    assert Cut.objects.count() == 0
    run_cancel(run=ClearingRun.objects.get(), reason="test", actor="test", now=CLOSED)
    Order.objects.filter(pk=outside.pk).update(quantity_wh=501)
    assert street.clear().volume_wh == 500
    assert [(cut.cut_wh, cut.reason) for cut in Cut.objects.all()] == [
        (1000, "beyond the limit of the grid area end of the street")
    ]
    assert not inside.trades.filter(run__version=2).exists()


def test_event_goes_first_and_its_homes_do_not_trade() -> None:
    street = make_street(homes=2, history=True)
    signal = factories.make_signal(program=street.fleet.program, starts_at=START, target_kw=[6.0] * 4)
    signal_plan(signal_id=signal.pk, reason="test", now=NOW)
    street.order(0, BID, 300_000, 1000)
    street.order(1, OFFER, 100_000, 1500)
    run = street.clear()
    assert run.volume_wh == 0
    assert set(Cut.objects.values_list("reason", flat=True)) == {"the event Peak goes first"}
    assert not Instruction.objects.filter(reason__startswith="traded").exists()


def test_what_the_mechanism_keeps_goes_to_the_markets_account() -> None:
    street = make_street(homes=8, mechanism="muda")
    for place in range(4):
        street.order(place, BID, 300_000 + 10_000 * place, 1000)
        street.order(place + 4, OFFER, 100_000 + 10_000 * place, 1000)
    run = street.clear()
    assert Account.objects.get(market=street.market, kind="market").balance_nano == run.account_nano
    check_books()


@pytest.mark.parametrize(
    "mechanism", ["uniform_price", "pay_as_bid", "muda", "muda_lottery", "peer_to_peer", "continuous"]
)
def test_every_mechanism_runs_and_its_books_balance(mechanism: str) -> None:
    street = make_street(homes=6, mechanism=mechanism, buyer_fee_micro=7, seller_fee_micro=3)
    for place in range(3):
        street.order(place, BID, 300_000 - 7_001 * place, 1001 + 13 * place)
        street.order(place + 3, OFFER, 100_000 + 9_001 * place, 997 + 17 * place, green=place == 1)
    run = street.clear()
    bought, sold = (
        run.trades.filter(side=side).aggregate(all=Sum("energy_wh", default=0))["all"]
        for side in (BID, OFFER)
    )
    green = [
        run.trades.filter(side=side).aggregate(all=Sum("green_wh", default=0))["all"] for side in (BID, OFFER)
    ]
    assert bought == sold == run.volume_wh
    assert green[0] <= green[1]
    assert run_replay(run=run).result_match
    check_books()


def test_database_refuses_postings_that_do_not_balance_or_change() -> None:
    street = make_street()
    traded(street)
    posting = Posting.objects.order_by("pk").first()
    assert posting is not None
    for forbidden in (
        lambda: Posting.objects.create(
            transfer=posting.transfer, account=posting.account, line="energy", amount_nano=1
        ),
        lambda: Posting.objects.filter(pk=posting.pk).update(amount_nano=1),
        lambda: Posting.objects.filter(pk=posting.pk)._raw_delete("default"),
        lambda: LogLeaf.objects.update(content=b""),
        lambda: LogEntry.objects.update(body=b""),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            forbidden()
    check_books()


def test_joining_a_second_time_for_the_same_home_is_refused() -> None:
    street = make_street(homes=1)
    with pytest.raises(DomainError) as refused:
        join(street.market, street.fleet.sites)
    assert refused.value.code == "participant_taken"
