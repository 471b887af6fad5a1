"""Blocks over several intervals: a session's intervals are cleared by one gate, each as a run of its own."""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from apps.common.errors import DomainError
from apps.markets.block_clearing import intervals_together, lines_of_interval
from apps.markets.clearing import clearing_run, gates_close_due, kept, run_again, run_cancel, run_replay
from apps.markets.delivery import deliveries_settle_due
from apps.markets.errors import MarketInvalidError, RunNotAllowedError
from apps.markets.inputs import inputs_from
from apps.markets.log_checks import log_faults
from apps.markets.models import Account, ClearingRun, Cut, Delivery, LogEntry, Order, Trade
from apps.markets.operators import market_set
from apps.markets.periods import first_open, gate_closes_at, intervals_of
from tests import factories
from tests.apps.markets.test_market_pages import signed_in, text_of
from tests.apps.markets.world import BID, CLOSED, OFFER, START, Street, make_street
from tests.factories import NOW

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)
STARTS = [START + index * QUARTER for index in range(4)]
HOUR: dict[str, Any] = {"mechanism": "blocks", "session_intervals": 4}


def hour_street(**rules: Any) -> Street:
    """Home 0 bids 500 Wh in every quarter of an hour, at 0.30."""
    street = make_street(homes=4, history=False, **HOUR, **rules)
    for start in STARTS:
        street.order(0, BID, 300_000, 500, starts_at=start)
    return street


def filled() -> list[tuple[int, int, int]]:
    """Return (interval, order, energy) of all trades."""
    rows = Trade.objects.order_by("run__starts_at", "order_id").values_list(
        "run__starts_at", "order_id", "energy_wh"
    )
    return [(STARTS.index(start), order, energy) for start, order, energy in rows]


def test_a_block_over_four_intervals_trades_in_all_of_them() -> None:
    """The morning is dear, the rest cheap: on its mean of 0.20 the block is worth while."""
    street = make_street(homes=3, history=False, **HOUR)
    bids = [
        street.order(0, BID, price, 500, starts_at=start).pk
        for start, price in zip(STARTS, (350_000, 150_000, 150_000, 150_000), strict=True)
    ]
    block = street.order(1, OFFER, 195_000, 0, profile_wh=[500] * 4, least_permille=1000)
    assert block.quantity_wh == 2000
    run = street.clear()
    assert filled() == [row for at in range(4) for row in ((at, bids[at], 500), (at, block.pk, 500))]
    runs = list(ClearingRun.objects.order_by("starts_at"))
    assert [one.starts_at for one in runs] == STARTS
    assert [one.account_nano for one in runs] == [0, 0, 0, 0]
    assert run == runs[0]
    got = -sum(Trade.objects.filter(order=block).values_list("pay_nano", flat=True))
    assert got >= 195_000 * 2000
    assert Account.objects.get(participant=street.participants[1]).balance_nano == 10 * 10**9 + got
    assert all(run_replay(run=one).result_match and run_replay(run=one).inputs_match for one in runs)
    assert [entry.run for entry in LogEntry.objects.order_by("index")] == runs
    assert log_faults(organization=street.fleet.organization) == []
    assert set(Order.objects.values_list("state", flat=True)) == {"cleared"}


def test_a_block_that_one_interval_has_no_use_for_is_not_taken() -> None:
    street = make_street(homes=2, history=False, **HOUR)
    for start in STARTS[:3]:
        street.order(0, BID, 300_000, 500, starts_at=start)
    street.order(1, OFFER, 100_000, 0, profile_wh=[500] * 4, least_permille=1000)
    street.clear()
    assert filled() == []
    assert ClearingRun.objects.count() == 4


def test_linked_and_exclusive_blocks_over_several_intervals() -> None:
    """Of two runs of a machine that exclude each other the better one; its extension only with it."""
    street = hour_street()
    early = street.order(
        1, OFFER, 100_000, 0, profile_wh=[400, 400], least_permille=1000, exclusive_group="run"
    )
    street.order(
        1, OFFER, 150_000, 0, profile_wh=[400, 400], starts_at=STARTS[2], least_permille=1000, exclusive_group="run"
    )  # fmt: skip
    more = street.order(
        1, OFFER, 120_000, 0, profile_wh=[300], starts_at=STARTS[2], least_permille=1000, parent_id=early.pk
    )  # fmt: skip
    street.clear()
    sold = [(at, key, wh) for at, key, wh in filled() if key in (early.pk, more.pk)]
    assert sold == [(0, early.pk, 400), (1, early.pk, 400), (2, more.pk, 300)]
    assert not any(at == 3 for at, _, _ in filled())


def test_one_gate_closes_for_the_whole_session() -> None:
    street = hour_street()
    late = dict.fromkeys(STARTS, gate_closes_at(street.market, START))
    assert {start: gate_closes_at(street.market, start) for start in STARTS} == late
    assert late[START] == CLOSED
    assert first_open(street.market, CLOSED) == START + timedelta(hours=1)
    assert intervals_of(street.market, STARTS[2]) == STARTS
    assert [gates_close_due(now=CLOSED - timedelta(seconds=1)), gates_close_due(now=CLOSED)] == [0, 1]
    assert ClearingRun.objects.count() == 4
    assert gates_close_due(now=CLOSED) == 0


def test_orders_expire_with_their_session() -> None:
    hour_street()
    gates_close_due(now=START)
    assert set(Order.objects.values_list("state", flat=True)) == {"expired"}
    assert ClearingRun.objects.count() == 0


def test_a_run_is_canceled_and_made_again_with_its_session() -> None:
    street = hour_street()
    block = street.order(1, OFFER, 100_000, 0, profile_wh=[500] * 4, least_permille=500)
    street.clear()
    before = list(ClearingRun.objects.order_by("starts_at").values_list("input_hash", "result_hash"))
    third = ClearingRun.objects.get(starts_at=STARTS[2])
    run_cancel(run=third, reason="test", actor="test", now=CLOSED)
    assert set(ClearingRun.objects.values_list("state", flat=True)) == {"canceled"}
    block.refresh_from_db()
    assert block.state == "open"
    assert {one.balance_nano for one in Account.objects.filter(kind="participant")} == {10 * 10**9}
    third.refresh_from_db()
    again = run_again(run=third, reason="test", actor="test", now=CLOSED)
    assert (again.starts_at, again.version) == (STARTS[2], 2)
    done = ClearingRun.objects.filter(state="done").order_by("starts_at")
    assert list(done.values_list("input_hash", "result_hash")) == before
    with pytest.raises(RunNotAllowedError):
        clearing_run(market=street.market, starts_at=STARTS[1], now=CLOSED)


def test_a_block_beyond_a_connection_in_one_interval_is_cut_whole_and_once() -> None:
    street = hour_street()
    street.order(1, OFFER, 100_000, 0, profile_wh=[500, 5000, 500], least_permille=100)
    street.clear()
    (cut,) = Cut.objects.all()
    assert (cut.cut_wh, cut.run.starts_at) == (6000, START)
    assert cut.reason.endswith("a block is not cut in part")
    assert filled() == []


def test_firm_energy_counts_in_its_own_interval_alone() -> None:
    street = make_street(homes=2, **HOUR)
    for start in STARTS[:2]:
        street.order(0, BID, 300_000, 500, starts_at=start, firm=True)
    street.order(1, OFFER, 100_000, 0, profile_wh=[300, 300], least_permille=1000)
    street.clear()
    for place, kw in ((0, 2.0), (1, -1.2)):
        factories.add_minutes(
            sites=[street.fleet.sites[place]], starts_at=START - timedelta(minutes=5),
            ends_at=START + timedelta(minutes=40), grid_kw=kw,
        )  # fmt: skip
    assert deliveries_settle_due(now=START + timedelta(hours=1)) == 2
    rows = Delivery.objects.order_by("batch__run__starts_at", "participant_id")
    assert list(rows.values_list("position_wh", "imbalance_wh")) == [(500, 0), (-300, 0)] * 2


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"profile_wh": [100] * 5}, "order_kind_invalid"), ({"profile_wh": [100, -1, 5]}, "order_kind_invalid"),
        ({"profile_wh": [0, 100]}, "order_kind_invalid"), ({"profile_wh": [100, 100], "firm": True}, "order_kind_invalid"),
        ({"profile_wh": [100] * 3, "starts_at": STARTS[2]}, "order_kind_invalid"),
        ({"profile_wh": [100, 100], "quantity_wh": 150}, "order_kind_invalid"),
        ({"profile_wh": [100, 200_000]}, "order_oversized"), ({"profile_wh": [60_000, 1]}, "position_limit"),
        ({"profile_wh": [1, 100], "price_micro": 250_000}, "order_crossed"),
    ],
)  # fmt: skip
def test_blocks_without_sense_are_refused(more: dict[str, Any], code: str) -> None:
    street = make_street(homes=1, history=False, **HOUR)
    street.order(0, BID, 300_000, 500, starts_at=STARTS[1])
    price, quantity = more.pop("price_micro", 400_000), more.pop("quantity_wh", 0)
    with pytest.raises(DomainError) as refused:
        street.order(0, OFFER, price, quantity, **more)
    assert refused.value.code == code
    assert Order.objects.count() == 1


def test_a_profile_is_for_markets_with_sessions() -> None:
    street = make_street(homes=1, history=False, mechanism="blocks")
    with pytest.raises(DomainError) as refused:
        street.order(0, OFFER, 100_000, 0, profile_wh=[100, 100])
    assert refused.value.code == "order_kind_invalid"


@pytest.mark.parametrize("intervals", [0, 5, 97])
def test_sessions_make_up_a_day(intervals: int) -> None:
    with pytest.raises(MarketInvalidError):
        make_street(homes=1, history=False, mechanism="blocks", session_intervals=intervals)


def test_sessions_change_only_without_open_orders_and_only_with_blocks() -> None:
    street = hour_street()
    refused: list[dict[str, Any]] = [{"session_intervals": 2}, {"mechanism": "uniform_price"}]
    for changes in refused:
        with pytest.raises(MarketInvalidError):
            market_set(market=street.market, changes=changes, actor="test", now=NOW)


def test_the_welfare_bound_and_the_gap_are_on_the_runs_page() -> None:
    street = hour_street()
    street.order(1, OFFER, 100_000, 0, profile_wh=[500] * 4, least_permille=1000)
    run = street.clear()
    operator = factories.make_operator(organization=street.fleet.organization)
    url = f"/console/{street.fleet.organization.pk}/markets/{street.market.pk}/runs/{run.pk}/"
    shown = text_of(signed_in(operator), url)
    for part in ("Bound of the gains", "0.4000", "0.000 %", "4 intervals were cleared together"):
        assert part in shown, part


def console_of(street: Street, rest: str = "") -> str:
    operator = factories.make_operator(organization=street.fleet.organization)
    path = f"/console/{street.fleet.organization.pk}/markets/{street.market.pk}/{rest}"
    return text_of(signed_in(operator), path)


def test_the_book_shows_the_interval_that_is_chosen(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(CLOSED - timedelta(minutes=1))
    street = make_street(homes=2, history=False, **HOUR)
    street.order(0, BID, 310_000, 500, starts_at=STARTS[0])
    street.order(0, BID, 270_000, 250, starts_at=STARTS[2])
    street.order(1, OFFER, 190_000, 0, profile_wh=[100, 200, 300], least_permille=1000)
    books = {
        place: console_of(street, f"?interval={quote(one.isoformat())}") for place, one in enumerate(STARTS)
    }
    found = {
        place: re.findall(r'class="n">(0\.\d+)</td><td class="n">(0\.\d{3})<', page)
        for place, page in books.items()
    }
    assert found == {
        0: [("0.190000", "0.100"), ("0.310000", "0.500")],
        1: [("0.190000", "0.200")],
        2: [("0.190000", "0.300"), ("0.270000", "0.250")],
        3: [],
    }  # fmt: skip
    assert [page.count('#book"') for page in books.values()] == [4] * 4
    assert [page.count('#book" aria-current="page"') for page in books.values()] == [1] * 4
    for strange in ("", "soon", "2001-01-01T00:00:00+00:00"):
        assert 'class="n">0.310000</td>' in console_of(street, f"?interval={quote(strange)}")


def test_a_market_of_single_intervals_has_nothing_to_choose(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    assert "#book" not in console_of(make_street(homes=1, history=False))


def test_a_runs_curves_are_those_of_its_interval_and_lead_to_the_others() -> None:
    street = hour_street()
    street.order(1, OFFER, 100_000, 0, profile_wh=[400, 300], least_permille=1000)
    street.clear()
    runs = list(ClearingRun.objects.order_by("starts_at"))
    pages = [console_of(street, f"runs/{run.pk}/") for run in runs]
    for run, page in zip(runs, pages, strict=True):
        assert all(f"/runs/{one.pk}/#curves" in page for one in runs)
        assert f'/runs/{run.pk}/#curves" aria-current="page"' in page
    kept_inputs = [inputs_from(kept(run)[0]) for run in runs]
    quantities = [[(line.side, line.offered_wh) for line in lines_of_interval(one)] for one in kept_inputs]
    assert quantities == [[(1, 500), (-1, 400)], [(1, 500), (-1, 300)], [(1, 500)], [(1, 500)]]
    assert all(intervals_together(one) == STARTS for one in kept_inputs)


def test_rest_takes_a_profile(settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    street = make_street(homes=1, history=False, **HOUR)
    api = factories.make_aggregator(organization=street.fleet.organization)
    sent = {
        "participant_id": street.participants[0].pk, "starts_at": START.isoformat(), "side": "offer",
        "price_micro": 50_000, "idempotency_key": "one", "profile_wh": [100, 0, 200], "least_permille": 1000,
    }  # fmt: skip
    made = api.post(f"/markets/{street.market.pk}/orders", sent)
    assert (made.status_code, made.json()["quantity_wh"], made.json()["profile_wh"]) == (
        201,
        300,
        [100, 0, 200],
    )
    assert api.post(f"/markets/{street.market.pk}/orders", sent).json()["id"] == made.json()["id"]
