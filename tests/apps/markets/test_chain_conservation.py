"""Whatever is done in whatever order, by whomever: the contract holds what it owes, and each trade and Wh counts once."""

from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from apps.markets.chain.leaves import Sealed, TradeLeaf
from tests.evm.chain import DAY, HOUR, Chain, word
from tests.exhaustive import EXHAUSTIVE

PEOPLE = st.sampled_from(["ann", "bob", "eve"])
ONCE = {"pay_out", "refund", "withdraw"}  # what succeeded is refused at once when asked for again
NUMBER = st.integers(0, 3)


class Market(RuleBasedStateMachine):
    """The contract beside a few lines of Python that say what must come of each step."""

    chain: Chain | None = None
    clean: Any = None

    @initialize()
    def begin(self) -> None:
        """Start from three deposits and four fair trades of three numbers, two of them paid, made once for all examples."""
        made = Market.chain is None
        self.market = Market.chain or Chain()
        if not made:
            self.market.tester.revert_to_snapshot(Market.clean)
        self.escrows: dict[tuple[str, int], list[int]] = {}
        self.owed = {"ann": 0, "bob": 0, "eve": 0}
        self.sealed: list[tuple[TradeLeaf, Sealed, str, str, int]] = []
        self.settled: set[bytes] = set()
        self.paused = False
        self.put_in = self.taken_out = 0
        if made:
            self.prelude()
            Market.chain = self.market
            Market.known = (self.escrows, self.owed, self.sealed, self.settled, self.put_in)
        self.escrows, self.owed, self.sealed, self.settled, self.put_in = deepcopy(Market.known)
        Market.clean = self.market.tester.take_snapshot()

    known: Any

    def prelude(self) -> None:
        for buyer, order in (("ann", 0), ("bob", 0), ("eve", 1)):
            self.deposit(buyer, order=order, amount=4000, price=3000, hours=24)
        for trade, which in enumerate((0, 1, 2, 0)):
            self.seal_for_an_escrow(trade % 3, which=which, seller="bob", share=2)
        self.pay_out(0, stolen=True)
        self.pay_out(0, stolen=False)
        self.pay_out(1, stolen=False)

    def done(self, expected: bool, sender: str, name: str, *arguments: object, value: int = 0) -> None:
        who = getattr(self.market, sender)
        assert self.market.sent(who, name, *arguments, value=value)["status"] == int(expected)
        if expected and name in ONCE:
            assert self.market.sent(who, name, *arguments)["status"] == 0

    @rule(
        buyer=PEOPLE,
        order=NUMBER,
        amount=st.integers(0, 5000),
        price=st.integers(0, 3000),
        hours=st.integers(0, 30),
    )
    def deposit(self, buyer: str, order: int, amount: int, price: int, hours: int) -> None:
        end = self.market.now() + hours * HOUR
        good = amount > 0 and hours >= 1 and not self.paused and (buyer, order) not in self.escrows
        self.done(good, buyer, "deposit", word(order), price, end, value=amount)
        if good:
            self.escrows[buyer, order] = [amount, price, end]
            self.put_in += amount

    @rule(
        trade=st.integers(0, 5), buyer=PEOPLE, order=NUMBER, seller=PEOPLE,
        amount=st.integers(0, 3000), energy=st.integers(0, 3000),
    )  # fmt: skip
    def seal(self, trade: int, buyer: str, order: int, seller: str, amount: int, energy: int) -> None:
        people = getattr(self.market, buyer), getattr(self.market, seller)
        leaf = TradeLeaf(word(trade), people[0], word(order), people[1], amount=amount, energy_wh=energy)
        other = TradeLeaf(word(trade), people[0], word(order), people[0], amount=amount, energy_wh=energy)
        at = self.market.seal_trades(leaf, other)[0]
        self.sealed.append((leaf, at, buyer, seller, order))

    @rule(trade=st.integers(0, 5), which=st.integers(0, 100), seller=PEOPLE, share=st.integers(1, 4))
    def seal_for_an_escrow(self, trade: int, which: int, seller: str, share: int) -> None:
        if self.escrows:
            (buyer, order), (left, price, _) = list(self.escrows.items())[which % len(self.escrows)]
            energy = left * 1000 // (price * share) + 1 if price else 1
            self.seal(trade, buyer, order, seller, min(left // share, price * energy // 1000), energy)

    @rule(which=st.integers(0, 100), stolen=st.sampled_from([False, False, True]))
    def pay_out(self, which: int, stolen: bool) -> None:
        if not self.sealed:
            return
        leaf, at, buyer, seller, order = self.sealed[which % len(self.sealed)]
        left, price, end = self.escrows.get((buyer, order), (0, 0, 0))
        good = not self.paused and not stolen and leaf.trade not in self.settled and self.market.now() < end
        good = good and leaf.amount <= left and leaf.amount * 1000 <= price * leaf.energy_wh
        named = list(leaf.arguments())
        if stolen:
            named[3] = self.market.others[0]
        self.done(good, "eve", "pay_out", *named, *at.arguments())
        if good:
            self.settled.add(leaf.trade)
            self.escrows[buyer, order][0] -= leaf.amount
            self.owed[seller] += leaf.amount

    @rule(sender=st.sampled_from(["ann", "bob", "eve", "operator"]), buyer=PEOPLE, order=NUMBER)
    def refund(self, sender: str, buyer: str, order: int) -> None:
        left, _, end = self.escrows.get((buyer, order), (0, 0, 0))
        good = left > 0 and (self.market.now() >= end or sender == "operator")
        self.done(good, sender, "refund", getattr(self.market, buyer), word(order))
        if good:
            self.escrows[buyer, order][0] = 0
            self.owed[buyer] += left

    @rule(owner=PEOPLE, owed=st.sampled_from([True, True, False]))
    def withdraw(self, owner: str, owed: bool) -> None:
        owner = max(self.owed, key=lambda name: self.owed[name]) if owed else owner
        self.done(self.owed[owner] > 0, owner, "withdraw", self.market.others[1])
        self.taken_out += self.owed[owner]
        self.owed[owner] = 0

    @rule(paused=st.sampled_from([False, False, True]), sender=st.sampled_from(["operator", "eve"]))
    def brake(self, paused: bool, sender: str) -> None:
        self.done(sender == "operator", sender, "pause" if paused else "resume")
        self.paused = paused if sender == "operator" else self.paused

    @rule(seconds=st.integers(1, DAY // 3))
    def pass_time(self, seconds: int) -> None:
        self.market.pass_time(seconds)

    @invariant()
    def holds_what_it_owes(self) -> None:
        escrowed = sum(left for left, _, _ in self.escrows.values())
        owed = sum(self.owed.values())
        assert self.market.ask("total_escrowed") == escrowed
        assert self.market.ask("total_claimable") == owed
        assert self.market.held() == escrowed + owed == self.put_in - self.taken_out

    def teardown(self) -> None:
        for name, amount in self.owed.items():
            assert self.market.ask("claimable", getattr(self.market, name)) == amount


Market.TestCase.settings = settings(
    max_examples=100 if EXHAUSTIVE else 4,
    stateful_step_count=40 if EXHAUSTIVE else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestMarket = Market.TestCase
