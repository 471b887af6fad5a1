"""Money on chain: what can be put in, to whom it goes, and that it always comes out."""

from dataclasses import replace

import pytest

from apps.markets.chain.leaves import Deployment, TradeLeaf
from tests.evm.chain import DAY, HOUR, Chain, word
from tests.evm.merkle import leaf_hash

ORDER, TRADE = word(0xA1), word(0xB1)


@pytest.fixture
def chain() -> Chain:
    return Chain()


pytestmark = pytest.mark.filterwarnings("ignore:SELFDESTRUCT opcode:DeprecationWarning")


@pytest.fixture
def trade(chain: Chain) -> TradeLeaf:
    """500 Wh at the limit of ann's order, from bob; 1000 are in escrow."""
    chain.deposit(chain.ann, ORDER, amount=1000, price_limit=1200)
    return TradeLeaf(TRADE, chain.ann, ORDER, chain.bob, amount=600, energy_wh=500)


def left(chain: Chain) -> int:
    return int(chain.ask("escrows", chain.ann, ORDER)[0])


def test_a_trade_is_paid_out_and_withdrawn(chain: Chain, trade: TradeLeaf) -> None:
    (at,) = chain.seal_trades(trade)
    receipt = chain.tell(chain.eve, "pay_out", *trade.arguments(), *at.arguments())
    event = chain.told("PaidOut", receipt)
    assert event == {
        "trade": TRADE, "buyer": chain.ann, "seller": chain.bob, "order": ORDER, "amount": 600, "energy_wh": 500,
    }  # fmt: skip
    assert (left(chain), chain.ask("claimable", chain.bob), chain.held()) == (400, 600, 1000)
    nowhere = "0x" + "12" * 20
    receipt = chain.tell(chain.bob, "withdraw", chain.web3.to_checksum_address(nowhere))
    event = chain.told("Withdrawn", receipt)
    assert event["amount"] == 600
    assert chain.web3.eth.get_balance(chain.web3.to_checksum_address(nowhere)) == 600
    assert (chain.ask("claimable", chain.bob), chain.held(), chain.ask("total_escrowed")) == (0, 400, 400)
    assert chain.refusal(chain.bob, "withdraw", chain.bob) == "nothing owed"


def test_the_leaf_is_the_same_here_and_on_chain(chain: Chain, trade: TradeLeaf) -> None:
    assert chain.ask("trade_leaf", *trade.arguments()) == leaf_hash(trade.data(chain.deployment))


def test_a_trade_is_paid_once(chain: Chain, trade: TradeLeaf) -> None:
    smaller = replace(trade, amount=300, energy_wh=250)
    first, again = chain.seal_trades(trade, smaller)
    (elsewhere,) = chain.seal_trades(trade)
    chain.tell(chain.bob, "pay_out", *trade.arguments(), *first.arguments())
    for leaf, at in ((trade, first), (smaller, again), (trade, elsewhere)):
        assert chain.refusal(chain.bob, "pay_out", *leaf.arguments(), *at.arguments()) == "trade settled"
        assert chain.sent(chain.bob, "pay_out", *leaf.arguments(), *at.arguments())["status"] == 0
    assert (left(chain), chain.ask("claimable", chain.bob)) == (400, 600)


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 599}, {"energy_wh": 501}, {"trade": word(0xB2)}, {"seller": "eve"}, {"order": word(0xA2)}, {"buyer": "bob"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_proof_serves_its_own_trade_only(
    chain: Chain, trade: TradeLeaf, change: dict[str, int | bytes | str]
) -> None:
    chain.deposit(chain.ann, word(0xA2), amount=1000, price_limit=1300)
    chain.deposit(chain.bob, ORDER, amount=1000, price_limit=1300)
    named = {key: getattr(chain, value) if isinstance(value, str) else value for key, value in change.items()}
    other = replace(trade, **named)  # type: ignore[arg-type]
    at, _ = chain.seal_trades(trade, replace(trade, trade=word(0xB9)))
    assert chain.refusal(chain.eve, "pay_out", *other.arguments(), *at.arguments()) == "not in the batch"
    assert chain.sent(chain.eve, "pay_out", *other.arguments(), *at.arguments())["status"] == 0
    assert (left(chain), chain.ask("total_claimable")) == (1000, 0)


def test_a_trade_sealed_for_another_contract_or_chain_is_not_paid_here(
    chain: Chain, trade: TradeLeaf
) -> None:
    here = chain.deployment
    elsewhere = [Deployment(here.chain_id + 1, here.contract), Deployment(here.chain_id, chain.eve)]
    for at in chain.seal([trade.data(place) for place in elsewhere]):
        assert chain.refusal(chain.bob, "pay_out", *trade.arguments(), *at.arguments()) == "not in the batch"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": 1001, "energy_wh": 10**6}, "escrow too small"),
        ({"energy_wh": 499}, "above the price limit"),
        ({"energy_wh": 0}, "above the price limit"),
        ({"energy_wh": 2**64}, "too much energy"),
        ({"seller": "0x" + "00" * 20}, "no seller"),
        ({"order": word(0xA2)}, "escrow expired"),
    ],
    ids=["too much", "too dear", "no energy", "too much energy", "nobody", "no escrow"],
)
def test_even_a_sealed_trade_takes_no_more_than_its_order_allows(
    chain: Chain, trade: TradeLeaf, change: dict[str, int | bytes | str], reason: str
) -> None:
    unfair = replace(trade, **change)  # type: ignore[arg-type]
    (at,) = chain.seal_trades(unfair)
    assert chain.refusal(chain.operator, "pay_out", *unfair.arguments(), *at.arguments()) == reason
    assert chain.sent(chain.operator, "pay_out", *unfair.arguments(), *at.arguments())["status"] == 0
    assert (left(chain), chain.ask("total_claimable"), chain.ask("settled", TRADE)) == (1000, 0, False)


def test_what_is_not_anchored_is_not_paid(chain: Chain, trade: TradeLeaf) -> None:
    assert chain.refusal(chain.bob, "pay_out", *trade.arguments(), 0, 0, []) == "not anchored"


def test_after_its_time_an_escrow_is_refunded_by_anyone_to_its_buyer(chain: Chain, trade: TradeLeaf) -> None:
    (at,) = chain.seal_trades(trade)
    assert chain.refusal(chain.ann, "refund", chain.ann, ORDER) == "not expired"
    chain.pass_time(DAY)
    assert chain.refusal(chain.bob, "pay_out", *trade.arguments(), *at.arguments()) == "escrow expired"
    receipt = chain.tell(chain.eve, "refund", chain.ann, ORDER)
    event = chain.told("Refunded", receipt)
    assert event == {"buyer": chain.ann, "order": ORDER, "amount": 1000}
    assert (chain.ask("claimable", chain.ann), chain.ask("claimable", chain.eve), left(chain)) == (1000, 0, 0)
    assert chain.refusal(chain.eve, "refund", chain.ann, ORDER) == "nothing left"


def test_an_escrow_pays_until_the_second_before_it_expires(chain: Chain) -> None:
    end = chain.now() + DAY
    chain.tell(chain.ann, "deposit", ORDER, 1200, end, value=1000)
    trade = TradeLeaf(TRADE, chain.ann, ORDER, chain.bob, amount=600, energy_wh=500)
    (at,) = chain.seal_trades(trade)
    chain.tester.time_travel(end - 1)
    assert chain.refusal(chain.ann, "refund", chain.ann, ORDER) == "not expired"
    assert chain.refusal(chain.bob, "pay_out", *trade.arguments(), *at.arguments()) == ""
    chain.tester.time_travel(end)
    assert chain.refusal(chain.ann, "refund", chain.ann, ORDER) == ""
    assert chain.refusal(chain.bob, "pay_out", *trade.arguments(), *at.arguments()) == "escrow expired"


def test_the_operator_gives_back_early_what_found_no_trade(chain: Chain, trade: TradeLeaf) -> None:
    chain.tell(chain.operator, "refund", chain.ann, ORDER)
    assert (chain.ask("claimable", chain.ann), chain.ask("claimable", chain.operator)) == (1000, 0)


@pytest.mark.parametrize(
    ("order", "price", "seconds", "value", "reason"),
    [
        (ORDER, 1, DAY, 5, "order used"),
        (word(1), 1, DAY, 0, "nothing deposited"),
        (word(1), 2**128 + 1, DAY, 5, "price limit too high"),
        (word(1), 1, HOUR - 1, 5, "expires too soon"),
        (word(1), 1, 366 * DAY + 2, 5, "expires too late"),
    ],
    ids=["used", "nothing", "price", "soon", "late"],
)
def test_deposits_that_make_no_sense_are_refused(
    chain: Chain, trade: TradeLeaf, order: bytes, price: int, seconds: int, value: int, reason: str
) -> None:
    arguments = (chain.ann, "deposit", order, price, chain.now() + seconds)
    assert chain.refusal(*arguments, value=value) == reason
    assert chain.sent(*arguments, value=value)["status"] == 0
    assert (chain.held(), chain.ask("total_escrowed")) == (1000, 1000)


@pytest.mark.parametrize("seconds", [HOUR, 366 * DAY])
def test_the_shortest_and_the_longest_escrow_are_taken(chain: Chain, seconds: int) -> None:
    chain.deposit(chain.ann, ORDER, amount=5, seconds=seconds)
    assert chain.held() == 5


def test_the_same_order_of_another_buyer_is_another_escrow(chain: Chain, trade: TradeLeaf) -> None:
    chain.deposit(chain.bob, ORDER, amount=7)
    assert (left(chain), chain.ask("escrows", chain.bob, ORDER)[0]) == (1000, 7)


def test_paused_nothing_new_begins_and_everything_can_be_taken_out(chain: Chain, trade: TradeLeaf) -> None:
    spare = replace(trade, trade=word(0xB2), amount=100)
    at, later = chain.seal_trades(trade, spare)
    chain.tell(chain.bob, "pay_out", *trade.arguments(), *at.arguments())
    chain.tell(chain.operator, "pause")
    assert chain.refusal(chain.bob, "pay_out", *spare.arguments(), *later.arguments()) == "paused"
    assert chain.refusal(chain.ann, "deposit", word(1), 1, chain.now() + DAY, value=5) == "paused"
    chain.tell(chain.bob, "withdraw", chain.bob)
    chain.pass_time(DAY)
    chain.tell(chain.ann, "refund", chain.ann, ORDER)
    chain.tell(chain.ann, "withdraw", chain.ann)
    assert (chain.held(), chain.ask("total_escrowed"), chain.ask("total_claimable")) == (0, 0, 0)


def test_coins_without_an_order_are_not_taken(chain: Chain) -> None:
    order = {"from": chain.ann, "to": chain.market.address, "value": 5, "gas": 100_000}
    sent = chain.web3.eth.send_transaction(order)
    assert chain.web3.eth.wait_for_transaction_receipt(sent)["status"] == 0
    assert chain.held() == 0


def test_coins_forced_in_change_no_account(chain: Chain, trade: TradeLeaf) -> None:
    chain.install("forcer", chain.market.address, value=77)
    assert chain.held() == 1077
    assert (chain.ask("total_escrowed"), chain.ask("total_claimable")) == (1000, 0)
    chain.tell(chain.operator, "refund", chain.ann, ORDER)
    chain.tell(chain.ann, "withdraw", chain.ann)
    assert chain.held() == 77


def test_a_thief_that_asks_again_while_it_is_paid_gets_nothing_more(chain: Chain, trade: TradeLeaf) -> None:
    thief = chain.install("thief", chain.market.address)
    order = {"from": chain.eve, "gas": 1_000_000}
    thief.functions.deposit(ORDER, chain.now() + DAY).transact({**order, "value": 50})
    chain.tell(chain.operator, "refund", thief.address, ORDER)
    again = thief.functions.take(True).transact(order)
    assert chain.web3.eth.wait_for_transaction_receipt(again)["status"] == 0
    assert (chain.held(), chain.ask("claimable", thief.address)) == (1050, 50)
    honest = thief.functions.take(False).transact(order)
    assert chain.web3.eth.wait_for_transaction_receipt(honest)["status"] == 1
    assert (chain.held(), chain.web3.eth.get_balance(thief.address)) == (1000, 50)


@pytest.mark.parametrize("to", ["0x" + "00" * 20, "market"], ids=["nowhere", "back"])
def test_withdrawals_go_somewhere(chain: Chain, trade: TradeLeaf, to: str) -> None:
    chain.tell(chain.operator, "refund", chain.ann, ORDER)
    there = chain.market.address if to == "market" else to
    assert chain.refusal(chain.ann, "withdraw", there) == "bad destination"
    assert chain.ask("claimable", chain.ann) == 1000
