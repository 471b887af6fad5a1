"""Deposits on the chain as funds: made before the bid, seen by the worker, counted for that bid alone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from apps.markets.chain.contract import EnergyMarket
from apps.markets.chain.errors import ChainNotUsedError
from apps.markets.chain.parties import chain_join, deposit_ask, deposit_units, price_limit_units
from apps.markets.chain.settling import chain_settle
from apps.markets.delivery import deliveries_settle_due
from apps.markets.errors import FundsInsufficientError, IdempotencyConflictError, OrderUnknownError
from apps.markets.log_checks import log_faults
from apps.markets.models import Account, ChainDeposit, ChainEscrow, Order
from apps.markets.services import order_cancel, order_place
from tests import factories
from tests.apps.markets.test_market_deliveries import DUE, meter
from tests.apps.markets.world import BID, OFFER, START, Street, make_street, wish
from tests.evm.chain import DAY, Chain
from tests.evm.server import reached_by
from tests.factories import NOW

pytestmark = pytest.mark.django_db
UNITS = 10**9


@pytest.fixture
def chain(settings: Any) -> Iterator[Chain]:
    with reached_by(settings) as found:
        yield found


def poor_street(chain: Chain, **rules: Any) -> Street:
    """Nobody has funds; Ann has an address."""
    street = make_street(homes=2, funds="0", on_chain=True, **rules)
    chain_join(participant=street.participants[0], address=chain.ann, actor="test", now=NOW)
    return street


def asked(street: Street, *, key: str = "one", price: int = 300_000, quantity: int = 1000) -> ChainDeposit:
    return deposit_ask(
        participant=street.participants[0],
        key=key,
        price_micro=price,
        quantity_wh=quantity,
        actor="test",
        now=NOW,
    )


def deposited(chain: Chain, one: ChainDeposit, *, value: int | None = None, limit: int = 0) -> None:
    """What the owner's wallet does."""
    amount = deposit_units(one) if value is None else value
    ends = chain.now() + 7 * DAY
    price = limit or price_limit_units(one)
    chain.tell(chain.ann, "deposit", bytes(one.order_hash), price, ends, value=amount)


def looked(street: Street, *, now: Any = NOW) -> Any:
    return chain_settle(organization=street.fleet.organization, market=EnergyMarket.from_settings(), now=now)


def bid(
    street: Street, *, key: str = "one", price: int = 300_000, quantity: int = 1000, **more: Any
) -> Order:
    return order_place(
        participant=street.participants[0], wish=wish(BID, price, quantity, idempotency_key=key, **more), actor="test", now=NOW
    )  # fmt: skip


def test_a_bid_without_funds_is_taken_once_its_deposit_is_seen_and_is_paid_from_it(chain: Chain) -> None:
    street = poor_street(chain)
    one = asked(street)
    with pytest.raises(FundsInsufficientError):
        bid(street)
    deposited(chain, one)
    with pytest.raises(FundsInsufficientError):
        bid(street)  # the worker has not looked yet
    looked(street)
    order = bid(street)
    assert bid(street).pk == order.pk
    escrow = ChainEscrow.objects.get()
    assert (escrow.order, bytes(escrow.order_hash), escrow.address) == (
        order,
        bytes(one.order_hash),
        chain.ann,
    )
    with pytest.raises(FundsInsufficientError):
        bid(street, key="other", price=10_000, quantity=10)  # it covers its own bid alone
    street.order(1, OFFER, 100_000, 1000)
    run = street.clear()
    pay = run.trades.get(order=order).pay_nano
    account = Account.objects.get(participant=street.participants[0])
    assert account.balance_nano == -pay
    later = START + timedelta(hours=4)
    street.market.refresh_from_db()
    with pytest.raises(FundsInsufficientError):
        bid(street, key="later", price=10_000, quantity=10, starts_at=later)
    for place, kw in ((0, 4.0), (1, -4.0)):
        meter(street, place, kw)
    assert deliveries_settle_due(now=DUE) == 1
    found = looked(street, now=DUE)
    assert (found.paid, found.returned, found.refused) == (1, 1, 0)
    account.refresh_from_db()
    assert account.balance_nano == 0
    assert chain.ask("claimable", chain.ann) == (300_000_000 - pay) * UNITS
    assert log_faults(organization=street.fleet.organization) == []


def test_what_was_bought_by_a_deposit_takes_no_funds_from_other_bids(chain: Chain) -> None:
    """Ann has 0.01 of her own beside the deposit; bought energy that is not paid yet does not use it up."""
    street = poor_street(chain)
    one, other = street.participants
    Account.objects.filter(participant=one).update(balance_nano=10_000_000)
    deposited(chain, asked(street))
    looked(street)
    bid(street)
    small: dict[str, Any] = {"price": 100_000, "quantity": 100, "starts_at": START + timedelta(hours=1)}
    first = bid(street, key="small", **small)
    order_cancel(participant=one, order_id=first.pk, now=NOW)
    street.order(1, OFFER, 100_000, 1000)
    street.clear()
    assert bid(street, key="after", **small).state == "open"
    with pytest.raises(FundsInsufficientError):
        bid(street, key="more", **{**small, "quantity": 1})
    assert other.pk


@pytest.mark.parametrize(
    ("order", "deposit"),
    [
        ({"price": 300_001}, {}), ({"quantity": 1001}, {}), ({"key": "another"}, {}),
        ({}, {"value": 300_000_000 * UNITS - 1}), ({}, {"limit": 299_999 * 1000 * UNITS}),
    ],
)  # fmt: skip
def test_a_deposit_counts_for_its_very_bid_held_in_full_and_long_enough(
    chain: Chain, order: dict[str, Any], deposit: dict[str, Any]
) -> None:
    street = poor_street(chain)
    deposited(chain, asked(street), **deposit)
    looked(street)
    with pytest.raises(FundsInsufficientError):
        bid(street, **order)
    assert not Order.objects.exists()
    assert not ChainEscrow.objects.exists()


def test_a_deposit_that_could_end_before_meters_are_in_does_not_count(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    street = poor_street(chain)
    deposited(chain, asked(street))
    looked(street)
    ends = ChainDeposit.objects.get().expires_at
    assert ends is not None
    monkeypatch.setattr("apps.markets.deposits.LASTS", ends - START)
    with pytest.raises(FundsInsufficientError):
        bid(street)
    monkeypatch.setattr("apps.markets.deposits.LASTS", ends - START - timedelta(hours=1))
    assert bid(street).state == "open"


def test_fees_stay_with_the_platforms_account(chain: Chain) -> None:
    street = poor_street(chain, buyer_fee_micro=10_000)
    deposited(chain, asked(street))
    looked(street)
    with pytest.raises(FundsInsufficientError):
        bid(street)
    Account.objects.filter(participant=street.participants[0]).update(balance_nano=10_000_000)
    assert bid(street).state == "open"


def test_a_bid_that_is_taken_back_gets_its_deposit_back(chain: Chain) -> None:
    street = poor_street(chain)
    deposited(chain, asked(street))
    looked(street)
    order = bid(street)
    order_cancel(participant=street.participants[0], order_id=order.pk, now=NOW)
    assert looked(street).returned == 1
    assert chain.ask("claimable", chain.ann) == 300_000_000 * UNITS
    with pytest.raises(FundsInsufficientError):
        bid(street, key="again")


def test_a_bid_that_was_placed_without_its_deposit_is_not_covered_by_it_later(chain: Chain) -> None:
    street = poor_street(chain)
    one = asked(street)
    account = Account.objects.filter(participant=street.participants[0])
    account.update(balance_nano=300_000_000)
    bid(street)
    deposited(chain, one)
    looked(street)
    account.update(balance_nano=0)
    with pytest.raises(FundsInsufficientError):
        bid(street, key="other", price=1000, quantity=1)


def test_who_may_ask_and_that_one_key_is_one_bid(chain: Chain) -> None:
    street = poor_street(chain)
    one = asked(street)
    assert asked(street).pk == one.pk
    with pytest.raises(IdempotencyConflictError):
        asked(street, quantity=999)
    with pytest.raises(OrderUnknownError):
        deposit_ask(
            participant=street.participants[1], key="x", price_micro=1, quantity_wh=1, actor="test", now=NOW
        )
    plain = make_street(homes=1)
    with pytest.raises(ChainNotUsedError):
        deposit_ask(
            participant=plain.participants[0], key="x", price_micro=1, quantity_wh=1, actor="test", now=NOW
        )
    assert ChainDeposit.objects.count() == 1


def test_the_rest_door_tells_the_tenant_alone_and_says_when_it_is_held(chain: Chain, settings: Any) -> None:
    settings.ORES_CLOCK = factories.clock_at(NOW)
    street = poor_street(chain)
    api = factories.make_aggregator(organization=street.fleet.organization)
    other = factories.make_aggregator(organization=make_street(homes=1).fleet.organization)
    path = f"/market-participants/{street.participants[0].pk}/chain/deposits"
    sent = {"idempotency_key": "one", "price_micro": 300_000, "quantity_wh": 1000}
    assert other.post(path, sent).status_code == 404
    assert api.post(path, {**sent, "price_micro": 0}).status_code == 400
    made = api.post(path, sent)
    assert made.status_code == 201
    said = made.json()
    assert (said["from"], said["value"], said["state"]) == (chain.ann, str(300_000_000 * UNITS), "open")
    one = ChainDeposit.objects.get()
    assert said["order"] == "0x" + bytes(one.order_hash).hex()
    deposited(chain, one)
    looked(street)
    assert api.post(path, sent).json()["state"] == "held"
