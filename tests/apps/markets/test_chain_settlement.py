"""From orders to coins: cleared, delivered, sealed, anchored, paid out, certified and given back on a real EVM."""

from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.errors import ChainNotUsedError, ChainUnreachableError
from apps.markets.chain.parties import chain_join, chain_leave, deposit_units, escrow_ask, price_limit_units
from apps.markets.chain.settling import Settled, chain_settle
from apps.markets.delivery import deliveries_settle_due
from apps.markets.errors import OrderUnknownError
from apps.markets.log_checks import log_faults
from apps.markets.models import (
    Account,
    ChainCredit,
    ChainEscrow,
    ChainParty,
    ChainTrade,
    LogLeaf,
    Order,
    Posting,
    Trade,
)
from apps.markets.operators import market_set
from apps.markets.services import order_cancel
from apps.markets.tasks import chain as settle_task
from tests import factories
from tests.apps.markets.test_market_deliveries import DUE, meter
from tests.apps.markets.world import BID, OFFER, START, Street, make_street
from tests.evm.chain import DAY, Chain
from tests.evm.server import reached_by
from tests.factories import NOW

pytestmark = pytest.mark.django_db
UNITS = 10**9
QUARTER = timedelta(minutes=15)
LATER = NOW + timedelta(days=4)


@pytest.fixture
def chain(settings: Any) -> Iterator[Chain]:
    with reached_by(settings) as found:
        yield found


def paid_street(chain: Chain, **rules: Any) -> Street:
    """Ann and Bob buy, home 2 and 3 sell green energy, homes 4 and 5 trade without an address."""
    street = make_street(homes=6, on_chain=True, **rules)
    addresses = [chain.ann, chain.bob, chain.others[0], chain.others[1]]
    for one, address in zip(street.participants, addresses, strict=False):
        chain_join(participant=one, address=address, actor="test", now=NOW)
    return street


def ordered(street: Street) -> list[Order]:
    """Bids of 1000, 600 and 300 Wh at 0.30; offers of 700, 900 and 300 Wh at 0.10: everybody trades at 0.20."""
    bids = [street.order(place, BID, 300_000, wh) for place, wh in ((0, 1000), (1, 600), (4, 300))]
    for place, wh in ((2, 700), (3, 900), (5, 300)):
        street.order(place, OFFER, 100_000, wh, green=True)
    return bids


def deposit(chain: Chain, order: Order, *, value: int | None = None) -> ChainEscrow:
    """What the owner's wallet does."""
    escrow = escrow_ask(order=order, actor="test", now=NOW)
    amount = deposit_units(order) if value is None else value
    limit = price_limit_units(order)
    chain.tell(
        escrow.address, "deposit", bytes(escrow.order_hash), limit, chain.now() + 7 * DAY, value=amount
    )
    return escrow


def delivered(street: Street) -> None:
    """Everybody draws or gives what was traded, home 3 only 500 Wh of 900."""
    for place, kw in enumerate((4.0, 2.4, -2.8, -2.0, 1.2, -1.2)):
        meter(street, place, kw)
    assert deliveries_settle_due(now=DUE) == 1


def settled(street: Street, *, now: Any = DUE) -> Settled:
    market = EnergyMarket.from_settings()
    return chain_settle(organization=street.fleet.organization, market=market, now=now)


def balances(street: Street) -> list[int]:
    found = dict(Account.objects.values_list("participant_id", "balance_nano"))
    return [found[one.pk] for one in street.participants]


def test_a_run_is_paid_out_trade_by_trade_and_the_rest_given_back(chain: Chain) -> None:
    street = paid_street(chain)
    ann, bob, _ = ordered(street)
    deposit(chain, ann)
    deposit(chain, bob)
    street.clear()
    assert settled(street) == Settled(anchored=1)  # deliveries are not settled: the run may be canceled
    delivered(street)
    before = balances(street)
    assert settled(street) == Settled(sealed=1, anchored=2, paid=3, returned=2)
    rows = ChainTrade.objects.order_by("pk").values_list("bid_id", "energy_wh", "pay_nano", "state")
    assert list(rows) == [
        (ann.pk, 700, 140_000_000, "done"),
        (ann.pk, 300, 60_000_000, "done"),
        (bob.pk, 600, 120_000_000, "done"),
    ]
    owed = [chain.ask("claimable", who) for who in (chain.ann, chain.bob, *chain.others[:2])]
    assert owed == [
        UNITS * nano for nano in (100_000_000, 60_000_000, 140_000_000, 180_000_000)
    ]  # what is left of 0.30 and 0.18; what was sold
    assert [chain.ask("total_escrowed"), chain.held()] == [0, 480_000_000 * UNITS]
    after = balances(street)
    assert [b - a for a, b in zip(before, after, strict=True)] == [
        200_000_000, 120_000_000, -140_000_000, -180_000_000, 0, 0,
    ]  # fmt: skip
    assert Posting.objects.filter(line="chain").count() == 6
    assert log_faults(organization=street.fleet.organization) == []
    assert settled(street) == Settled()
    chain.tell(chain.others[0], "withdraw", chain.others[0])
    assert chain.ask("claimable", chain.others[0]) == 0


def test_a_worker_killed_between_paying_and_noting_pays_nothing_twice(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = paid_street(chain)
    ann, *_ = ordered(street)
    deposit(chain, ann)
    street.clear()
    delivered(street)
    before = balances(street)

    def killed(*_: Any, **__: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr("apps.markets.chain.settling._paid", killed)
        with pytest.raises(SystemExit):
            settled(street)
    assert chain.ask("total_claimable") == 140_000_000 * UNITS
    assert balances(street) == before
    assert settled(street) == Settled(paid=2, returned=1)
    assert [b - a for a, b in zip(before, balances(street), strict=True)][:4] == [
        200_000_000, 0, -140_000_000, -60_000_000,
    ]  # fmt: skip


def test_without_a_deposit_the_platforms_account_pays(chain: Chain) -> None:
    street = paid_street(chain)
    ann, bob, _ = ordered(street)
    escrow_ask(order=ann, actor="test", now=NOW)
    deposit(chain, bob, value=60_000_000 * UNITS)
    street.clear()
    delivered(street)
    assert settled(street) == Settled(sealed=1, anchored=3, refused=1, returned=1)
    said = list(ChainEscrow.objects.order_by("pk").values_list("state", "reason"))
    assert said == [("closed", "no deposit was there in time; the platform's account pays"), ("closed", "")]
    row = ChainTrade.objects.get()
    assert [row.state, row.reason, row.transfer_id] == ["refused", "escrow too small", None]
    assert chain.ask("claimable", chain.bob) == 60_000_000 * UNITS
    assert Posting.objects.filter(line="chain").count() == 0


def test_deposits_of_orders_that_do_not_trade_go_back(chain: Chain) -> None:
    street = paid_street(chain)
    canceled, low = street.order(0, BID, 300_000, 1000), street.order(1, BID, 50_000, 1000)
    street.order(2, OFFER, 100_000, 500)
    deposit(chain, canceled)
    deposit(chain, low)
    assert settled(street) == Settled()
    order_cancel(participant=street.participants[0], order_id=canceled.pk, now=NOW)
    assert settled(street) == Settled(returned=1)
    street.clear()
    assert settled(street) == Settled(anchored=1, returned=1)
    assert [chain.ask("claimable", who) for who in (chain.ann, chain.bob)] == [
        300_000_000 * UNITS, 50_000_000 * UNITS,
    ]  # fmt: skip


def test_refund_after_the_end_needs_no_platform(chain: Chain) -> None:
    street = paid_street(chain)
    escrow = deposit(chain, street.order(0, BID, 300_000, 1000))
    order_hash = bytes(escrow.order_hash)
    assert chain.refusal(chain.eve, "refund", chain.ann, order_hash) == "not expired"
    chain.pass_time(8 * DAY)
    chain.tell(chain.eve, "refund", chain.ann, order_hash)
    assert chain.ask("claimable", chain.ann) == 300_000_000 * UNITS


def test_green_energy_that_was_delivered_is_certified_once(chain: Chain) -> None:
    street = paid_street(chain)
    ordered(street)
    street.clear()
    delivered(street)
    assert settled(street) == Settled(anchored=2)
    assert settled(street, now=LATER) == Settled(sealed=1, anchored=1, minted=2)
    rows = list(ChainCredit.objects.order_by("pk").values_list("owner", "energy_wh", "state"))
    assert rows == [(chain.others[0], 700, "done"), (chain.others[1], 500, "done")]
    first = ChainCredit.objects.order_by("pk")[0]
    at = int(first.starts_at.timestamp())
    assert at % DAY == 0
    number = chain.ask("certificate_id", bytes(first.site_hash), 1, at)
    assert chain.ask("balanceOf", chain.others[0], number) == 700
    assert settled(street, now=LATER) == Settled()
    chain.tell(chain.others[0], "safeTransferFrom", chain.others[0], chain.ann, number, 400, b"")
    chain.tell(chain.ann, "retire", number, 400, b"\1" * 32)
    assert chain.ask("retired", number) == 400


def test_nothing_on_chain_names_anybody_and_the_salt_can_be_forgotten(chain: Chain) -> None:
    street = paid_street(chain)
    ann, *_ = ordered(street)
    deposit(chain, ann)
    street.clear()
    delivered(street)
    settled(street)
    words = [bytes(one.content) for one in LogLeaf.objects.filter(entry__kind="chain_trades")]
    assert [len(one) for one in words] == [9 * 32, 9 * 32]
    names = [one.name for one in street.participants] + [site.name for site in street.fleet.sites]
    assert not any(name.encode() in one for one in words for name in names)
    assert chain_leave(participant=street.participants[0], actor="test", now=NOW) is True
    assert not ChainParty.objects.filter(participant=street.participants[0]).exists()
    assert chain_leave(participant=street.participants[0], actor="test", now=NOW) is False


@pytest.mark.parametrize("mechanism", ["peer_to_peer", "pay_as_bid"])
def test_who_is_paid_follows_the_mechanism(chain: Chain, mechanism: str) -> None:
    street = paid_street(chain, mechanism=mechanism)
    ann, *_ = ordered(street)
    deposit(chain, ann)
    street.clear()
    delivered(street)
    settled(street)
    direct = ChainTrade.objects.filter(offer__isnull=False).order_by("pk")
    assert list(direct.values_list("energy_wh", flat=True)) == [700, 300]


def test_who_may_ask_for_a_deposit(chain: Chain) -> None:
    street = make_street(homes=2)
    with pytest.raises(ChainNotUsedError):
        chain_join(participant=street.participants[0], address=chain.ann, actor="test", now=NOW)
    market_set(market=street.market, changes={"on_chain": True}, actor="test", now=NOW)
    street.participants[0].market.refresh_from_db()
    bid = street.order(0, BID, 300_000, 1000)
    with pytest.raises(OrderUnknownError):
        escrow_ask(order=bid, actor="test", now=NOW)
    assert ChainEscrow.objects.count() == 0


def kept_in_hands(street: Street) -> int:
    """What the market's bank account says is in the operator's hands beside the funds of the start [1e-9]."""
    bank = Account.objects.get(market=street.market, kind="bank")
    return -bank.balance_nano - 10 * 10**9 * len(street.participants)


def test_where_buyers_pay_more_than_sellers_get_the_operator_takes_the_difference(chain: Chain) -> None:
    """As bid: Ann pays 0.30 for a kWh of home 2's 0.7 and home 3's 0.3, who get their 0.10."""
    street = paid_street(chain, mechanism="pay_as_bid")
    ann, *_ = ordered(street)
    deposit(chain, ann)
    run = street.clear()
    owed = run.trades.get(order=ann).pay_nano
    got = {one.participant_id: -one.pay_nano for one in run.trades.filter(side=OFFER)}
    delivered(street)
    before = balances(street)
    found = settled(street)
    rows = list(
        ChainTrade.objects.order_by("pk").values_list(
            "offer__participant_id", "energy_wh", "pay_nano", "seller"
        )
    )
    sellers = [one.pk for one in street.participants[2:4]]
    assert [row[0] for row in rows] == [*sellers, None]
    assert (found.paid, sum(row[2] for row in rows)) == (3, owed)
    assert rows[0][2] <= got[sellers[0]]
    assert rows[2][1] == 1000
    assert rows[2][3] == chain.operator
    assert [chain.ask("claimable", who) for who in (*chain.others[:2], chain.operator)] == [
        UNITS * row[2] for row in rows
    ]
    changed = [after - was for was, after in zip(before, balances(street), strict=True)]
    assert changed == [owed, 0, -rows[0][2], -rows[1][2], 0, 0]
    assert kept_in_hands(street) == rows[2][2]
    assert sum(Posting.objects.filter(line="chain").values_list("amount_nano", flat=True)) == 0
    assert log_faults(organization=street.fleet.organization) == []
    assert settled(street) == Settled()


def test_what_sellers_without_an_address_are_owed_goes_to_the_operator(chain: Chain) -> None:
    """Ann buys of home 5 alone, which has none: its account has the money, the operator the coins."""
    street = paid_street(chain)
    ann = street.order(0, BID, 300_000, 1000)
    street.order(5, OFFER, 100_000, 1000)
    deposit(chain, ann)
    run = street.clear()
    pay = run.trades.get(order=ann).pay_nano
    for place, kw in ((0, 4.0), (5, -4.0)):
        meter(street, place, kw)
    deliveries_settle_due(now=DUE)
    before = balances(street)
    assert settled(street).paid == 1
    row = ChainTrade.objects.get()
    assert (row.offer, row.energy_wh, row.pay_nano, row.seller) == (None, 1000, pay, chain.operator)
    assert [after - was for was, after in zip(before, balances(street), strict=True)] == [pay, 0, 0, 0, 0, 0]
    assert kept_in_hands(street) == pay
    assert chain.ask("claimable", chain.ann) == 300_000_000 * UNITS - pay * UNITS


@pytest.mark.parametrize("addressed", [True, False])
def test_a_block_is_paid_interval_by_interval_from_one_deposit(chain: Chain, addressed: bool) -> None:
    street = make_street(homes=2, on_chain=True, mechanism="blocks", session_intervals=4)
    addresses = [chain.ann, chain.others[0]] if addressed else [chain.ann]
    for one, address in zip(street.participants, addresses, strict=False):
        chain_join(participant=one, address=address, actor="test", now=NOW)
    block = street.order(0, BID, 300_000, 0, profile_wh=[400, 200], least_permille=1000)
    for place in range(2):
        street.order(1, OFFER, 100_000, 400, starts_at=START + place * QUARTER)
    deposit(chain, block)
    street.clear()
    owed = list(
        Trade.objects.filter(order=block).order_by("run__starts_at").values_list("pay_nano", flat=True)
    )
    assert len(owed) == 2
    for site, kw in zip(street.fleet.sites, (1.6, -1.6), strict=True):
        factories.add_minutes(
            sites=[site], starts_at=START - QUARTER, ends_at=START + 3 * QUARTER, grid_kw=kw
        )  # fmt: skip
    first = START + QUARTER + timedelta(minutes=12)
    assert deliveries_settle_due(now=first) == 1
    assert settled(street, now=first).paid == 1
    assert ChainEscrow.objects.get().state == "open"
    assert settled(street, now=first) == Settled()
    later = first + QUARTER
    assert deliveries_settle_due(now=later) == 1
    last = settled(street, now=later)
    assert (last.paid, last.returned) == (1, 1)
    assert list(ChainTrade.objects.order_by("pk").values_list("pay_nano", flat=True)) == owed
    taker = chain.others[0] if addressed else chain.operator
    assert chain.ask("claimable", taker) == sum(owed) * UNITS
    assert chain.ask("claimable", chain.ann) == (180_000_000 - sum(owed)) * UNITS
    assert ChainEscrow.objects.get().state == "closed"
    assert chain.ask("total_escrowed") == 0


def test_the_rest_door_tells_what_to_deposit_to_the_tenant_alone(chain: Chain, settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    street = make_street(homes=2, on_chain=True)
    api = factories.make_aggregator(organization=street.fleet.organization)
    other = factories.make_aggregator(organization=make_street(homes=1).fleet.organization)
    one = street.participants[0].pk
    order = street.order(0, BID, 300_000, 1000)
    assert other.put(f"/market-participants/{one}/chain", {"address": chain.ann}).status_code == 404
    assert api.put(f"/market-participants/{one}/chain", {"address": "0xabc"}).status_code == 400
    assert api.put(f"/market-participants/{one}/chain", {"address": chain.ann}).status_code == 200
    assert other.post(f"/market-orders/{order.pk}/escrow", {}).status_code == 404
    said = api.post(f"/market-orders/{order.pk}/escrow", {}).json()
    assert (said["from"], said["value"], said["price_limit"]) == (
        chain.ann, str(300_000_000 * UNITS), str(300_000_000 * UNITS),
    )  # fmt: skip
    assert said["order"] == "0x" + bytes(ChainEscrow.objects.get().order_hash).hex()


def test_command_and_task(chain: Chain, settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(DUE)
    street = paid_street(chain)
    ann, *_ = ordered(street)
    deposit(chain, ann)
    street.clear()
    delivered(street)
    settle_task()
    assert ChainTrade.objects.count() == 0  # no tenant is named: the worker leaves the chain alone
    slug = street.fleet.organization.slug
    out = StringIO()
    call_command("market_chain_settle", organization=slug, stdout=out)
    assert out.getvalue().strip() == "sealed 1, anchored 3, paid 2, minted 0, returned 1, refused 0"
    settings.MARKET_CHAIN_ORGANIZATION = slug
    settle_task()
    assert ChainTrade.objects.count() == 2
    with pytest.raises(CommandError, match="no such organization"):
        call_command("market_chain_settle", organization="nobody")
    settings.MARKET_CHAIN_URL = "http://127.0.0.1:9"
    with pytest.raises((ChainUnreachableError, CommandError)):
        call_command("market_chain_settle", organization=slug)
